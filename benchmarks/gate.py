"""Promote or reject: the policy's rules applied to measurements, each with its reason.

A pure function of (measurements, policy), so that a verdict can be derived again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import IntEnum
from typing import Any

from benchmarks.fault_rules import FAULT_RULES
from benchmarks.measurements import Measurements
from benchmarks.policy import RULES, Policy
from benchmarks.rules import SYSTEM_RULES, RuleResult
from csanmt.errors import InvalidInputError

APPLY = {**SYSTEM_RULES, **FAULT_RULES}


class Decision(IntEnum):
    """The value is the exit code of ``csanmt bench gate``."""

    PROMOTE = 0
    REJECT = 1
    UNJUDGED = 2

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody answers for one candidate's failing one rule.

    Attributes:
        rule: "behaviour", or with what it was applied to: "checks loop".
        reason: why that is no harm.
        name: who says so.
    """

    rule: str
    reason: str
    name: str

    def __post_init__(self) -> None:
        if self.rule.partition(" ")[0] not in RULES:
            raise InvalidInputError(f"no rule {self.rule!r} to waive; there are {', '.join(RULES)}")
        if not self.reason.strip() or not self.name.strip():
            raise InvalidInputError(f"the waiver of {self.rule!r} needs a reason and a name")

    def covers(self, result: RuleResult) -> bool:
        return self.rule in (result.rule, f"{result.rule} {result.subject}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision and every rule's result.

    ``scope`` is "full", "quality-only" (a file of hypotheses took part), "partial" (it does
    not speak of all that the policy demands, or of something that is not what would be
    served) or "none". Only a full verdict may release a model; ``scope_reasons`` say why
    another is not full.
    """

    decision: Decision
    scope: str
    candidate: str
    baseline: str
    rules: tuple[RuleResult, ...] = ()
    reasons: tuple[str, ...] = field(default=())
    scope_reasons: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    @property
    def failed(self) -> tuple[RuleResult, ...]:
        return tuple(rule for rule in self.rules if rule.status == "fail")

    def failed_rules(self) -> set[str]:
        """Names of the rules that failed."""
        return {result.rule for result in self.failed}

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"decision": self.decision.word, "exit_code": int(self.decision)}


def unjudged(candidate: str, baseline: str, reason: str) -> Verdict:
    """The verdict where something needed could not be loaded, asked or read."""
    return Verdict(Decision.UNJUDGED, "none", candidate, baseline, reasons=(reason,))


def judge(measured: Measurements, policy: Policy, waivers: Sequence[Waiver] = ()) -> Verdict:
    """Apply every rule. A failure that nobody answers for is a rejection; without one, a rule
    that stays open leaves the candidate unjudged; otherwise it is promoted."""
    quality_only = measured.quality_only
    results: list[RuleResult] = []
    for rule in RULES:
        if quality_only and rule not in policy.hypotheses.rules:
            results.append(RuleResult(rule, "", "skip", "a file of hypotheses cannot be asked"))
        else:
            results += APPLY[rule](measured, policy)
    results = [_waived(result, waivers) for result in results]
    failed = [result for result in results if result.status == "fail"]
    still_open = [result for result in results if result.status == "open"]
    passed = any(result.status in ("pass", "waived") for result in results)
    names = (measured.candidate.label, measured.baseline.label)
    if not passed and not failed:
        return unjudged(*names, "the policy has no rule that could be applied")
    decision = Decision.UNJUDGED if still_open else Decision.PROMOTE
    missing = tuple(_missing(measured, policy, results))
    return Verdict(
        decision=Decision.REJECT if failed else decision,
        scope="quality-only" if quality_only else "partial" if missing else "full",
        candidate=names[0],
        baseline=names[1],
        rules=tuple(results),
        reasons=tuple(f"{f.rule} {f.subject}: {f.reason}" for f in failed or still_open),
        scope_reasons=missing,
        waivers=tuple(waivers),
    )


def _waived(result: RuleResult, waivers: Sequence[Waiver]) -> RuleResult:
    waiver = next((w for w in waivers if w.covers(result)), None)
    if result.status != "fail" or waiver is None:
        return result
    told = f"{result.reason}; waived by {waiver.name}: {waiver.reason}"
    return replace(result, status="waived", reason=told)


def _missing(
    measured: Measurements, policy: Policy, results: Sequence[RuleResult]
) -> Iterator[str]:
    """What keeps the verdict from speaking of all that the policy demands, as it is served."""
    if measured.quality_only:
        yield "a file of translations took part"
        return
    left_out = set(policy.quality.suites) - {suite.name for suite in measured.suites}
    for name in sorted(left_out):
        yield f"suite {name} of the policy was left out"
    for who, info in (("candidate", measured.candidate), ("baseline", measured.baseline)):
        if info.kind == "url":
            yield f"the {who} is a running service: its model is what it claims, its code unknown"
        yield from (f"the {who} was asked with {words}" for words in info.overrides)
    for result in results:
        if result.status == "skip":
            yield f"{result.rule} {result.subject} {result.reason}"
