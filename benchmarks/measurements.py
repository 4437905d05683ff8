"""Everything measured about a candidate and its baseline, before anybody judges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.behaviour import Outcome
from benchmarks.breakdown import Part
from benchmarks.significance import PairedTest
from benchmarks.speed import SpeedReport
from benchmarks.subject import Subject, same_subject


@dataclass(frozen=True, slots=True)
class SubjectInfo:
    """Who a subject is. ``digest`` None: unknown; ``overrides`` as of the subject."""

    label: str
    kind: str
    tag: str
    digest: str | None
    settings: Mapping[str, object]
    overrides: tuple[str, ...] = ()

    @classmethod
    def of(cls, subject: Subject) -> SubjectInfo:
        return cls(
            subject.label, subject.kind, subject.tag, subject.digest, dict(subject.settings),
            subject.overrides,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric on one suite with sacreBLEU's signature."""

    metric: str
    signature: str
    test: PairedTest


@dataclass(frozen=True, slots=True)
class Example:
    """One sentence that got worse (or shows a fault)."""

    source: str
    baseline: str
    candidate: str
    problem: str


@dataclass(frozen=True, slots=True)
class CheckRate:
    """How often a check fails on a suite, and on which sentences only one system fails.

    Attributes:
        sentences: sources the check applies to.
        worse: sentences that only the candidate fails; better: only the baseline.
    """

    check: str
    about: str
    sentences: int
    baseline: int
    candidate: int
    worse: int
    better: int
    examples: tuple[Example, ...] = ()


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
class SuiteResult:
    """Both systems on one suite.

    Attributes:
        changes: every changed sentence, worst first.
        documents: chrF2++ by document, worst first; lengths: by source length.
        comet: "baseline", "candidate", "low", "high" (of the difference) and "signature" if
            COMET was asked for.
    """

    name: str
    digest: str
    description: str
    licence: str
    sentences: int
    metrics: tuple[MetricResult, ...]
    checks: tuple[CheckRate, ...]
    changes: tuple[Change, ...]
    documents: tuple[Part, ...] = ()
    lengths: tuple[Part, ...] = ()
    comet: Mapping[str, Any] | None = None

    @property
    def churn(self) -> float:
        """Share of sentences whose translation changed."""
        return len(self.changes) / self.sentences

    def metric(self, key: str) -> MetricResult | None:
        return next((m for m in self.metrics if m.metric == key), None)


def churn(suites: Sequence[SuiteResult]) -> float:
    """Share of all sentences of these suites whose translation changed."""
    total = sum(suite.sentences for suite in suites)
    return sum(len(suite.changes) for suite in suites) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class GroupResult:
    """One group of behaviour cases (or smoke sentences, or pins).

    Attributes:
        new: cases the candidate fails and the baseline passes.
        old: cases both fail. fixed: cases only the baseline fails.
    """

    group: str
    about: str
    cases: int
    new: tuple[Outcome, ...]
    old: tuple[Outcome, ...]
    fixed: tuple[Outcome, ...]

    @property
    def failures(self) -> int:
        """Of the candidate."""
        return len(self.new) + len(self.old)

    @property
    def baseline_failures(self) -> int:
        return len(self.old) + len(self.fixed)


@dataclass(frozen=True, slots=True)
class Measurements:
    """What a verdict is made from. None: was not measured."""

    candidate: SubjectInfo
    baseline: SubjectInfo
    suites: tuple[SuiteResult, ...]
    behaviour: tuple[GroupResult, ...] | None = None
    smoke: GroupResult | None = None
    pins: GroupResult | None = None
    speed: SpeedReport | None = None
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
        value["churn"] = self.churn
        return value
