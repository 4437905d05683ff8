"""The rules about scores and speed, each a function of (measurements, policy) that gives its
reasons. Those about faults of single sentences are ``fault_rules``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.measurements import Measurements, MetricResult, SuiteResult
from benchmarks.metrics import METRICS
from benchmarks.policy import START, Policy
from benchmarks.significance import holm, p_text, sign_test
from benchmarks.speed import Ratio, StartReport

TINY = 30  # sentences; the bootstrap's intervals are too narrow for fewer
ALL = "all suites"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule on one thing.

    Attributes:
        rule: one of ``policy.RULES``.
        subject: what it was applied to: "tatoeba BLEU", "numbers", …
        status: "pass", "fail", "waived" (fails, and somebody answers for that), "open"
            (measured too vaguely to tell) or "skip" (does not apply, the reason says why).
        reason: one sentence with the numbers.
    """

    rule: str
    subject: str
    status: str
    reason: str
    measured: float | None = None
    limit: float | None = None


def families(measured: Measurements, policy: Policy) -> Iterator[tuple[str, list[SuiteResult]]]:
    """Suites that are judged together, and a word for them: the policy's (""), and every
    other by itself, so that none of them dilutes a loss on the policy's. Where none of the
    policy's was used, all that were are together."""
    ours = [suite for suite in measured.suites if suite.name in policy.quality.suites]
    yield "", ours or list(measured.suites)
    if ours:
        others = (suite for suite in measured.suites if suite.name not in policy.quality.suites)
        yield from ((suite.name, [suite]) for suite in others)


def metric_results(
    word: str, suites: Sequence[SuiteResult], measured: Measurements
) -> list[tuple[str, MetricResult]]:
    """(suite, metric) of a family, first those of all its suites together."""
    named = [(s.name, r) for s in suites for r in s.metrics]
    return named if word else [*((ALL, r) for r in measured.pooled), *named]


def _title(suite: str, result: MetricResult) -> str:
    return f"{suite} {METRICS[result.metric].title}"


def _change(result: MetricResult) -> str:
    """Enough digits that the numbers do not look equal where they are not."""
    t = result.test
    digits = next((d for d in (2, 3, 4) if round(t.delta, d)), 2)
    return f"{t.baseline:.{digits}f} → {t.candidate:.{digits}f} ({t.delta:+.{digits}f})"


def _loss_tests(
    word: str, suites: Sequence[SuiteResult], measured: Measurements, policy: Policy
) -> tuple[list[tuple[str, MetricResult]], dict[str, float]]:
    """The tests of a family by title, and their p after Holm's correction."""
    named = metric_results(word, suites, measured)
    tests = [(_title(name, r), r) for name, r in named if r.metric in policy.quality.metrics]
    return tests, holm({title: r.p_worse for title, r in tests})


