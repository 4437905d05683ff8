"""Answers are resumed, servers retried, speed compared by ratios."""

from __future__ import annotations

import json
import threading
from bisect import bisect_left
from dataclasses import replace
from types import SimpleNamespace

import httpx
import numpy as np
import pytest

from benchmarks.answers import BATCH, AnswerCache, translate_suite
from benchmarks.comparison import length_name, parts
from benchmarks.gate import judge
from benchmarks.metrics import extract
from benchmarks.policy import Policy, Quality
from benchmarks.remote import UrlSubject
from benchmarks.report import word_differences
from benchmarks.significance import Interval
from benchmarks.speed import (
    Ratio,
    SpeedPlan,
    measure_speed,
    pick_sentences,
)
from benchmarks.suite import Suite
from cli.progress import StageProgress
from csanmt.errors import InvalidInputError, StorageError, UnavailableError


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(world, tmp_path):
    cache = AnswerCache(tmp_path)
    asked = []

    def dies_after_100(texts):
        if len(asked) >= 100:
            raise UnavailableError("gone")
        asked.extend(texts)
        return world.good(texts)

    flaky = world.subject(dies_after_100)
    with pytest.raises(UnavailableError):
        translate_suite(flaky, world.suite, cache)
    before = len(asked)
    flaky.answer = lambda texts: asked.extend(texts) or world.good(texts)
    assert translate_suite(flaky, world.suite, cache) == world.good(world.suite.sources)
    assert len(asked) == len(world.suite.sources)
    assert before > 0
    flaky.answer = None  # everything is there now
    assert translate_suite(flaky, world.suite, cache) == world.good(world.suite.sources)


def test_several_threads_ask_and_the_order_stays(world, tmp_path):
    """The first batch is answered last; the sixth dies, and what came before it is kept."""
    cache = AnswerCache(tmp_path)
    first = world.suite.sources[0]
    second_asked = threading.Event()

    def answer(texts):
        if texts[0] == first:
            assert second_asked.wait(30)
        second_asked.set() if texts[0] != first else None
        if dying and world.suite.sources[5 * BATCH] in texts:
            raise UnavailableError("gone")
        return world.good(texts)

    dying = True
    subject = world.subject(answer, parallel=True)
    with pytest.raises(UnavailableError):
        translate_suite(subject, world.suite, cache, workers=2)
    dying = False
    asked = []
    subject.answer = lambda texts: asked.extend(texts) or world.good(texts)
    assert translate_suite(subject, world.suite, cache, workers=2) == world.good(
        world.suite.sources
    )
    assert set(asked) == set(world.suite.sources[5 * BATCH :])


@pytest.mark.parametrize(
    ("other", "asked"),
    [
        ({}, 0),
        ({"digest": "sha256:b"}, 400),
        ({"settings": {"beam": 1}}, 400),
        ({"digest": None}, 400),
        ({"kind": "url"}, 400),
    ],
)
def test_another_model_or_setting_has_answers_of_its_own(world, tmp_path, other, asked):
    for how in ({"digest": "sha256:a"}, {"digest": "sha256:a"} | other):
        subject = world.subject(**how)
        answers = translate_suite(subject, world.suite, AnswerCache(tmp_path))
        assert answers == world.good(world.suite.sources)
    assert sum(subject.calls) == asked


def test_a_damaged_cache_is_said(world, tmp_path):
    (tmp_path / "bench.sqlite").write_bytes(b"something else" * 99)
    with pytest.raises(StorageError, match=r"bench\.sqlite: file is not a database"):
        AnswerCache(tmp_path)


def url_subject(handler, **options):
    waits = []
    subject = UrlSubject(
        "http://service", transport=httpx.MockTransport(handler), sleep=waits.append, **options
    )
    return subject, waits


