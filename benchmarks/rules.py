"""The rules of a policy, each a function of (measurements, policy) that gives its reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.load import ThroughputRow
from benchmarks.measurements import GroupResult, Measurements, MetricResult, SuiteResult, churn
from benchmarks.metrics import METRICS
from benchmarks.policy import Policy
from benchmarks.significance import holm, sign_test
from benchmarks.speed import Ratio, SpeedReport

CHRF = ("chrf2", "chrf2pp")
FEW = 5  # net newly faulty sentences: 5 to 0 has p = 1/32 in the sign test
WORST_LAST = ("skip", "pass", "open", "fail")
TINY = 30  # sentences; the bootstrap's intervals are too narrow for fewer


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule on one thing.

    Attributes:
        rule: one of ``policy.RULES``.
        subject: what it was applied to: "tatoeba BLEU", "numbers", …
        status: "pass", "fail", "open" (measured too vaguely to tell) or "skip" (does not
            apply, the reason says why).
        reason: one sentence with the numbers.
    """

    rule: str
    subject: str
    status: str
    reason: str
    measured: float | None = None
    limit: float | None = None


def _families(measured: Measurements, policy: Policy) -> Iterator[tuple[str, list[SuiteResult]]]:
    """Suites that are judged together, and a word for them: the policy's (""), and every
    other by itself, so that none of them dilutes a loss on the policy's. Where none of the
    policy's was used, all that were are together."""
    ours = [suite for suite in measured.suites if suite.name in policy.suites]
    yield "", ours or list(measured.suites)
    if ours:
        others = (suite for suite in measured.suites if suite.name not in policy.suites)
        yield from ((suite.name, [suite]) for suite in others)


def _tests(
    suites: Sequence[SuiteResult], policy: Policy
) -> Iterator[tuple[SuiteResult, MetricResult]]:
    for suite in suites:
        for result in suite.metrics:
            if result.metric in policy.metrics:
                yield suite, result


def _title(suite: SuiteResult, result: MetricResult) -> str:
    return f"{suite.name} {METRICS[result.metric].title}"


def _worse(result: MetricResult) -> bool:
    return METRICS[result.metric].sign * result.test.delta < 0


