"""Measure a candidate against a baseline: the same suites, cases and clock for both."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from benchmarks.answers import AnswerCache, suite_statistics, translate_suite
from benchmarks.behaviour import BehaviourTables, Outcome, load_tables, run_behaviour
from benchmarks.breakdown import Part, length_name, parts
from benchmarks.checks import CHECKS, WORD, Check
from benchmarks.load import ThroughputRow
from benchmarks.measurements import (
    Change,
    CheckRate,
    Example,
    GroupResult,
    Measurements,
    MetricResult,
    ScoreResult,
    SubjectInfo,
    SuiteResult,
)
from benchmarks.metrics import METRICS, Rows, Statistics
from benchmarks.pins import Pin, pins_digest
from benchmarks.progress import Progress, Silent
from benchmarks.second_opinion import Texts, read_sheet
from benchmarks.significance import PairedTest, SamplingPlan, pooled_test
from benchmarks.speed import (
    SpeedPlan,
    SpeedReport,
    StartReport,
    measure_speed,
    pick_sentences,
)
from benchmarks.subject import Subject, same_subject
from benchmarks.suite import Suite
from benchmarks.variants import canonical_lines
from csanmt.errors import InvalidInputError

SENTENCE_METRIC = "chrf2pp"  # ranks changed sentences
EXAMPLES = 50  # kept of every check
LONG = 10  # words of a reference that nobody writes again by chance
SUSPECT = 0.05  # p of a loss from which on it is looked at with both written alike
MeasureThroughput = Callable[[Subject, Subject, Sequence[str], Progress], tuple[ThroughputRow, ...]]
MeasureScores = Callable[[Mapping[str, Texts]], Sequence[ScoreResult]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        suites: each of another name.
        speed: None leaves it out.
        together: suites that are pooled, and whose sentences are timed; empty: all.
        tested: metrics that decide (a loss is looked at again, written alike).
        slices: kinds of parts of a suite that are tested.
        scores: seam for segment scores of other metrics; human: a filled sheet.
        retrained: the candidate is declared to be trained anew.
        workers: processes for TER.
    """

    suites: Sequence[Suite]
    metrics: Sequence[str] = ("bleu", "chrf2pp", "chrf2", "ter")
    sampling: SamplingPlan = field(default_factory=SamplingPlan)
    smoke: Suite | None = None
    pins: Sequence[Pin] = ()
    behaviour: bool = True
    speed: SpeedPlan | None = None
    together: Sequence[Suite] = ()
    tested: Sequence[str] = ("bleu", "chrf2pp")
    slices: Sequence[str] = ()
    scores: MeasureScores | None = None
    human: Path | None = None
    retrained: bool = False
    workers: int = 1
    measure_start: Callable[[Subject, Subject], StartReport | None] | None = None
    measure_throughput: MeasureThroughput | None = None
    clock: Callable[[], float] = time.perf_counter

    def __post_init__(self) -> None:
        names = [suite.name for suite in self.suites]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InvalidInputError(
                f"two suites are named {twice!r}: give one of them another name in its suite.toml"
            )


def measure(
    candidate: Subject,
    baseline: Subject,
    plan: Plan,
    cache: AnswerCache = AnswerCache(),
    progress: Progress | None = None,
) -> Measurements:
    """Everything ``plan`` asks for; of files of hypotheses, quality alone.

    Raises:
        CsanmtError: one of the two could not answer; nothing is judged then.
    """
    progress = progress or Silent()
    compared = [
        Comparison(candidate, baseline, suite, plan, cache, progress) for suite in plan.suites
    ]
    names = {suite.name for suite in plan.together or plan.suites}
    together = [c for c in compared if c.suite.name in names]
    alike = _looked_at_again(compared, together, plan)
    files = "hypotheses" in (candidate.kind, baseline.kind)
    tables = load_tables() if plan.behaviour and not files else None
    speed = None
    if plan.speed is not None and not files:
        speed = _speed(candidate, baseline, plan, plan.speed, progress)
    texts = {c.suite.name: c.texts for c in compared}
    return Measurements(
        candidate=SubjectInfo.of(candidate),
        baseline=SubjectInfo.of(baseline),
        suites=tuple(c.result(alike) for c in compared),
        behaviour=compare_behaviour(candidate, baseline, tables, progress) if tables else None,
        smoke=None if files else _smoke(candidate, baseline, plan.smoke),
        pins=None if files else _pins(candidate, baseline, plan.pins),
        speed=speed,
        pooled=_pooled(together, plan, alike) if len(together) > 1 else (),
        scores=tuple(plan.scores(texts)) if plan.scores else (),
        human=read_sheet(
            plan.human, lambda name, i: (texts[name].baseline[i], texts[name].candidate[i])
        ) if plan.human else None,
        retrained=plan.retrained,
        digests=_digests(tables, plan),
    )  # fmt: skip


