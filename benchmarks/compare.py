"""Measure a candidate against a baseline: the same suites, cases and clock for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.answers import AnswerCache
from benchmarks.behaviour import Cases, GroupResult, compare_groups
from benchmarks.comparison import Comparison, metric_test
from benchmarks.measurements import Measurements, MetricResult, ScoreResult, SuiteResult
from benchmarks.metrics import signature
from benchmarks.policy import Policy, ScorePolicy
from benchmarks.second_opinion import Texts, read_sheet, score_result
from benchmarks.speed import SpeedPlan, SpeedReport, StartReport, measure_speed, measure_start
from benchmarks.subject import SILENT, Progress, Subject, same_subject
from benchmarks.suite import Suite
from csanmt.errors import InvalidInputError

SUSPECT = 0.05  # p of a loss from which on it is looked at with both written alike


@dataclass(frozen=True, slots=True)
class MeasurementPlan:
    """What to measure.

    Attributes:
        suites: each of another name.
        cases, speed: None leaves them out.
        scores: name of another metric → where its segment scores come from.
        human: a filled sheet.
        retrained: the candidate is declared to be trained anew.
        workers: threads that translate, processes that score.
        measure_start, clock: seams for tests.
    """

    suites: Sequence[Suite]
    policy: Policy
    cases: Cases | None = None
    speed: SpeedPlan | None = None
    scores: Mapping[str, str] = field(default_factory=dict)
    human: Path | None = None
    retrained: bool = False
    workers: int = 1
    measure_start: Callable[[Subject, Subject, float], StartReport | None] = measure_start
    clock: Callable[[], float] | None = None

    def __post_init__(self) -> None:
        names = [suite.name for suite in self.suites]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InvalidInputError(
                f"two suites are named {twice!r}: give one of them another name in its suite.toml"
            )

    @property
    def together(self) -> list[Suite]:
        """The suites that are pooled, and whose sentences are timed: the policy's, else all."""
        ours = [suite for suite in self.suites if suite.name in self.policy.quality.suites]
        return ours or list(self.suites)


def measure(
    candidate: Subject,
    baseline: Subject,
    plan: MeasurementPlan,
    cache: AnswerCache | None = None,
    progress: Progress = SILENT,
    alone: bool = False,
) -> Measurements:
    """Everything ``plan`` asks for; of files of hypotheses, quality alone.

    Args:
        alone: both are one, of which scores are wanted: suites need no references.

    Raises:
        InvalidInputError: a suite has no references.
        CsanmtError: one of the two could not answer; nothing is judged then.
    """
    bare = next((suite.name for suite in plan.suites if not suite.references), None)
    if bare is not None and not alone:
        raise InvalidInputError(
            f"suite {bare!r} has no references: it can be run, not compared or judged"
        )
    cache = cache or AnswerCache()
    compared = [
        Comparison(candidate, baseline, suite, cache, progress, plan.workers)
        for suite in plan.suites
    ]
    files = "hypotheses" in (candidate.kind, baseline.kind)
    groups: dict[str, tuple[GroupResult, ...]] = {}
    for rule, asked in (plan.cases.groups if plan.cases and not files else {}).items():
        groups[rule] = compare_groups(candidate, baseline, asked, progress)
    texts = {c.suite.name: c.texts for c in compared if c.suite.references}
    pooled, suites = _quality(compared, plan)
    return Measurements(
        candidate=candidate.info,
        baseline=baseline.info,
        suites=suites,
        behaviour=groups.get("behaviour"),
        smoke=next(iter(groups.get("smoke", ())), None),
        pins=next(iter(groups.get("pins", ())), None),
        speed=None if files else _speed(candidate, baseline, plan, progress),
        pooled=pooled,
        scores=tuple(_scores(plan, texts)),
        human=read_sheet(
            plan.human, lambda name, i: (texts[name].baseline[i], texts[name].candidate[i])
        )
        if plan.human
        else None,
        retrained=plan.retrained,
        digests=plan.cases.digests if plan.cases else {},
    )


def _quality(
    compared: Sequence[Comparison], plan: MeasurementPlan
) -> tuple[tuple[MetricResult, ...], tuple[SuiteResult, ...]]:
    """The metrics on the suites that are judged together, and every suite."""
    names, metrics = {suite.name for suite in plan.together}, plan.policy.quality.all_metrics
    together = [c for c in compared if c.suite.name in names and c.suite.references]
    alike = _looked_at_again(compared, together, plan)
    pooled = tuple(_result(key, together, plan, alike) for key in metrics if len(together) > 1)
    suites = []
    for c in compared:
        found = [_result(key, [c], plan, alike) for key in metrics if c.suite.references]
        suites.append(c.result(found, plan.policy.slices.by, plan.policy.statistics))
    return pooled, tuple(suites)


def _looked_at_again(
    compared: Sequence[Comparison], together: Sequence[Comparison], plan: MeasurementPlan
) -> frozenset[str]:
    """Metrics by which the candidate may be worse somewhere."""
    groups = [[c] for c in compared if c.suite.references]
    groups += [list(together)] if len(together) > 1 else []
    return frozenset(
        key
        for key in plan.policy.quality.metrics
        if any(
            test.p_worse < SUSPECT or (test.gain_bound < 0 and test.p_worse < 0.5)
            for test in (metric_test(key, group, plan.policy.statistics) for group in groups)
        )
    )


def _result(
    key: str, group: Sequence[Comparison], plan: MeasurementPlan, alike: frozenset[str]
) -> MetricResult:
    test = metric_test(key, group, plan.policy.statistics)
    again = metric_test(key, group, plan.policy.statistics, alike=True) if key in alike else None
    return MetricResult(key, signature(key, len(group[0].suite.references)), test, again)


def _scores(plan: MeasurementPlan, texts: Mapping[str, Texts]) -> Iterator[ScoreResult]:
    for name, how in plan.scores.items():
        wanted = plan.policy.scores.get(name, ScorePolicy(margin=0.0))
        yield score_result(name, how, texts, wanted.higher_is_better, plan.policy.statistics)


def _speed(
    candidate: Subject, baseline: Subject, plan: MeasurementPlan, progress: Progress
) -> SpeedReport | None:
    """Latency and throughput, then a fresh process's start."""
    how = plan.speed
    if how is None:
        return None
    limits = plan.policy.speed.limits(plan.retrained) if plan.policy.speed else {}
    how = replace(how, limits=limits)
    if same_subject(baseline, candidate):
        how = replace(how, max_rounds=how.rounds)  # nothing is open that rounds could decide
    sources = [source for suite in plan.together for source in suite.sources]
    found = measure_speed(baseline, candidate, sources, how, clock=plan.clock, progress=progress)
    if found is None:
        return None
    start = plan.measure_start(baseline, candidate, limits.get("memory_ratio", 1.25))
    own = {"memory_ratio": start.memory_ratio} if start else {}
    return replace(found, start=start, ratios={**found.ratios, **own})