def test_a_busy_server_is_asked_again(world):
    replies = [httpx.Response(503), httpx.Response(429), None]

    def handler(request):
        reply = replies.pop(0)
        return reply or httpx.Response(200, json={"translation": ["Hi"], "model": "m:v1"})

    subject, waits = url_subject(handler)
    assert subject.translate(["你好"]) == ["Hi"]
    assert len(waits) == 2
    assert subject.tag == "m:v1"


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (httpx.Response(422, text="too long"), InvalidInputError, "HTTP 422 too long"),
        (httpx.Response(500), InvalidInputError, "HTTP 500"),
        (
            httpx.Response(200, json={"translatedText": "x"}),
            UnavailableError,
            "does not answer as this product's service",
        ),
        (httpx.Response(200, json={"translation": []}), UnavailableError, "every text"),
        (httpx.Response(503), UnavailableError, "HTTP 503"),
    ],
)
def test_a_server_that_answers_otherwise_is_not_judged(reply, error, message):
    subject, _ = url_subject(lambda request: reply)
    with pytest.raises(error, match=message):
        subject.translate(["你好"])


def test_a_server_that_changes_its_model_while_judged_is_noticed():
    tags = iter(["m:v1", "m:v2"])

    def handler(request):
        return httpx.Response(200, json={"translation": ["Hi"], "model": next(tags)})

    subject, _ = url_subject(handler)
    subject.translate(["你好"])
    with pytest.raises(UnavailableError, match="changed from m:v1 to m:v2"):
        subject.translate(["你好"])


def test_long_lists_go_in_batches():
    sizes = []

    def handler(request):
        texts = json.loads(request.content)["text"]
        sizes.append(len(texts))
        return httpx.Response(200, json={"translation": texts, "model": "m"})

    subject, _ = url_subject(handler)
    assert subject.translate(list("abcdefghi") * 4) == list("abcdefghi") * 4
    assert sizes == [16, 16, 4]


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5])
def test_ratios_are_those_of_the_work(world, factor):
    plan = SpeedPlan(per_bucket=5, rounds=3, max_rounds=3)
    slower = world.subject(world.good, cost=0.001 * factor)
    found = measure_speed(world.subject(), slower, world.suite.sources, plan, clock=world.clock)
    assert set(found.ratios) == {"p95_ratio", "mean_ratio", "throughput_ratio"}
    for ratio in found.ratios.values():
        assert ratio.value == pytest.approx(factor)
        assert ratio.interval.low <= ratio.value + 1e-9
    *lengths, every = found.latency
    assert every == "all"
    assert lengths
    assert sum(found.latency[name].sentences for name in lengths) == found.latency["all"].sentences
    for latency in found.latency.values():
        assert latency.ratio.value == pytest.approx(factor)
        assert set(latency.milliseconds) == {"p50", "p95", "p99"}
        for old, new in latency.milliseconds.values():
            assert new == pytest.approx(factor * old)
    assert found.throughput[0] == pytest.approx(factor * found.throughput[1])


def test_rounds_go_on_while_the_answer_is_open(world):
    rng = np.random.default_rng(1)

    class Noisy:
        label, kind = "noisy", "model"

        def translate(self, texts):
            world.clock.now += len(texts[0]) * 0.001 * rng.lognormal(0, 0.4)
            return world.good(texts)

    plan = SpeedPlan(per_bucket=5, rounds=3, max_rounds=9, limits={"mean_ratio": 1.0})
    open_question = measure_speed(Noisy(), Noisy(), world.suite.sources, plan, clock=world.clock)
    settled = measure_speed(
        world.subject(),
        world.subject(world.good, cost=0.01),
        world.suite.sources,
        plan,
        clock=world.clock,
    )
    assert (open_question.rounds, settled.rounds) == (9, 3)


def test_sentences_for_timing_are_spread_over_the_lengths(world):
    plan = SpeedPlan(per_bucket=3)
    picked = pick_sentences(world.suite.sources, plan)
    bands = [bisect_left(plan.buckets, len(sentence)) for sentence in picked]
    assert bands == sorted([0, 1, 2, 3] * 3)
    assert picked == pick_sentences(world.suite.sources, plan)


def test_a_policy_without_a_rule_that_applies_cannot_judge(world, policy):
    bare = Policy(version=1, quality=Quality(metrics=()))
    measured = world.measure(world.subject())
    stripped = replace(measured, suites=())
    assert judge(stripped, bare).decision.word == "unjudged"


