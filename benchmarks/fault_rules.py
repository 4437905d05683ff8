"""The rules about single sentences: faults, behaviour cases, smoke, pins, and what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.behaviour import GroupResult
from benchmarks.measurements import CheckRate, Measurements, check_totals, churn
from benchmarks.policy import Checks, MustPass, Policy
from benchmarks.rules import Rule, RuleResult, families
from benchmarks.significance import holm, p_text, sign_test


def _checks(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    """Faults on the suites: none of the fatal ones newly, no significant rise of the others."""
    checks = policy.checks
    if checks is None:
        return
    for word, suites in families(measured, policy):
        totals = check_totals(suites)
        everything = sum(suite.sentences for suite in suites)
        rest = {name: rate for name, rate in totals.items() if name not in checks.new}
        adjusted = holm(
            {name: sign_test(rate.worse, rate.better) for name, rate in rest.items()},
            check_weights(rest, checks),
        )
        for name, rate in totals.items():
            title = f"{word} {name}".lstrip()
            if name in checks.new:
                allowed = checks.allowed_new(name, everything, measured.same_family)
                yield _new_result(title, rate, allowed)
            else:
                yield _rise_result(title, rate, adjusted[name], everything, policy)


def check_weights(names: Iterable[str], checks: Checks) -> dict[str, float]:
    """Shares of the checks' level: those the policy gives (``first``), the rest evenly."""
    names = list(names)
    first = {name: checks.first[name] for name in names if name in checks.first}
    others = max(1, len(names) - len(first))
    return {name: first.get(name, (1 - sum(first.values())) / others) for name in names}


def _counts(rate: CheckRate) -> str:
    return (
        f"{rate.worse} sentences newly show it, {rate.better} no longer, "
        f"of {rate.sentences} where it could"
    )


def _new_result(title: str, rate: CheckRate, allowed: int) -> RuleResult:
    few = "none is" if not allowed else f"{allowed} are"
    reason = f"{_counts(rate)}; {few} allowed"
    if rate.worse > allowed and rate.examples:
        problem, found = rate.examples[0]
        reason += f", e.g. {found.candidate[:80]!r}: {problem}"
    status = "pass" if rate.worse <= allowed else "fail"
    return RuleResult("checks", title, status, reason, rate.worse, allowed)


def _rise_result(
    title: str, rate: CheckRate, p: float, everything: int, policy: Policy
) -> RuleResult:
    net, limit = rate.worse - rate.better, policy.alpha_of("checks")
    reason = f"{_counts(rate)}: {net / everything:+.2%} of all sentences, {p_text(p)} after Holm"
    status = "fail" if net > 0 and p < limit else "pass"
    return RuleResult("checks", title, status, f"{reason} (limit {limit:g})", p, limit)


def _behaviour(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    if policy.behaviour is None:
        return
    if measured.behaviour is None:
        yield RuleResult("behaviour", "", "fail", "the policy demands it, it was not measured")
        return
    for group in measured.behaviour:
        allowed = policy.behaviour.allowed(group.group)
        count = len(group.new)
        reason = f"{count} new failures of {group.cases} cases ({allowed} allowed)"
        if group.new:
            first = group.new[0]
            reason += f", e.g. {first.source!r}: {first.problem}"
        status = "fail" if count > allowed else "pass"
        yield RuleResult("behaviour", group.group, status, reason, count, allowed)


def _must_pass(
    rule: str, wanted: MustPass | None, group: GroupResult | None
) -> Iterator[RuleResult]:
    """ "all": every sentence holds; "no-new-failures": those hold that hold with the baseline."""
    if wanted is None:
        return
    if group is None:
        yield RuleResult(rule, "", "fail", "the policy demands it, it was not measured")
        return
    wrong = (*group.new, *group.old) if wanted.must_pass == "all" else group.new
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


def _churn(measured: Measurements, policy: Policy) -> Iterator[RuleResult]:
    if policy.churn is None or not measured.suites:
        return
    for name, suites in families(measured, policy):
        found, budget = churn(suites), policy.churn.max
        why = "of a patch"
        if measured.retrained:
            budget, why = policy.churn.retrained, "of a model trained anew"
        status = "pass" if found <= budget else "fail"
        reason = f"{found:.1%} of the translations changed, the budget {why} is {budget:.0%}"
        yield RuleResult("churn", name, status, reason, found, budget)


FAULT_RULES: dict[str, Rule] = {
    "checks": _checks,
    "behaviour": _behaviour,
    "smoke": lambda measured, policy: _must_pass("smoke", policy.smoke, measured.smoke),
    "pins": lambda measured, policy: _must_pass("pins", policy.pins, measured.pins),
    "churn": _churn,
}