def _loss(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """No significant loss of any metric on any suite, after Holm's correction."""
    for _, suites in _families(measured, policy):
        yield from _losses(suites, policy)


def _losses(suites: Sequence[SuiteResult], policy: Policy) -> Iterator[RuleResult]:
    tests = [(_title(s, r), r) for s, r in _tests(suites, policy)]
    adjusted = holm({title: r.test.p_value for title, r in tests})
    for title, r in tests:
        p = adjusted[title]
        change = f"{r.test.baseline:.2f} → {r.test.candidate:.2f} ({r.test.delta:+.2f})"
        if _worse(r) and p < policy.alpha:
            yield RuleResult(
                "loss", title, "fail", f"significantly worse: {change}, p = {p:.4f} after Holm",
                p, policy.alpha,
            )  # fmt: skip
        else:
            word = "no significant loss" if _worse(r) else "not worse"
            yield RuleResult(
                "loss", title, "pass", f"{word}: {change}, p = {p:.4f} after Holm", p, policy.alpha
            )


def _joint_loss(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """BLEU and a chrF worse together: an intersection-union test needs no correction."""
    for _, suites in _families(measured, policy):
        yield from _joint_losses(suites, policy)


def _joint_losses(suites: Sequence[SuiteResult], policy: Policy) -> Iterator[RuleResult]:
    joint: dict[str, float] = {}
    for suite in suites:
        bleu = suite.metric("bleu")
        chrfs = [r for r in suite.metrics if r.metric in CHRF]
        if bleu is None or not chrfs:
            continue
        worse = [r.test.p_value for r in chrfs if _worse(r)]
        both = _worse(bleu) and bool(worse)
        joint[suite.name] = max(bleu.test.p_value, min(worse)) if both else 1.0
    for name, p in holm(joint).items():
        if p < policy.joint_alpha:
            reason = f"BLEU and chrF are both worse, p = {p:.4f} after Holm over the suites"
            yield RuleResult("joint_loss", name, "fail", reason, p, policy.joint_alpha)
        else:
            reason = f"BLEU and chrF are not both worse beyond chance, p = {p:.4f}"
            yield RuleResult("joint_loss", name, "pass", reason, p, policy.joint_alpha)


def _non_inferiority(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """The one-sided 95 % bound of the loss stays inside the margin; each must show it."""
    for suite, r in _tests(measured.suites, policy):
        margin = policy.margin_of(suite.name, r.metric)
        if margin is None:
            continue
        bound, title = r.test.gain_bound, _title(suite, r)
        if suite.sentences < TINY and suite.changes:
            reason = f"{suite.sentences} sentences are too few to rule out a loss ({TINY} are not)"
            yield RuleResult("non_inferiority", title, "fail", reason, bound, -margin)
            continue
        if bound >= -margin:
            reason = f"at worst {bound:+.2f} points, allowed are {-margin:+.2f}"
            yield RuleResult("non_inferiority", title, "pass", reason, bound, -margin)
            continue
        why = "" if _worse(r) else "; the suite may be too small to show more"
        reason = f"the loss may be {-bound:.2f} points, allowed are {margin:.2f}{why}"
        yield RuleResult("non_inferiority", title, "fail", reason, bound, -margin)


def _minimum(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    suites = {suite.name: suite for suite in measured.suites}
    for name, limits in policy.minimum.items():
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


def _checks(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """Faults on the suites: no significant rise (Holm over checks), no rise past the margin."""
    if policy.checks_margin is None:
        return
    for name, suites in _families(measured, policy):
        yield from _check_rises(name, suites, policy, policy.checks_margin)


def _check_rises(
    family: str, suites: Sequence[SuiteResult], policy: Policy, margin: float
) -> Iterator[RuleResult]:
    totals: dict[str, list[int]] = {}
    for suite in suites:
        for rate in suite.checks:
            row = totals.setdefault(rate.check, [0, 0, 0])
            for i, value in enumerate((rate.sentences, rate.worse, rate.better)):
                row[i] += value
    totals = {name: row for name, row in totals.items() if row[0]}
    everything = sum(suite.sentences for suite in suites)
    adjusted = holm({name: sign_test(worse, better) for name, (_, worse, better) in totals.items()})
    for name, (sentences, worse, better) in totals.items():
        rise = (worse - better) / everything
        title = f"{family} {name}".lstrip()
        text = f"{worse} sentences newly show it, {better} no longer, of {sentences} where it could"
        # In a small suite one sentence is a large share: fewer than five may be chance.
        beyond = rise > margin and worse - better >= FEW
        if beyond or (worse > better and adjusted[name] < policy.alpha):
            reason = f"{text}: {rise:+.2%} of all sentences, p = {adjusted[name]:.4f} after Holm"
            yield RuleResult("checks", title, "fail", reason, rise, margin)
        else:
            yield RuleResult("checks", title, "pass", text, rise, margin)


def _behaviour(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    if policy.new_failures is None:
        return
    if measured.behaviour is None:
        yield RuleResult("behaviour", "", "fail", "the policy demands it, it was not measured")
        return
    for group in measured.behaviour:
        allowed = policy.allowed_failures(group.group)
        count = len(group.new)
        reason = f"{count} new failures of {group.cases} cases ({allowed} allowed)"
        if group.new:
            first = group.new[0]
            reason += f", e.g. {first.source!r}: {first.problem}"
        status = "fail" if count > allowed else "pass"
        yield RuleResult("behaviour", group.group, status, reason, count, allowed)


def _must_pass(rule: str, wanted: str | None, group: GroupResult | None) -> Iterator[RuleResult]:
    """ "all": every sentence holds; "no-new-failures": those hold that hold with the baseline."""
    if wanted is None:
        return
    if group is None:
        yield RuleResult(rule, "", "fail", "the policy demands it, it was not measured")
        return
    wrong = (*group.new, *group.old) if wanted == "all" else group.new
    for outcome in wrong:
        before = "; the baseline gets it wrong too" if outcome in group.old else ""
        reason = f"{outcome.output!r} {outcome.problem}{before}"
        yield RuleResult(rule, outcome.source, "fail", reason, len(wrong), 0)
    if not wrong:
        right = group.cases - group.failures
        if not group.cases:
            yield RuleResult(rule, "", "pass", "there are none")
            return
        known = f", {len(group.old)} were wrong before and are allowed to be" if group.old else ""
        reason = f"{right} of {group.cases} hold{known}" if group.old else f"all {right} hold"
        yield RuleResult(rule, "", "pass", reason, group.failures, len(group.old))


def _smoke(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    return _must_pass("smoke", policy.smoke, measured.smoke)


def _pins(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    return _must_pass("pins", policy.pins, measured.pins)


def _churn(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    if policy.churn is None or not measured.suites:
        return
    for name, suites in _families(measured, policy):
        found = churn(suites)
        status = "pass" if found <= policy.churn else "fail"
        reason = f"{found:.1%} of the translations changed, the budget is {policy.churn:.0%}"
        yield RuleResult("churn", name, status, reason, found, policy.churn)


def _speed(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    if not policy.speed:
        return
    speed = measured.speed
    if speed is None:
        yield RuleResult("speed", "", "fail", "the policy demands it, it was not measured")
        return
    ratios = {
        "p95_ratio": speed.p95_ratio,
        "mean_ratio": speed.overall.ratio,
        "start_ratio": speed.start.time_ratio if speed.start else None,
        "memory_ratio": speed.start.memory_ratio if speed.start else None,
    }
    same = measured.same_subject
    for name, limit in policy.speed.items():
        if name == "throughput_ratio" and speed.throughput:
            yield _worst_level(speed.throughput, policy, same)
            yield _failed_requests(speed, policy.alpha)
            continue
        ratio = ratios.get(name)
        if ratio is None:
            yield RuleResult("speed", name, "skip", "was not measured", None, limit)
        else:
            yield _ratio_result(name, ratio, policy, same)


def _worst_level(rows: Sequence[ThroughputRow], policy: Policy, same: bool) -> RuleResult:
    """The level of concurrency with the worst result, of several the one with the largest ratio."""
    results = []
    for row in rows:
        ratio = Ratio(row.ratio, row.interval)
        found = _ratio_result("throughput_ratio", ratio, policy, same)
        results.append(replace(found, reason=f"with {row.clients} clients {found.reason}"))
    return max(results, key=lambda r: (WORST_LAST.index(r.status), r.measured or 0.0))


def _failed_requests(speed: SpeedReport, alpha: float) -> RuleResult:
    """Requests that were refused or lost under load: not significantly more of them."""
    base = sum(row.baseline_failed for row in speed.throughput)
    cand = sum(row.candidate_failed for row in speed.throughput)
    reason = f"{cand} requests failed under load, {base} of the baseline's"
    status = "fail" if sign_test(cand, base) < alpha else "pass"
    return RuleResult("speed", "failed_requests", status, reason, cand, base)


def _ratio_result(name: str, ratio: Ratio, policy: Policy, same: bool) -> RuleResult:
    """A ratio over its limit fails, unless its interval says that it may be 1 as well; one
    within it passes, unless its interval reaches beyond the policy's ceiling."""
    value, interval, limit = ratio.value, ratio.interval, policy.speed[name]
    span = f"95 %: {interval.low:.2f} to {interval.high:.2f}"
    reason = f"{value:.2f} × the baseline ({span}), allowed is {limit:.2f}"
    if same:
        reason += "; the same model, code and settings, so any difference is noise"
        return RuleResult("speed", name, "pass", reason, value, limit)
    highest = policy.interval_ceiling * limit
    if interval.low <= 1.0 if value > limit else interval.high > highest:
        reason += "; too noisy to tell, measure again on a quieter machine"
        return RuleResult("speed", name, "open", reason, value, limit)
    status = "fail" if value > limit else "pass"
    return RuleResult("speed", name, status, reason, value, limit)


Rule = Callable[[Measurements, Policy], Iterator[RuleResult]]
APPLY: dict[str, Rule] = {
    "loss": _loss,
    "joint_loss": _joint_loss,
    "non_inferiority": _non_inferiority,
    "minimum": _minimum,
    "checks": _checks,
    "behaviour": _behaviour,
    "smoke": _smoke,
    "pins": _pins,
    "churn": _churn,
    "speed": _speed,
}