def test_what_the_policy_demands_must_have_been_measured(world, policy):
    measured = replace(world.measure(world.subject()), behaviour=None, speed=None, smoke=None)
    assert judge(measured, policy).failed_rules() == {"behaviour", "speed", "smoke"}


def test_a_small_suite_does_not_pass_by_being_small(world):
    """Twelve sentences, four mended and four damaged: no test sees a loss, but a loss
    beyond the margin is not ruled out."""
    few = slice(0, 12)
    world.suite = Suite("mini", world.suite.sources[few], (world.suite.references[0][few],))
    mended = dict(zip(world.suite.sources[::3], world.suite.references[0][::3], strict=True))
    damaged = set(world.suite.sources[1::3])

    def change(source, answer):
        words = answer.split(" ")
        return " ".join(words[:1] + words[2:]) if source in damaged else answer

    candidate = world.each(lambda s, a: mended.get(s) or change(s, a))
    verdict = judge(world.measure(candidate), world.policy)
    assert verdict.failed_rules() == {"non_inferiority"}


@pytest.mark.parametrize("size", [1, 2, 29])
def test_a_tiny_suite_rules_out_no_loss_even_where_the_candidate_is_better(world, size):
    sources, references = world.suite.sources[:size], world.suite.references[0][:size]
    world.suite = Suite("mini", sources, (references,))
    best = dict(zip(sources, references, strict=True))
    policy = replace(world.policy, churn=None)
    verdict = judge(world.measure(world.each(lambda s, a: best.get(s, a))), policy)
    assert verdict.failed_rules() == {"non_inferiority"}
    assert "too few to rule out a loss" in verdict.reasons[0]
    same = judge(world.measure(world.subject(world.good)), policy)
    assert same.decision.word == "promote"


def test_empty_answers_are_scored_and_lose(world):
    nothing = judge(world.measure(world.each(lambda s, a: "")), world.policy)
    assert {"loss", "non_inferiority", "checks"} <= nothing.failed_rules()
    some = set(world.suite.sources[::10])
    measured = world.measure(world.each(lambda s, a: "" if s in some else a))
    assert {"loss", "checks"} <= judge(measured, world.policy).failed_rules()


def ratio_of(measured, value, low, high):
    """The measurements with other latency ratios."""
    ratio = Ratio(value, Interval(low, high))
    ratios = {**measured.speed.ratios, "p95_ratio": ratio, "mean_ratio": ratio}
    return replace(measured, speed=replace(measured.speed, ratios=ratios))


@pytest.mark.parametrize(
    ("ratio", "decision"),
    [
        ((1.05, 0.90, 1.30), "promote"),
        ((1.20, 1.15, 1.25), "reject"),
        ((1.20, 1.01, 1.40), "reject"),
        ((1.20, 0.80, 1.60), "unjudged"),
        ((1.09, 0.60, 2.40), "unjudged"),
        ((0.90, 0.40, 1.66), "unjudged"),
        ((1.09, 0.70, 1.64), "promote"),
    ],
)
def test_noise_neither_promotes_nor_rejects(world, ratio, decision):
    measured = ratio_of(world.measure(world.subject(world.good)), *ratio)
    verdict = judge(measured, world.policy)
    assert verdict.decision.word == decision
    assert bool(verdict.reasons) is (decision != "promote")


@pytest.mark.parametrize(
    ("factor", "retrained", "failing"),
    [
        (1.09, False, set()),
        (1.2, False, {"p95_ratio", "mean_ratio"}),
        (1.3, False, {"p95_ratio", "mean_ratio", "throughput_ratio"}),
        (1.55, True, set()),
        (1.65, True, {"p95_ratio", "mean_ratio", "throughput_ratio"}),
    ],
)
def test_only_a_model_trained_anew_may_be_a_larger_one(world, factor, retrained, failing):
    slower = world.subject(world.good, cost=0.001 * factor)
    verdict = judge(world.measure(slower, retrained=retrained), world.policy)
    assert {r.subject for r in verdict.failed} == failing
    speed = [r.reason for r in verdict.rules if r.subject == "p95_ratio"]
    assert ("allowed of a model trained anew is 1.60" in speed[0]) is retrained