def _looked_at_again(
    compared: Sequence[Comparison], together: Sequence[Comparison], plan: Plan
) -> frozenset[str]:
    """Metrics by which the candidate may be worse somewhere."""
    groups = [[c] for c in compared] + ([list(together)] if len(together) > 1 else [])
    return frozenset(
        key
        for key in plan.tested
        if key in plan.metrics
        and any(
            test.p_worse < SUSPECT or (test.gain_bound < 0 and test.p_worse < 0.5)
            for test in (_test(key, group, plan) for group in groups)
        )
    )


def _test(key: str, group: Sequence[Comparison], plan: Plan, alike: bool = False) -> PairedTest:
    """Cached by what it is of: rules and the second look ask for the same ones."""
    pairs = [c.rows(key, alike) for c in group]
    at = (key, alike, tuple(id(pair) for pair in pairs))
    known = group[0].tests
    if at not in known:
        known[at] = pooled_test(METRICS[key], pairs, plan.sampling)
    return known[at]


def _result(
    key: str, group: Sequence[Comparison], plan: Plan, alike: frozenset[str]
) -> MetricResult:
    test = _test(key, group, plan)
    again = _test(key, group, plan, alike=True) if key in alike else None
    return MetricResult(key, group[0].statistics(key)[0].signature, test, again)


def _pooled(
    together: Sequence[Comparison], plan: Plan, alike: frozenset[str]
) -> tuple[MetricResult, ...]:
    return tuple(_result(key, together, plan, alike) for key in plan.metrics)


def _speed(
    candidate: Subject, baseline: Subject, plan: Plan, how: SpeedPlan, progress: Progress
) -> SpeedReport:
    """Latency, then what the plan's seams measure: throughput and a fresh process's start."""
    sources = [source for suite in plan.together or plan.suites for source in suite.sources]
    if same_subject(baseline, candidate):
        how = replace(how, max_rounds=how.rounds)  # nothing is open that rounds could decide
    found = measure_speed(baseline, candidate, sources, how, clock=plan.clock, progress=progress)
    sentences = [s for bucket in pick_sentences(sources, how) for s in bucket]
    load = plan.measure_throughput
    return replace(
        found,
        throughput=load(baseline, candidate, sentences, progress) if load and sentences else (),
        start=plan.measure_start(baseline, candidate) if plan.measure_start else None,
    )


def _digests(tables: BehaviourTables | None, plan: Plan) -> dict[str, str]:
    found = {"pins": pins_digest(plan.pins)}
    if tables:
        found["behaviour"] = tables.digest
    if plan.smoke:
        found["smoke"] = plan.smoke.digest
    return found


