"""Everything measured about a candidate and its baseline, before anybody judges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.behaviour import GroupResult
from benchmarks.significance import PairedTest
from benchmarks.speed import SpeedReport
from benchmarks.subject import SubjectInfo, same_subject

SHARED = 0.75  # two files that differ in more of their answers are no versions of one system


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric on one suite (or on several pooled) with sacreBLEU's signature.

    ``alike`` is the test once both and the reference are written alike (``variants``): None
    where nothing asked for it.
    """

    metric: str
    signature: str
    test: PairedTest
    alike: PairedTest | None = None

    @property
    def p_worse(self) -> float:
        """Of a loss that is there whichever way things are written."""
        return max(self.test.p_worse, self.alike.p_worse if self.alike else 0.0)

    def loss(self, sign: int) -> float:
        """Points lost, the smaller number of the two ways."""
        return min(-sign * t.delta for t in (self.test, self.alike) if t is not None)

    @property
    def gain_bound(self) -> float:
        return max(t.gain_bound for t in (self.test, self.alike) if t is not None)


@dataclass(frozen=True, slots=True)
class CheckRate:
    """How often a check fails on a suite, and on which sentences only one system fails.

    Attributes:
        sentences: sources the check applies to.
        worse: sentences that only the candidate fails; better: only the baseline.
        examples: of the former, each with what is wrong.
    """

    check: str
    about: str
    sentences: int
    baseline: int
    candidate: int
    worse: int
    better: int
    examples: tuple[tuple[str, Change], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A sentence whose translation changed. Scores are sentence chrF2++ (0 to 100)."""

    index: int
    source: str
    reference: str
    baseline: str
    candidate: str
    baseline_score: float
    candidate_score: float

    @property
    def delta(self) -> float:
        return self.candidate_score - self.baseline_score


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a suite and both systems' score on it.

    Attributes:
        kind: "length", "domain" or "document".
        test: where the plan asked for it.
    """

    kind: str
    name: str
    sentences: int
    baseline: float
    candidate: float
    test: PairedTest | None = None

    @property
    def delta(self) -> float:
        return self.candidate - self.baseline


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """Both systems on one suite.

    Attributes:
        changes: every changed sentence, worst first.
        slices: chrF2++ by source length, by domain, and by document (worst first).
        answers: the candidate's; left out of JSON.
        memorised: of ``long_sentences`` of 10 words and more, those that the candidate and
            the baseline translated word for word like a reference.
    """

    name: str
    digest: str
    description: str
    licence: str
    sentences: int
    metrics: tuple[MetricResult, ...]
    checks: tuple[CheckRate, ...]
    changes: tuple[Change, ...]
    slices: tuple[Part, ...] = ()
    answers: tuple[str, ...] = ()
    long_sentences: int = 0
    memorised: int = 0
    baseline_memorised: int = 0

    @property
    def churn(self) -> float:
        """Share of sentences whose translation changed."""
        return len(self.changes) / self.sentences

    def metric(self, key: str) -> MetricResult | None:
        return next((m for m in self.metrics if m.metric == key), None)


def check_totals(suites: Sequence[SuiteResult]) -> dict[str, CheckRate]:
    """Check rates added up over suites; checks that never applied are left out."""
    totals: dict[str, CheckRate] = {}
    for rate in (rate for suite in suites for rate in suite.checks if rate.sentences):
        have = totals.get(rate.check)
        totals[rate.check] = rate if have is None else CheckRate(
            rate.check, rate.about, have.sentences + rate.sentences,
            have.baseline + rate.baseline, have.candidate + rate.candidate,
            have.worse + rate.worse, have.better + rate.better, have.examples + rate.examples,
        )  # fmt: skip
    return totals


def churn(suites: Sequence[SuiteResult]) -> float:
    """Share of all sentences of these suites whose translation changed."""
    total = sum(suite.sentences for suite in suites)
    return sum(len(suite.changes) for suite in suites) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """Segment scores of another metric: the mean difference with its one-sided 95 % bound."""

    name: str
    segments: int
    baseline: float
    candidate: float
    low: float  # of the gain


@dataclass(frozen=True, slots=True)
class HumanResult:
    """What a judge said who did not know which was which; ``sheet`` is the file's SHA-256."""

    better: int
    worse: int
    equal: int
    sheet: str


@dataclass(frozen=True, slots=True)
class Measurements:
    """What a verdict is made from. None: was not measured.

    Attributes:
        pooled: the metrics on the suites that are judged together, as one; empty where that
            is one suite.
        retrained: the candidate is declared to be trained anew, not patched.
    """

    candidate: SubjectInfo
    baseline: SubjectInfo
    suites: tuple[SuiteResult, ...]
    behaviour: tuple[GroupResult, ...] | None = None
    smoke: GroupResult | None = None
    pins: GroupResult | None = None
    speed: SpeedReport | None = None
    pooled: tuple[MetricResult, ...] = ()
    scores: tuple[ScoreResult, ...] = ()
    human: HumanResult | None = None
    retrained: bool = False
    digests: Mapping[str, str] = field(default_factory=dict)  # of cases, pins, …

    @property
    def quality_only(self) -> bool:
        """A file of hypotheses takes part: nothing can be asked of it."""
        return "hypotheses" in (self.candidate.kind, self.baseline.kind)

    @property
    def same_subject(self) -> bool:
        """Candidate and baseline are the same model with the same code and settings."""
        return same_subject(self.candidate, self.baseline)

    @property
    def same_family(self) -> bool:
        """Versions of one system: of one known family, or sharing a quarter of their answers."""
        known = self.candidate.family and self.baseline.family
        if known:
            return self.candidate.family == self.baseline.family
        return self.same_subject or self.churn <= SHARED

    @property
    def churn(self) -> float:
        """Share of all sentences of all suites whose translation changed."""
        return churn(self.suites)

    def to_json(self, max_changes: int | None = None) -> dict[str, Any]:
        """Plain JSON values; of every suite the ``max_changes`` worst changes."""
        value = asdict(self)
        for suite, plain in zip(self.suites, value["suites"], strict=True):
            plain["churn"] = suite.churn
            plain["changed"] = len(suite.changes)
            plain["changes"] = plain["changes"][:max_changes]
            del plain["answers"]
        value["churn"] = self.churn
        return value