def test_batches_that_are_slow_together_fail_the_throughput_alone(world):
    candidate = world.subject(world.good)

    def slow_in_batches(texts):
        world.clock.now += 0.001 * sum(map(len, texts)) if len(texts) == 8 else 0.0
        return world.good(texts)

    candidate.answer = slow_in_batches
    verdict = judge(world.measure(candidate), world.policy)
    assert {r.subject for r in verdict.failed} == {"throughput_ratio"}
    assert verdict.failed[0].measured == pytest.approx(2.0)


@pytest.mark.parametrize("ratio", [(1.2, 1.1, 1.3), (1.0, 0.4, 2.4)])
def test_the_same_model_is_not_slower_than_itself(world, ratio):
    measured = ratio_of(world.measure(world.subject()), *ratio)
    assert judge(measured, world.policy).decision.word == "promote"


def test_breakdowns_add_up(world):
    suite = world.suite
    base = extract("chrf2pp", world.good(suite.sources), suite.references)
    cand = extract("chrf2pp", [a.upper() for a in world.good(suite.sources)], suite.references)
    documents = parts("document", suite.documents, base, cand)
    lengths = parts("length", [length_name(s) for s in suite.sources], base, cand)
    assert sum(p.sentences for p in documents) == sum(p.sentences for p in lengths) == 400
    assert [p.delta for p in documents] == sorted(p.delta for p in documents)
    assert len(documents) == 8


def test_word_differences_keep_the_texts():
    left, right = word_differences("He has 3 cats.", "He has three  cats.")
    assert "".join(text for text, _ in left) == "He has 3 cats."
    assert "".join(text for text, _ in right) == "He has three  cats."
    assert [text for text, changed in left if changed] == ["3 "]
    assert [text for text, changed in right if changed] == ["three  "]


def with_quality(policy, **changes):
    return replace(policy, quality=replace(policy.quality, **changes))


def test_progress_is_one_line_a_stage_where_nobody_watches(capsys, monkeypatch):
    ticks = SimpleNamespace(monotonic=iter(range(100)).__next__)
    monkeypatch.setattr("cli.progress.time", ticks)
    progress = StageProgress()
    progress.start("work", 10)
    progress.advance(10)
    progress.finish()
    assert capsys.readouterr().err == "csanmt: work: 10 in 2.0 s\n"


@pytest.mark.parametrize(("limits", "failed"), [({"bleu": 99.0}, True), ({"bleu": 10.0}, False)])
def test_a_floor_holds_whatever_the_baseline_has(world, limits, failed):
    verdict = judge(
        world.measure(world.subject()), with_quality(world.policy, minimum={"mini": limits})
    )
    assert verdict.failed_rules() == ({"minimum"} if failed else set())


def test_a_verdict_without_a_suite_of_the_policy_is_partial(world):
    minimum = {"other": {"bleu": 9.0}}
    policy = with_quality(world.policy, suites=("mini", "other"), minimum=minimum)
    verdict = judge(world.measure(world.subject()), policy)
    assert (verdict.decision.word, verdict.scope) == ("promote", "partial")
    assert verdict.scope_reasons[0] == "suite other of the policy was left out"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "url"}, "the candidate is a running service: its model is what it claims"),
        ({"overrides": ("beam 16, not its own 4",)}, "asked with beam 16, not its own 4"),
    ],
)
def test_a_verdict_about_something_else_than_will_be_served_is_partial(world, change, reason):
    measured = world.measure(world.subject(world.good, **change))
    verdict = judge(measured, world.policy)
    assert (verdict.decision.word, verdict.scope) == ("promote", "partial")
    assert reason in "; ".join(verdict.scope_reasons)
    assert judge(world.measure(world.subject(world.good)), world.policy).scope == "full"


def test_a_verdict_without_a_ratio_of_the_policy_is_partial(world):
    measured = world.measure(world.subject())
    without = replace(measured, speed=replace(measured.speed, start=None))
    verdict = judge(without, world.policy)
    assert verdict.scope == "partial"
    assert "speed start_seconds was not measured" in verdict.scope_reasons
