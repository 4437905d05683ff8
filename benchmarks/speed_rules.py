"""The rules about speed: latency, throughput, start and memory, candidate against baseline."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measurements import Measurements
from benchmarks.policy import START, Policy
from benchmarks.rules import RuleResult
from benchmarks.speed import Ratio, StartReport


def speed_rule(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    limits = policy.speed.limits(measured.retrained) if policy.speed else {}
    if policy.speed is None or not limits:
        return
    speed = measured.speed
    if speed is None:
        yield RuleResult("speed", "", "fail", "the policy demands it, it was not measured")
        return
    for name, limit in limits.items():
        if name == START and speed.start:
            yield _start(speed.start, limit)
        elif name in speed.ratios:
            ceiling = policy.speed.interval_ceiling
            yield _ratio_result(name, speed.ratios[name], limit, ceiling, measured)
        else:
            yield RuleResult("speed", name, "skip", "was not measured", None, limit)


def _start(start: StartReport, limit: float) -> RuleResult:
    """A fresh process answers in time; how that compares is shown, a few starts are too vague."""
    ratio = start.time_ratio
    reason = (
        f"{start.candidate_s:.2f} s to the first answer, allowed are {limit:g} s "
        f"({ratio.value:.2f} × the baseline's)"
    )
    status = "pass" if start.candidate_s <= limit else "fail"
    return RuleResult("speed", START, status, reason, start.candidate_s, limit)


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
