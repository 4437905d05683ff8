"""What a comparison could have seen: the loss, and the faulty lines, found nine times in ten.

By the normal approximation of the difference and exactly by the binomial of the sign test,
at the level that is left to a rule's first test. Tests hold both against
simulated losses and faults.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

from benchmarks.fault_rules import check_weights
from benchmarks.measurements import Measurements, check_totals
from benchmarks.metrics import METRICS
from benchmarks.policy import Policy
from benchmarks.rules import ALL, families, metric_results
from benchmarks.significance import sign_test, sign_test_limit

POWER = 0.9


def detectable_loss(error: float, level: float) -> float:
    """Points of a loss that a one-sided test at ``level`` finds with ``POWER``.

    Args:
        error: standard error of the difference.
    """
    normal = NormalDist()
    return error * (normal.inv_cdf(1 - level) + normal.inv_cdf(POWER))


def detectable_faults(discordant: int, level: float) -> int:
    """Lines newly faulty that the sign test at ``level`` finds with ``POWER``.

    Args:
        discordant: sentences on which the two systems differ in this fault anyway, either way.
    """
    lines = 1
    while True:
        wanted = max(0, sign_test_limit(discordant + lines, level) - lines)  # by chance alone
        if wanted <= discordant and sign_test(wanted, discordant - wanted) >= POWER:
            return lines
        lines += 1


def statements(measured: Measurements, policy: Policy) -> Iterator[str]:
    """In words, for the report: what would have been found 90 % of the time."""
    _, suites = next(families(measured, policy))
    tests = metric_results("", suites, measured)
    tests = [(name, r) for name, r in tests if r.metric in policy.quality.metrics]
    level = policy.alpha_of("loss") / max(1, len(tests))
    for name, r in tests:
        if r.test.error > 0 and (name == ALL or not measured.pooled):
            counts = policy.quality.least.get(r.metric, 0.0)
            least = max(detectable_loss(r.test.error, level), counts)
            yield f"a loss of {least:.2f} {METRICS[r.metric].title} on {name}"
    checks = policy.checks
    if checks is None:
        return
    totals = check_totals(suites)
    rest = {name: rate for name, rate in totals.items() if name not in checks.new}
    weights = check_weights(rest, checks)
    for name in checks.first:
        if name in rest:
            rate, level = rest[name], policy.alpha_of("checks") * weights[name]
            lines = detectable_faults(min(rate.worse + rate.better, 400), level)
            yield f"{lines} lines with a fault of `{name}`"
    if checks.new:
        yield f"one line with a new fault of {', '.join(f'`{n}`' for n in checks.new)}"
