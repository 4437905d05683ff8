"""An evidence file as the gate writes it for a candidate that is promoted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import evidence
from benchmarks.behaviour import load_cases
from benchmarks.gate import Decision, Verdict
from benchmarks.measurements import Measurements, SubjectInfo, SuiteResult
from benchmarks.policy import Policy, load_policy
from benchmarks.rules import RuleResult
from benchmarks.suite import load_suite


def promoted(
    path: Path,
    model: str,
    *,
    baseline: str | None = None,
    commit: str | None = None,
    dirty: bool = False,
    policy: Policy | None = None,
    digests: dict[str, str] | None = None,
    **changes: Any,
) -> Path:
    """Write it; ``changes`` replace parts of its content before it is sealed."""
    policy = policy or load_policy()
    suites = tuple(
        SuiteResult(name, load_suite(name).digest, "", "", 1, (), (), ())
        for name in policy.quality.suites
    )
    measured = Measurements(
        candidate=SubjectInfo("new", "model", "new", model, {}),
        baseline=SubjectInfo("old", "model", "old", baseline or model, {}),
        suites=suites,
        digests=digests or load_cases().digests,
    )
    rules = (RuleResult("smoke", "", "pass", "all 4 hold"),)
    verdict = Verdict(Decision.PROMOTE, "full", "new", "old", rules)
    content = evidence.build(verdict, measured, policy, root=path.parent)
    content |= {"code": {"commit": commit, "dirty": dirty}} | changes
    evidence.write(path, evidence.seal(content))
    return path
