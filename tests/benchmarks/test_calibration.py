"""The gate is right as often as it says, on a small sample; all of it: make gate-calibration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.answers import AnswerCache
from benchmarks.behaviour import load_cases
from benchmarks.compare import MeasurementPlan, measure
from benchmarks.gate import Decision, Waiver, judge
from benchmarks.policy import load_policy
from benchmarks.power import detectable_faults, detectable_loss
from benchmarks.significance import sign_test
from benchmarks.suite import load_suite
from tests.benchmarks.calibration import (
    Recorded,
    bound,
    coarser,
    failing_checks,
    false_alarms,
    fault_table,
    other_systems,
    prepare,
)
from tests.benchmarks.corruptions import CORRUPTIONS, HARMLESS, corrupt

ANSWERS = Path(__file__).parent / "answers"
NEW_LINES = {  # lines on which a corruption is found: of the baseline's own, of a better system's
    "empty answer": (1, 1),
    "copied source": (1, 1),
    "three words seven times": (1, 1),
    "a word is <unk>": (1, 1),
    "a word in Russian": (1, 1),
    "Translation: before it": (1, 1),
    "the whole twice": (1, 1),
    "one number changed": (10, 39),
    "negation removed": (10, 39),
    "negation inserted": (10, 39),
    "another line": (19, 19),
    "cut at 55 %, full stop kept": (19, 19),
    "a sentence invented": (39, 39),
    "a name replaced": (19, 19),
    "blanks before punctuation": (19, 19),
    "HTML entities": (19, 19),
    "bold by stars": (19, 19),
    "letters apart": (19, 19),
    "hours and minutes as weeks": (19, 19),
    "a clause twice running": (19, 97),
    "a word twice running": (19, 97),
    "small letters": (19, 19),
    "Capitals Throughout": (19, 19),
    "no question mark": (19, 19),
    "a full stop twice": (19, 19),
    "one quote lost": (29, 97),
    "a line break": (19, 19),
}


@pytest.fixture(scope="module")
def recorded():
    return [Recorded(ANSWERS / f"{name}.json.xz") for name in ("v1.1.0", "v1.2.0")]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return AnswerCache(tmp_path_factory.mktemp("calibration"))


@pytest.fixture(scope="module")
def tico():
    """1,948 medical sentences, their references, and two systems made of these."""
    suite = load_suite("tico19")
    sources, references = suite.sources[:1948], suite.references[0][:1948]
    worse, better = other_systems(references)
    tables = [fault_table(sources, lines, references) for lines in (worse, better)]
    return sources, references, better, tables


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda c: c.name)
def test_a_corruption_is_found_and_named(tico, corruption):
    sources, references, better, (table_of_worse, table_of_better) = tico
    policy = load_policy()
    for count, before in zip(
        NEW_LINES[corruption.name], (table_of_better, table_of_worse), strict=True
    ):
        lines = corrupt(corruption, sources, better, count)
        found = failing_checks(sources, references, better, lines, before, table_of_better, policy)
        assert corruption.check in found, (count, found)


def test_without_corruption_a_better_system_fails_no_check(tico):
    sources, references, better, (table_of_worse, table_of_better) = tico
    found = failing_checks(
        sources, references, better, better, table_of_worse, table_of_better, load_policy()
    )
    assert found == set()


@pytest.mark.parametrize(("name", "change"), HARMLESS, ids=[name for name, _ in HARMLESS])
def test_a_harmless_change_of_every_line_fails_nothing(world, name, change):
    baseline = world.subject()
    candidate = world.each(lambda source, answer: change(answer))
    policy = replace(
        coarser(world.policy),
        quality=replace(world.policy.quality, report=()),
        behaviour=None,
        smoke=None,
        pins=None,
        churn=None,
        speed=None,
    )
    plan = MeasurementPlan([world.suite], policy)
    verdict = judge(measure(candidate, baseline, plan, world.cache), policy)
    assert verdict.decision == Decision.PROMOTE, verdict.reasons


@pytest.fixture(scope="module")
def pairs(recorded, cache):
    policy = load_policy()
    known = [one.known for one in recorded]
    return [prepare(name, *known, policy, cache) for name in policy.quality.suites]


@pytest.mark.parametrize("suites", [1, 3])
@pytest.mark.parametrize("changed", [1, 3, 30, 10**9])
def test_equal_candidates_are_rarely_rejected(pairs, changed, suites):
    policy = coarser(load_policy())
    runs = 20 if changed > 1000 else 40
    found = false_alarms(pairs[:suites], policy, changed, runs)
    assert found.share <= bound(policy.statistics.alpha, runs), found


def test_the_power_that_is_told_is_the_power_there_is():
    rng = np.random.default_rng(1)
    lines = detectable_faults(40, 0.005)
    found = [
        sign_test(k + lines, 40 - k) < 0.005 for k in rng.binomial(40, 0.5, size=2000).tolist()
    ]
    assert np.mean(found) > 0.88
    least = detectable_loss(0.2, 0.01)
    seen = rng.normal(least, 0.2, size=20_000) / 0.2 > 2.326
    assert np.mean(seen) == pytest.approx(0.9, abs=0.01)


def test_v1_2_0_may_replace_v1_1_0_with_two_named_waivers(recorded, cache):
    """The product's one real replacement, which once needed a policy of its own."""
    old, new = recorded
    policy = replace(coarser(load_policy()), speed=None)
    policy = replace(policy, quality=replace(policy.quality, report=()))
    plan = MeasurementPlan(
        [load_suite(name) for name in policy.quality.suites],
        policy,
        load_cases(),
        retrained=True,
    )
    measured = measure(new, old, plan, cache)
    assert judge(measured, policy).failed_rules() == {"checks", "behaviour"}
    waivers = [
        Waiver("checks loop", "20 newly, 58 no longer", "the maintainers"),
        Waiver("behaviour", "four cases against 23 that it mends", "the maintainers"),
    ]
    verdict = judge(measured, policy, waivers)
    assert verdict.decision == Decision.PROMOTE, verdict.reasons
    assert "waived by the maintainers" in next(
        rule.reason for rule in verdict.rules if rule.status == "waived"
    )
    patch = judge(replace(measured, retrained=False), policy, waivers)
    assert patch.failed_rules() == {"churn"}
