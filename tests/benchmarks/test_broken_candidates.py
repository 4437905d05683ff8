"""Every deliberately broken candidate is rejected, and for the right reason."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from benchmarks.compare import measure
from benchmarks.gate import Decision, judge
from benchmarks.pins import Pin
from benchmarks.policy import MustPass


def failed(verdict):
    """rule → what it failed on."""
    found = {}
    for result in verdict.failed:
        found.setdefault(result.rule, set()).add(result.subject)
    return found


def test_an_identical_candidate_is_promoted_without_churn(world):
    measured = world.measure(world.subject())
    verdict = judge(measured, world.policy)
    assert verdict.decision == Decision.PROMOTE
    assert verdict.scope == "full"
    assert measured.churn == 0.0
    assert all(m.test.delta == 0 and m.test.p_worse == 1 for m in measured.suites[0].metrics)
    assert measured.speed.ratios["p95_ratio"].value == pytest.approx(1.0)


def test_the_same_answers_under_another_digest_are_promoted_too(world):
    verdict = world.gate(world.subject(world.good))
    assert verdict.decision == Decision.PROMOTE
    assert not verdict.failed


def test_noise_is_a_loss_of_quality(world):
    rng = random.Random(7)
    vocabulary = [w for text in world.known.values() for w in text.split()]

    def noisy(source, answer):
        return " ".join(
            rng.choice(vocabulary) if rng.random() < 0.15 else w for w in answer.split(" ")
        )

    found = failed(world.gate(world.each(noisy)))
    assert {"loss", "non_inferiority"} <= set(found)


def test_truncated_answers_fail_the_truncation_check(world):
    def cut(source, answer):
        words = answer.split(" ")
        return " ".join(words[: max(1, len(words) // 2)])

    found = failed(world.gate(world.each(cut)))
    assert "truncation" in found["checks"]
    assert "loss" in found


def test_dropped_numbers_fail_the_number_checks(world):
    found = failed(world.gate(world.each(lambda source, answer: re.sub(r"\d+", "", answer))))
    assert "numbers" in found["checks"]
    assert {"numbers", "dates", "units"} <= found["behaviour"]


def test_an_echo_of_the_source_fails_the_echo_check(world):
    verdict = world.gate(world.each(lambda source, answer: source))
    found = failed(verdict)
    assert {"echo", "residual_han"} <= found["checks"]
    assert any(reason.startswith("checks echo: 400 sentences") for reason in verdict.reasons)
    assert {"loss", "behaviour", "smoke"} <= set(found)


def test_half_as_slow_again_fails_on_speed_alone(world):
    slow = world.subject(world.good, cost=0.0015)
    verdict = world.gate(slow)
    assert failed(verdict) == {"speed": {"p95_ratio", "mean_ratio", "throughput_ratio"}}
    assert all("1.50 ×" in result.reason for result in verdict.failed)


def test_eight_percent_slower_is_within_the_policy(world):
    assert not world.gate(world.subject(world.good, cost=0.00108)).failed


def test_answers_that_depend_on_the_batch_fail_invariance_alone(world):
    def dependent(texts):
        return [a + " Indeed." if len(texts) == 3 else a for a in world.good(texts)]

    verdict = world.gate(world.subject(dependent))
    assert failed(verdict) == {"behaviour": {"batch_invariance"}}
    assert "in a batch of three" in verdict.failed[0].reason


def test_answers_that_change_from_call_to_call_fail_invariance(world):
    count = iter(range(10**6))
    moody = world.subject(
        lambda texts: [a + " Well." * (next(count) % 97 == 0) for a in world.good(texts)]
    )
    assert "batch_invariance" in failed(world.gate(moody))["behaviour"]


def test_one_wrong_smoke_sentence_fails_the_smoke_rule_alone(world):
    wrong = world.each(lambda s, a: "The weather is bad." if s == "北京天气很好。" else a)
    verdict = world.gate(wrong)
    assert failed(verdict) == {"smoke": {"北京天气很好。"}}


WRONG = {"北京天气很好。": "The weather in Hokkaido is good.", "你好世界": "Farewell."}


@pytest.mark.parametrize(
    ("must_pass", "baseline_gets_wrong", "candidate_gets_wrong", "failing"),
    [
        ("all", ["北京天气很好。"], ["北京天气很好。"], {"北京天气很好。"}),
        ("all", ["北京天气很好。"], [], set()),
        ("no-new-failures", ["北京天气很好。"], ["北京天气很好。"], set()),
        ("no-new-failures", ["北京天气很好。"], list(WRONG), {"你好世界"}),
        ("no-new-failures", [], ["你好世界"], {"你好世界"}),
    ],
)
def test_a_known_mistake_passes_only_where_the_policy_says_so(
    world, must_pass, baseline_gets_wrong, candidate_gets_wrong, failing
):
    def wrong(sources):
        return lambda s, a: WRONG[s] if s in sources else a

    baseline = world.each(wrong(baseline_gets_wrong), label="baseline", digest="sha256:base")
    candidate = world.each(wrong(candidate_gets_wrong))
    measured = measure(candidate, baseline, world.plan(), world.cache)
    verdict = judge(measured, replace(world.policy, smoke=MustPass(must_pass)))
    assert {r.subject for r in verdict.failed if r.rule == "smoke"} == failing
    assert verdict.failed_rules() <= {"smoke"}
    passed = [r.reason for r in verdict.rules if r.rule == "smoke" and r.status == "pass"]
    if candidate_gets_wrong and not failing:
        assert passed == ["3 of 4 hold, 1 were wrong before and are allowed to be"]


def test_a_broken_pin_fails_the_pin_rule_alone(world):
    pins = [Pin("他姓白。", require=("word",)), Pin("你好世界", forbid=("hello",))]
    assert failed(world.gate(world.subject(world.good), pins=pins)) == {"pins": {"你好世界"}}


def test_too_many_changed_sentences_exceed_the_churn_budget(world):
    """A double blank changes a translation and no score."""
    sources = set(world.suite.sources)
    spaced = world.each(lambda s, a: a.replace(" ", "  ", 1) if s in sources else a)
    verdict = world.gate(spaced)
    assert failed(verdict) == {"churn": {""}}
    assert "the budget of a patch is 75%" in verdict.failed[0].reason


def test_a_better_model_trained_anew_needs_no_policy_of_its_own(world):
    """It changes every answer, most of them for the better; as a patch that is too much."""
    best = dict(zip(world.suite.sources, world.suite.references[0], strict=True))
    better = world.each(lambda s, a: f"{best[s]} " if s in best else a)
    measured = world.measure(better, retrained=True)
    assert measured.churn == 1.0
    assert judge(measured, world.policy).decision == Decision.PROMOTE
    assert judge(replace(measured, retrained=False), world.policy).failed_rules() == {"churn"}


def test_an_empty_answer_now_and_then_is_found(world):
    empty = set(world.suite.sources[::40])
    found = failed(world.gate(world.each(lambda s, a: "" if s in empty else a)))
    assert "empty" in found["checks"]


def test_a_candidate_that_dies_is_not_judged(world):
    from csanmt.errors import UnavailableError

    def dies(texts):
        raise UnavailableError("gone")

    with pytest.raises(UnavailableError):
        world.gate(world.subject(dies))