class Comparison:
    """Both systems' answers to one suite, and what is computed of them.

    Raises:
        InvalidInputError: the suite has no references to score against.
    """

    def __init__(
        self,
        candidate: Subject,
        baseline: Subject,
        suite: Suite,
        plan: Plan,
        cache: AnswerCache,
        progress: Progress,
    ) -> None:
        if not suite.references:
            raise InvalidInputError(
                f"suite {suite.name!r} has no references: it can be run, not compared or judged"
            )
        self.suite, self._plan, self._cache, self._progress = suite, plan, cache, progress
        self.old = translate_suite(baseline, suite, cache, progress, plan.workers)
        same = same_subject(baseline, candidate)
        self.new = list(self.old) if same else translate_suite(
            candidate, suite, cache, progress, plan.workers
        )  # fmt: skip
        self.tests: dict[tuple[Any, ...], PairedTest] = {}
        self._statistics: dict[tuple[str, bool], tuple[Statistics, Statistics]] = {}
        self._pairs: dict[tuple[str, bool], tuple[Rows, Rows]] = {}

    @property
    def texts(self) -> Texts:
        return Texts(self.suite.sources, self.suite.references[0], self.old, self.new)

    def statistics(self, key: str, alike: bool = False) -> tuple[Statistics, Statistics]:
        """Of baseline and candidate; ``alike``: of the texts written alike."""
        if (key, alike) not in self._statistics:
            suite, old, new = self.suite, self.old, self.new
            if alike:
                references = tuple(tuple(canonical_lines(r)) for r in suite.references)
                suite = replace(suite, references=references)
                old, new = canonical_lines(old), canonical_lines(new)
            score = partial(suite_statistics, key, suite, cache=self._cache,
                            workers=self._plan.workers, progress=self._progress)  # fmt: skip
            base = score(hypotheses=old)
            cand = base if new == old else score(hypotheses=new, known=(old, base))
            self._statistics[key, alike] = (base, cand)
        return self._statistics[key, alike]

    def rows(self, key: str, alike: bool = False) -> tuple[Rows, Rows]:
        if (key, alike) not in self._pairs:
            base, cand = self.statistics(key, alike)
            self._pairs[key, alike] = (base.rows, cand.rows)
        return self._pairs[key, alike]

    def result(self, alike: frozenset[str]) -> SuiteResult:
        """Metrics with paired tests, check rates, changes and slices."""
        suite, plan, old, new = self.suite, self._plan, self.old, self.new
        self._progress.start(f"{suite.name}: paired tests", len(plan.metrics))
        metrics = []
        for key in plan.metrics:
            metrics.append(_result(key, [self], plan, alike))
            self._progress.advance(1)
        self._progress.finish()
        references = suite.references[0]
        longer = [i for i, r in enumerate(references) if len(WORD.findall(r)) >= LONG]
        return SuiteResult(
            name=suite.name,
            digest=suite.digest,
            description=suite.description,
            licence=suite.licence,
            sentences=len(suite.sources),
            metrics=tuple(metrics),
            checks=tuple(_rate(check, suite, old, new) for check in CHECKS),
            changes=_changes(suite, old, new, *self.statistics(SENTENCE_METRIC)),
            slices=self._slices(),
            long_sentences=len(longer),
            memorised=_copies(suite, new, longer),
            baseline_memorised=_copies(suite, old, longer),
        )

    def _slices(self) -> tuple[Part, ...]:
        suite = self.suite
        found: list[Part] = []
        columns = {
            "length": [length_name(source) for source in suite.sources],
            "domain": suite.domains,
            "document": suite.documents,
        }
        for kind, names in columns.items():
            if names:
                sampling = self._plan.sampling if kind in self._plan.slices else None
                found += parts(kind, names, *self.statistics(SENTENCE_METRIC), sampling)
        return tuple(found)


def _copies(suite: Suite, lines: Sequence[str], indices: Sequence[int]) -> int:
    """How many of these sentences are a reference word for word, case and marks aside."""
    return sum(
        any(WORD.findall(lines[i].casefold()) == WORD.findall(r[i].casefold())
            for r in suite.references)
        for i in indices
    )  # fmt: skip


def _changes(
    suite: Suite, old: list[str], new: list[str], base: Statistics, cand: Statistics
) -> tuple[Change, ...]:
    before, after = base.sentence_scores(), cand.sentence_scores()
    changes = [
        Change(
            index=i,
            source=suite.sources[i],
            reference=suite.references[0][i] if suite.references else "",
            baseline=old[i],
            candidate=new[i],
            baseline_score=float(before[i]),
            candidate_score=float(after[i]),
        )
        for i in range(len(old))
        if old[i] != new[i]
    ]
    return tuple(sorted(changes, key=lambda change: change.delta))


