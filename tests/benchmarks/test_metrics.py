"""Scores, statistics and p-values are sacreBLEU's."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from sacrebleu.significance import PairedTest as TheirTest

from benchmarks.answers import AnswerCache, suite_statistics
from benchmarks.metrics import METRICS, corpus_score, extract, signature
from benchmarks.significance import (
    SamplingPlan,
    draw,
    holm,
    p_text,
    paired_test,
    pooled_test,
    resample_counts,
    sign_test,
)
from benchmarks.suite import Suite, load_suite

COLUMNS = {"bleu": 10, "chrf2": 18, "chrf2pp": 24, "ter": 2}
NAMES = {"bleu": "BLEU", "chrf2": "chrF2", "chrf2pp": "chrF2++", "ter": "TER"}


@pytest.fixture(scope="module")
def two_systems():
    """120 references and two systems that drop and swap words of theirs."""
    rng = random.Random(3)
    references = load_suite("tatoeba").references[0][:120]

    def damage(text, rate):
        words = text.split()
        kept = [w for w in words if rng.random() > rate] or words[:1]
        if len(kept) > 3 and rng.random() < rate:
            kept[0], kept[2] = kept[2], kept[0]
        return " ".join(kept)

    return references, [damage(r, 0.2) for r in references], [damage(r, 0.28) for r in references]


@pytest.mark.parametrize("key", METRICS)
def test_a_formula_gives_sacrebleus_score_for_any_statistics(key):
    rng = np.random.default_rng(5)
    rows = rng.integers(0, 6, size=(600, COLUMNS[key])).astype(float)
    rows[:200] *= 100
    theirs = METRICS[key].build()
    expected = [theirs._compute_score_from_stats(row.tolist()).score for row in rows]
    assert METRICS[key].formula(rows) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("key", METRICS)
def test_a_corpus_score_is_sacrebleus_to_the_last_digit(key, two_systems):
    references, system, _ = two_systems
    theirs = METRICS[key].build()
    found = extract(key, system, [references])
    assert corpus_score(METRICS[key], found) == theirs.corpus_score(system, [references]).score
    assert signature(key, 1) == str(theirs.get_signature())


def test_several_references_are_all_used(two_systems):
    references, system, other = two_systems
    theirs = METRICS["bleu"].build().corpus_score(system, [references, other])
    found = extract("bleu", system, [references, other])
    assert corpus_score(METRICS["bleu"], found) == theirs.score


@pytest.mark.parametrize("key", ["bleu", "chrf2pp"])
def test_shufflings_are_sacrebleus_but_ties_count(key, two_systems):
    """Its p counts what is larger than the difference; ours what is as large."""
    references, good, bad = two_systems
    theirs = TheirTest(
        [("good", good), ("bad", bad)],
        {key: METRICS[key].build()},
        [references],
        test_type="ar",
        n_samples=2000,
    )()[1]
    rows = [extract(key, system, [references]) for system in (good, bad)]
    plan = SamplingPlan(samples=100, trials=2000)
    found = draw(METRICS[key], *rows, plan)
    delta = paired_test(METRICS[key], *rows, plan).delta
    assert not found.exact
    larger = (np.sum(np.abs(found.shuffled) > abs(delta) + 1e-9) + 1) / 2001
    assert larger == pytest.approx(theirs[NAMES[key]][1].p_value, abs=1e-9)


@pytest.mark.parametrize("changed", [1, 2, 3, 5, 13])
def test_few_changed_sentences_that_all_lose_have_the_exact_p(changed, two_systems):
    """One of two, of four, …: sacreBLEU calls even one changed word significant, p = 0.0001."""
    references, _, _ = two_systems
    worse = [" ".join(r.split()[:-2]) if i < changed else r for i, r in enumerate(references)]
    rows = [extract("bleu", lines, [references]) for lines in (references, worse)]
    found = paired_test(METRICS["bleu"], *rows)
    assert found.exact
    assert (found.changed, found.shufflings) == (changed, 2**changed)
    assert found.p_worse == pytest.approx(2.0**-changed)
    assert found.p_better == 1.0


def test_with_many_changed_sentences_p_is_close_to_the_exact_one():
    """TER rows whose differences are ±1 make the test a sign test: 14 of 18 are worse."""
    base = np.full((40, 2), 10.0)
    cand = base.copy()
    cand[:14, 0] += 1
    cand[14:18, 0] -= 1
    found = paired_test(METRICS["ter"], base, cand)
    assert not found.exact
    assert found.p_worse == pytest.approx(sign_test(14, 4), abs=0.005)


def test_suites_are_pooled_by_their_sentences():
    """The mean of two scores, weighted; a loss on one and the same gain on the other is none."""
    small = (np.tile([1.0, 10.0], (20, 1)), np.tile([2.0, 10.0], (20, 1)))
    large = (np.tile([2.0, 10.0], (60, 1)), np.tile([2.0, 10.0], (60, 1)))
    plan = SamplingPlan()
    drawn = [draw(METRICS["ter"], *pair, plan) for pair in (small, large)]
    found = pooled_test(drawn)
    assert found.baseline == pytest.approx((20 * 10 + 60 * 20) / 80)
    assert found.delta == pytest.approx(20 / 80 * 10)
    assert found.p_worse < 0.001
    back = (small[1][:20], small[0][:20])
    even = pooled_test([drawn[0], draw(METRICS["ter"], *back, plan)])
    assert even.delta == pytest.approx(0.0)
    assert min(even.p_worse, even.p_better) > 0.4


@pytest.mark.parametrize(
    ("p", "shufflings", "text"),
    [
        (0.0619, 10_000, "p = 0.0619"),
        (1 / 10_001, 10_000, "p < 0.0001"),
        (0.001, 999, "p < 0.0010"),
    ],
)
def test_p_is_told_with_its_limit(p, shufflings, text):
    rows = np.tile([1.0, 10.0], (20, 1))
    test = replace(paired_test(METRICS["ter"], rows, rows), shufflings=shufflings, exact=False)
    assert p_text(p, test) == text


def test_a_system_against_itself_has_no_difference(two_systems):
    """sacreBLEU's randomisation would call equal systems significantly different."""
    references, system, _ = two_systems
    rows = extract("bleu", system, [references])
    found = paired_test(METRICS["bleu"], rows, rows)
    assert (found.delta, found.p_worse, found.p_better) == (0.0, 1.0, 1.0)
    assert found.delta_interval.low == found.delta_interval.high == found.gain_bound == 0.0


