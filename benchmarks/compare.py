"""Measure a candidate against a baseline: the same suites, cases and clock for both."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from benchmarks.answers import AnswerCache, suite_statistics, translate_suite
from benchmarks.behaviour import BehaviourTables, Outcome, load_tables, run_behaviour
from benchmarks.breakdown import by_document, by_length
from benchmarks.checks import CHECKS
from benchmarks.load import ThroughputRow
from benchmarks.measurements import (
    Change,
    CheckRate,
    Example,
    GroupResult,
    Measurements,
    MetricResult,
    SubjectInfo,
    SuiteResult,
)
from benchmarks.metrics import METRICS, Statistics
from benchmarks.pins import Pin, pins_digest
from benchmarks.progress import Progress, Silent
from benchmarks.significance import SamplingPlan, paired_test
from benchmarks.speed import (
    SpeedPlan,
    SpeedReport,
    StartReport,
    measure_speed,
    pick_sentences,
)
from benchmarks.subject import Subject, same_subject
from benchmarks.suite import Suite
from csanmt.errors import InvalidInputError
from csanmt.faults import Fault

SENTENCE_METRIC = "chrf2pp"  # ranks changed sentences
EXAMPLES = 5  # kept of every check
MeasureThroughput = Callable[[Subject, Subject, Sequence[str], Progress], tuple[ThroughputRow, ...]]
CometScorer = Callable[[Suite, list[str], list[str]], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        suites: each of another name.
        speed: None leaves it out.
        timed: suites whose sentences are timed; empty: all.
        workers: processes for TER.
    """

    suites: Sequence[Suite]
    metrics: Sequence[str] = ("bleu", "chrf2pp", "chrf2", "ter")
    sampling: SamplingPlan = field(default_factory=SamplingPlan)
    smoke: Suite | None = None
    pins: Sequence[Pin] = ()
    behaviour: bool = True
    speed: SpeedPlan | None = None
    timed: Sequence[Suite] = ()
    workers: int = 1
    comet: CometScorer | None = None
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
    suites = tuple(
        compare_suite(candidate, baseline, suite, plan, cache, progress) for suite in plan.suites
    )
    files = "hypotheses" in (candidate.kind, baseline.kind)
    tables = load_tables() if plan.behaviour and not files else None
    speed = None
    if plan.speed is not None and not files:
        speed = _speed(candidate, baseline, plan, plan.speed, progress)
    return Measurements(
        candidate=SubjectInfo.of(candidate),
        baseline=SubjectInfo.of(baseline),
        suites=suites,
        behaviour=compare_behaviour(candidate, baseline, tables, progress) if tables else None,
        smoke=None if files else _smoke(candidate, baseline, plan.smoke),
        pins=None if files else _pins(candidate, baseline, plan.pins),
        speed=speed,
        digests=_digests(tables, plan),
    )


def _speed(
    candidate: Subject, baseline: Subject, plan: Plan, how: SpeedPlan, progress: Progress
) -> SpeedReport:
    """Latency, then what the plan's seams measure: throughput and a fresh process's start."""
    sources = [source for suite in plan.timed or plan.suites for source in suite.sources]
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


def compare_suite(
    candidate: Subject,
    baseline: Subject,
    suite: Suite,
    plan: Plan,
    cache: AnswerCache,
    progress: Progress,
) -> SuiteResult:
    """Metrics with paired tests, check rates, changes and breakdowns on one suite.

    Raises:
        InvalidInputError: the suite has no references to score against.
    """
    if not suite.references:
        raise InvalidInputError(
            f"suite {suite.name!r} has no references: it can be run, not compared or judged"
        )
    old = translate_suite(baseline, suite, cache, progress, plan.workers)
    same = same_subject(baseline, candidate)
    new = list(old) if same else translate_suite(
        candidate, suite, cache, progress, plan.workers
    )  # fmt: skip
    statistics: dict[str, tuple[Statistics, Statistics]] = {}
    for key in dict.fromkeys((*plan.metrics, SENTENCE_METRIC)):
        base = suite_statistics(key, suite, old, cache, workers=plan.workers, progress=progress)
        cand = base if new == old else suite_statistics(
            key, suite, new, cache, known=(old, base), workers=plan.workers, progress=progress
        )  # fmt: skip
        statistics[key] = (base, cand)
    progress.start(f"{suite.name}: paired tests", len(plan.metrics))
    metrics = []
    for key in plan.metrics:
        base, cand = statistics[key]
        test = paired_test(METRICS[key], base.rows, cand.rows, plan.sampling)
        metrics.append(MetricResult(key, base.signature, test))
        progress.advance(1)
    progress.finish()
    base, cand = statistics[SENTENCE_METRIC]
    return SuiteResult(
        name=suite.name,
        digest=suite.digest,
        description=suite.description,
        licence=suite.licence,
        sentences=len(suite.sources),
        metrics=tuple(metrics),
        checks=tuple(_rate(check, suite.sources, old, new) for check in CHECKS),
        changes=_changes(suite, old, new, base, cand),
        documents=by_document(suite.documents, base, cand) if suite.documents else (),
        lengths=by_length(suite.sources, base, cand),
        comet=plan.comet(suite, old, new) if plan.comet else None,
    )


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


def _rate(check: Fault, sources: Sequence[str], old: list[str], new: list[str]) -> CheckRate:
    before = _findings(check, tuple(sources), tuple(old))
    after = before if new == old else _findings(check, tuple(sources), tuple(new))
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
            Example(sources[i], old[i], new[i], after[i] or "") for i in worse[:EXAMPLES]
        ),
    )


@lru_cache(maxsize=512)  # a system is compared with many where all pairs are judged
def _findings(
    check: Fault, sources: tuple[str, ...], lines: tuple[str, ...]
) -> dict[int, str | None]:
    """Of every sentence that the check applies to: what is wrong with its translation."""
    pairs = enumerate(zip(sources, lines, strict=True))
    return {i: check.find(source, line) for i, (source, line) in pairs if check.applies(source)}


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
