"""The rules about speed: latency, throughput, start and memory, candidate against baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.load import ThroughputRow
from benchmarks.measurements import Measurements
from benchmarks.policy import START, Policy
from benchmarks.rules import RuleResult
from benchmarks.significance import sign_test
from benchmarks.speed import Ratio, SpeedReport, StartReport

WORST_LAST = ("skip", "pass", "open", "fail")


def speed_rule(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    limits = policy.speed.limits if policy.speed else {}
    if policy.speed is None or not limits:
        return
    speed, ceiling = measured.speed, policy.speed.interval_ceiling
    if speed is None:
        yield RuleResult("speed", "", "fail", "the policy demands it, it was not measured")
        return
    ratios = {
        "p95_ratio": speed.p95_ratio,
        "mean_ratio": speed.overall.ratio,
        "memory_ratio": speed.start.memory_ratio if speed.start else None,
    }
    same = measured.same_subject
    for name, limit in limits.items():
        if name == "throughput_ratio" and speed.throughput:
            yield _worst_level(speed.throughput, limit, ceiling, same)
            yield _failed_requests(speed, policy.statistics.alpha)
            continue
        if name == START and speed.start:
            yield _start(speed.start, limit)
            continue
        ratio = ratios.get(name)
        if ratio is None:
            yield RuleResult("speed", name, "skip", "was not measured", None, limit)
        else:
            yield _ratio_result(name, ratio, limit, ceiling, same)


def _start(start: StartReport, limit: float) -> RuleResult:
    """A fresh process answers in time; how that compares is shown, a few starts are too vague."""
    ratio = start.time_ratio
    reason = (
        f"{start.candidate_s:.2f} s to the first answer, allowed are {limit:g} s "
        f"({ratio.value:.2f} × the baseline's)"
    )
    status = "pass" if start.candidate_s <= limit else "fail"
    return RuleResult("speed", START, status, reason, start.candidate_s, limit)


def _worst_level(
    rows: Sequence[ThroughputRow], limit: float, ceiling: float, same: bool
) -> RuleResult:
    """The level of concurrency with the worst result, of several the one with the largest ratio."""
    results = []
    for row in rows:
        ratio = Ratio(row.ratio, row.interval)
        found = _ratio_result("throughput_ratio", ratio, limit, ceiling, same)
        results.append(replace(found, reason=f"with {row.clients} clients {found.reason}"))
    return max(results, key=lambda r: (WORST_LAST.index(r.status), r.measured or 0.0))


def _failed_requests(speed: SpeedReport, alpha: float) -> RuleResult:
    """Requests that were refused or lost under load: not significantly more of them."""
    base = sum(row.baseline_failed for row in speed.throughput)
    cand = sum(row.candidate_failed for row in speed.throughput)
    reason = f"{cand} requests failed under load, {base} of the baseline's"
    status = "fail" if sign_test(cand, base) < alpha else "pass"
    return RuleResult("speed", "failed_requests", status, reason, cand, base)


def _ratio_result(name: str, ratio: Ratio, limit: float, ceiling: float, same: bool) -> RuleResult:
    """A ratio over its limit fails, unless its interval says that it may be 1 as well; one
    within it passes, unless its interval reaches beyond the policy's ceiling."""
    value, interval = ratio.value, ratio.interval
    span = f"95 %: {interval.low:.2f} to {interval.high:.2f}"
    reason = f"{value:.2f} × the baseline ({span}), allowed is {limit:.2f}"
    if same:
        reason += "; the same model, code and settings, so any difference is noise"
        return RuleResult("speed", name, "pass", reason, value, limit)
    if interval.low <= 1.0 if value > limit else interval.high > ceiling * limit:
        reason += "; too noisy to tell, measure again on a quieter machine"
        return RuleResult("speed", name, "open", reason, value, limit)
    status = "fail" if value > limit else "pass"
    return RuleResult("speed", name, status, reason, value, limit)