def test_for_ter_a_drop_is_a_gain(two_systems):
    references, good, bad = two_systems
    rows = [extract("ter", system, [references]) for system in (bad, good)]
    found = paired_test(METRICS["ter"], *rows)
    assert found.delta < 0
    assert found.gain_bound > -abs(found.delta)


def test_the_interval_of_the_difference_covers_a_known_shift():
    """TER rows with one more edit a sentence: every resample differs by the same amount."""
    base = np.column_stack([np.arange(50) % 5, np.full(50, 10.0)]).astype(float)
    worse = base + np.array([1.0, 0.0])
    found = paired_test(METRICS["ter"], base, worse)
    assert found.delta == pytest.approx(10.0)
    assert found.delta_interval.low == pytest.approx(10.0)
    assert found.gain_bound == pytest.approx(-10.0)


def test_resamples_draw_as_many_sentences_as_there_are():
    counts = resample_counts(7, 20, seed=1)
    assert counts.shape == (20, 7)
    assert (counts.sum(axis=1) == 7).all()


def test_what_was_scored_is_not_scored_again(two_systems, monkeypatch):
    references, system, other = two_systems
    suite, cache = Suite("x", references, (references,)), AnswerCache()
    mixed = [*system[:60], *other[60:]]
    seen = []

    def counted(key, hypotheses, *rest):
        seen.extend(hypotheses)
        return extract(key, hypotheses, *rest)

    monkeypatch.setattr("benchmarks.answers.extract", counted)
    suite_statistics("bleu", suite, system, cache)
    assert len(seen) == len(system)
    found = suite_statistics("bleu", suite, mixed, cache)
    new = sum(a != b for a, b in zip(mixed, system, strict=True))
    assert 0 < new == len(seen) - len(system)
    theirs = METRICS["bleu"].build().corpus_score(mixed, [references])
    assert corpus_score(METRICS["bleu"], found) == theirs.score


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ({"a": 0.01, "b": 0.04, "c": 0.03}, {"a": 0.03, "b": 0.06, "c": 0.06}),
        ({"a": 0.5, "b": 0.9}, {"a": 1.0, "b": 1.0}),
        ({"a": 0.02}, {"a": 0.02}),
        ({}, {}),
    ],
)
def test_holm(p_values, adjusted):
    assert holm(p_values) == pytest.approx(adjusted)


def test_holm_with_weights_gives_the_first_more_of_the_level():
    found = holm({"first": 0.02, "other": 0.02}, {"first": 0.75, "other": 0.25})
    assert found == pytest.approx({"first": 0.02 / 0.75, "other": 0.02 / 0.75})


@pytest.mark.parametrize(
    ("worse", "better", "p"),
    [(0, 0, 1.0), (5, 0, 1 / 32), (1, 1, 0.75), (0, 3, 1.0), (9, 1, 11 / 1024)],
)
def test_sign_test(worse, better, p):
    assert sign_test(worse, better) == pytest.approx(p)