def _rate(check: Check, suite: Suite, old: list[str], new: list[str]) -> CheckRate:
    texts = (suite.sources, suite.references[0])
    before = _findings(check, *texts, tuple(old))
    after = before if new == old else _findings(check, *texts, tuple(new))
    pairs = [(i, before[i], after[i]) for i in before]
    worse = [i for i, was, now in pairs if now is not None and was is None]
    return CheckRate(
        check=check.name,
        about=check.about,
        sentences=len(pairs),
        baseline=sum(was is not None for _, was, _ in pairs),
        candidate=sum(now is not None for _, _, now in pairs),
        worse=len(worse),
        better=sum(was is not None and now is None for _, was, now in pairs),
        examples=tuple(
            Example(i, suite.sources[i], old[i], new[i], after[i] or "") for i in worse[:EXAMPLES]
        ),
    )


@lru_cache(maxsize=512)  # a system is compared with many where all pairs are judged
def _findings(
    check: Check, sources: tuple[str, ...], references: tuple[str, ...], lines: tuple[str, ...]
) -> dict[int, str | None]:
    """Of every sentence that the check applies to: what is wrong with its translation."""
    triples = enumerate(zip(sources, references, lines, strict=True))
    return {i: check.find(s, line, r) for i, (s, r, line) in triples if check.applies(s, r)}


def compare_behaviour(
    candidate: Subject, baseline: Subject, tables: BehaviourTables, progress: Progress
) -> tuple[GroupResult, ...]:
    """Every group of the tables, in their order."""
    old = run_behaviour(baseline, tables, progress)
    new = old if same_subject(baseline, candidate) else run_behaviour(candidate, tables, progress)
    return tuple(
        _group(
            name,
            about,
            [outcome for outcome in old if outcome.group == name],
            [outcome for outcome in new if outcome.group == name],
        )
        for name, about in tables.about.items()
    )


def _group(name: str, about: str, old: Sequence[Outcome], new: Sequence[Outcome]) -> GroupResult:
    pairs = list(zip(old, new, strict=True))
    return GroupResult(
        group=name,
        about=about,
        cases=len(pairs),
        new=tuple(n for o, n in pairs if n.problem and not o.problem),
        old=tuple(n for o, n in pairs if n.problem and o.problem),
        fixed=tuple(n for o, n in pairs if o.problem and not n.problem),
    )


def _smoke(candidate: Subject, baseline: Subject, suite: Suite | None) -> GroupResult | None:
    if suite is None:
        return None
    old = smoke_outcomes(baseline, suite)
    new = old if same_subject(baseline, candidate) else smoke_outcomes(candidate, suite)
    return _group("smoke", suite.description, old, new)


def smoke_outcomes(subject: Subject, suite: Suite) -> list[Outcome]:
    """Every sentence of a smoke suite, judged by its patterns."""
    outputs = subject.translate(list(suite.sources))
    return [
        Outcome("smoke", s.source, output, _smoke_problem(s.accept, s.forbid, output))
        for s, output in zip(suite.smoke, outputs, strict=True)
    ]


def _smoke_problem(accept: Sequence[str], forbid: Sequence[str], output: str) -> str | None:
    if not any(re.search(p, output, re.IGNORECASE | re.DOTALL) for p in accept):
        return f"is not an acceptable answer, such as /{accept[0]}/"
    hit = next((p for p in forbid if re.search(p, output, re.IGNORECASE | re.DOTALL)), None)
    return f"has /{hit}/" if hit else None


def _pins(candidate: Subject, baseline: Subject, pins: Sequence[Pin]) -> GroupResult:
    sources = [pin.source for pin in pins]

    def ask(subject: Subject) -> list[Outcome]:
        outputs = subject.translate(sources) if sources else []
        return [
            Outcome("pins", pin.source, output, pin.judge(output))
            for pin, output in zip(pins, outputs, strict=True)
        ]

    return _group("pins", "corrections that became tests", ask(baseline), ask(candidate))