def _loss(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """No significant loss of a metric on a suite or on all, after Holm's correction."""
    for word, suites in families(measured, policy):
        tests, adjusted = _loss_tests(word, suites, measured, policy)
        for title, r in tests:
            yield _loss_result(title, r, adjusted[title], policy)


def _loss_result(title: str, r: MetricResult, p: float, policy: Policy) -> RuleResult:
    limit, sign = policy.alpha_of("loss"), METRICS[r.metric].sign
    least = policy.quality.least.get(r.metric, 0.0)
    told = f"{_change(r)}, {p_text(p, r.test)} after Holm (one-sided; limit {limit:g})"
    if sign * r.test.delta >= 0:
        return RuleResult("loss", title, "pass", f"not worse: {told}", p, limit)
    if r.alike and r.alike.p_worse > r.test.p_worse and p >= limit:
        told += ", counting what is only written differently as equal"
    if p >= limit:
        return RuleResult("loss", title, "pass", f"no significant loss: {told}", p, limit)
    if r.loss(sign) < least:
        reason = f"a loss of less than {least:g} points, which does not count: {told}"
        return RuleResult("loss", title, "pass", reason, p, limit)
    return RuleResult("loss", title, "fail", f"significantly worse: {told}", p, limit)


def _non_inferiority(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """The one-sided 95 % bound of the loss stays inside the margin; a candidate must show it."""
    for word, suites in families(measured, policy):
        _, adjusted = _loss_tests(word, suites, measured, policy)
        together = ALL if measured.pooled and not word else suites[0].name if suites else ""
        sentences = sum(suite.sentences for suite in suites)
        changed = any(suite.changes for suite in suites)
        sizes = {suite.name: suite.sentences for suite in suites}
        named = metric_results(word, suites, measured)
        wanted: list[tuple[str | None, str, MetricResult, int]] = [
            (None, name, r, sentences) for name, r in named if name == together
        ]
        wanted += [(name, name, r, sizes[name]) for name, r in named if name != ALL]
        for own, shown, r, size in wanted:
            margin = policy.quality.margin_of(own, r.metric, r.test.baseline)
            if margin is not None and (own or r.metric in policy.quality.metrics):
                title = _title(shown, r)
                lost = adjusted.get(title, 1.0) < policy.alpha_of("loss")
                yield _bound_result(title, r, margin, size if changed else None, lost)


def _bound_result(
    title: str, r: MetricResult, margin: float, sentences: int | None, lost: bool
) -> RuleResult:
    """What is not ruled out is not seen either: without a significant loss it stays open.

    Args:
        sentences: None: nothing changed.
    """
    bound = r.gain_bound
    if sentences is not None and sentences < TINY:
        reason = f"{sentences} sentences are too few to rule out a loss ({TINY} are not)"
        return RuleResult("non_inferiority", title, "fail", reason, bound, -margin)
    digits = next((d for d in (2, 3, 4) if round(-bound, d) != round(margin, d)), 2)
    if bound >= -margin:
        reason = f"at worst {bound:+.{digits}f} points, allowed are {-margin:+.{digits}f}"
        return RuleResult("non_inferiority", title, "pass", reason, bound, -margin)
    reason = f"the loss may be {-bound:.{digits}f} points, allowed are {margin:.{digits}f}"
    if lost:
        return RuleResult("non_inferiority", title, "fail", reason, bound, -margin)
    reason += "; none is proven, more sentences would tell"
    return RuleResult("non_inferiority", title, "open", reason, bound, -margin)


def _minimum(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    suites = {suite.name: suite for suite in measured.suites}
    for name, limits in policy.quality.minimum.items():
        for key, limit in limits.items():
            title = f"{name} {METRICS[key].title}"
            result = suites[name].metric(key) if name in suites else None
            if result is None:  # the verdict's scope is not full then
                yield RuleResult("minimum", title, "skip", "was not measured", None, limit)
                continue
            score, sign = result.test.candidate, METRICS[key].sign
            ok = sign * score >= sign * limit
            bound = "least" if sign > 0 else "most"
            reason = f"{score:.2f}, wanted is at {bound} {limit:.2f}"
            yield RuleResult("minimum", title, "pass" if ok else "fail", reason, score, limit)


def _memorised(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """Not too many longer sentences that are a reference word for word."""
    if policy.memorised is None:
        return
    limit = policy.memorised.max
    for suite in measured.suites:
        if not suite.long_sentences:
            continue
        share = suite.memorised / suite.long_sentences
        reason = (
            f"{suite.memorised} of {suite.long_sentences} longer sentences are a reference word "
            f"for word ({share:.1%}; the baseline's {suite.baseline_memorised}), allowed are "
            f"{limit:.0%}"
        )
        status = "pass" if share <= limit else "fail"
        yield RuleResult("memorised", suite.name, status, reason, share, limit)


def _slices(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """No significant loss on a part of a suite, after Holm over all parts."""
    least, limit = policy.quality.least.get("chrf2pp", 0.0), policy.alpha_of("slices")
    found = {
        f"{suite.name} {part.kind} {part.name}": part
        for suite in measured.suites
        for part in suite.slices
        if part.kind in policy.slices.by and part.test is not None
    }
    adjusted = holm({name: part.test.p_worse for name, part in found.items() if part.test})
    for name, part in found.items():
        change = f"{part.baseline:.2f} → {part.candidate:.2f} ({part.delta:+.2f} chrF2++)"
        p = adjusted[name]
        bad = part.delta <= -least and p < limit
        reason = f"{change} on {part.sentences} sentences, {p_text(p, part.test)} after Holm"
        yield RuleResult("slices", name, "fail" if bad else "pass", reason, p, limit)


def _scores(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """Segment scores of another metric: the loss that is not ruled out is inside the margin."""
    results = {score.name: score for score in measured.scores}
    for name, wanted in policy.scores.items():
        score = results.get(name)
        if score is None:
            yield RuleResult("scores", name, "skip", "was not measured", None, -wanted.margin)
            continue
        status = "pass" if score.low >= -wanted.margin else "fail"
        reason = (
            f"{score.baseline:.4f} → {score.candidate:.4f} on {score.segments} sentences; at worst "
            f"{score.low:+.4f}, allowed is {-wanted.margin:+.4f}"
        )
        yield RuleResult("scores", name, status, reason, score.low, -wanted.margin)


def _human(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """A blind judge does not find the candidate worse (sign test)."""
    found = measured.human
    if found is None:
        return
    limit = policy.statistics.alpha
    p = sign_test(found.worse, found.better)
    reason = (
        f"better in {found.better} sentences, worse in {found.worse}, equal in {found.equal}, "
        f"{p_text(p)} (one-sided; limit {limit:g})"
    )
    told = found.better + found.worse
    if told < policy.human.least and p >= limit:
        reason += f"; {told} are too few to speak for the candidate ({policy.human.least} are not)"
    yield RuleResult("human", "", "fail" if p < limit else "pass", reason, p, limit)


def _across_families(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """What BLEU and chrF cannot see between different systems must be seen otherwise."""
    if policy.families is None:
        return
    if measured.same_family:
        family = measured.candidate.family or "as far as their answers tell"
        yield RuleResult("families", "", "pass", f"versions of one system ({family})")
        return
    what = (
        f"two families ({measured.baseline.family or 'unknown'} → "
        f"{measured.candidate.family or 'unknown'}), between which BLEU and chrF say little"
    )
    speaking = [r.subject for r in _scores(measured, policy) if r.status == "pass"]
    human = measured.human
    if human and human.better + human.worse >= policy.human.least:
        speaking += (
            ["human judgement"] if all(r.status == "pass" for r in _human(measured, policy)) else []
        )
    if speaking:
        yield RuleResult("families", "", "pass", f"{what}; {', '.join(speaking)} speaks for it")
    elif policy.families.across == "require":
        reason = f"{what}; another metric ([scores.NAME]) or human judgement must speak for it"
        yield RuleResult("families", "", "fail", reason)
    else:
        yield RuleResult("families", "", "pass", f"{what}: read the report before you rely on it")


def _speed(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    limits = policy.speed.limits(measured.retrained) if policy.speed else {}
    if policy.speed is None or not limits:
        return
    speed = measured.speed
    if speed is None:
        yield RuleResult("speed", "", "fail", "the policy demands it, it was not measured")
        return
    for name, limit in limits.items():
        if name == START and speed.start:
            yield _start_result(speed.start, limit)
        elif name in speed.ratios:
            ceiling = policy.speed.interval_ceiling
            yield _ratio_result(name, speed.ratios[name], limit, ceiling, measured)
        else:
            yield RuleResult("speed", name, "skip", "was not measured", None, limit)


def _start_result(start: StartReport, limit: float) -> RuleResult:
    """A fresh process answers in time; how that compares is shown, a few starts are too vague."""
    ratio, seconds = start.time_ratio, start.seconds[1]
    reason = (
        f"{seconds:.2f} s to the first answer, allowed are {limit:g} s "
        f"({ratio.value:.2f} × the baseline's)"
    )
    status = "pass" if seconds <= limit else "fail"
    return RuleResult("speed", START, status, reason, seconds, limit)


def _ratio_result(
    name: str, ratio: Ratio, limit: float, ceiling: float, measured: Measurements
) -> RuleResult:
    """A ratio over its limit fails, unless its interval says that it may be 1 as well; one
    within it passes, unless its interval reaches beyond the policy's ceiling."""
    value, interval = ratio.value, ratio.interval
    span = f"95 %: {interval.low:.2f} to {interval.high:.2f}"
    whose = " of a model trained anew" if measured.retrained else ""
    reason = f"{value:.2f} × the baseline ({span}), allowed{whose} is {limit:.2f}"
    if measured.same_subject:
        reason += "; the same model, code and settings, so any difference is noise"
        return RuleResult("speed", name, "pass", reason, value, limit)
    if interval.low <= 1.0 if value > limit else interval.high > ceiling * limit:
        reason += "; too noisy to tell, measure again on a quieter machine"
        return RuleResult("speed", name, "open", reason, value, limit)
    status = "fail" if value > limit else "pass"
    return RuleResult("speed", name, status, reason, value, limit)


Rule = Callable[[Measurements, Policy], Iterator[RuleResult]]
SYSTEM_RULES: dict[str, Rule] = {
    "loss": _loss,
    "non_inferiority": _non_inferiority,
    "minimum": _minimum,
    "memorised": _memorised,
    "slices": _slices,
    "scores": _scores,
    "human": _human,
    "families": _across_families,
    "speed": _speed,
}
