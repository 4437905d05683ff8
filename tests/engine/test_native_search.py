"""The engine's search against one written from the reference's description."""

from __future__ import annotations

from collections.abc import Sequence

import csanmt_engine
import numpy as np
import pytest

from csanmt.engine.native import NativeEngine
from csanmt.errors import InvalidInputError
from csanmt.translator import DecodingOptions

LOWEST = np.finfo(np.float32).min


def sources(count: int, seed: int = 3) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [random.integers(1, 500, random.integers(1, 24)).tolist() for _ in range(count)]


def reference_search(
    engine: NativeEngine, source: Sequence[int], options: DecodingOptions
) -> list[tuple[tuple[int, ...], float]]:
    """Beam search at batch size 1 over the engine's own logits; (ids, score), best first."""
    beam = options.beam
    alive: list[tuple[np.float32, tuple[int, ...]]] = [(np.float32(0), ())]
    finished: list[tuple[np.float32, tuple[int, ...]]] = []

    def penalty(length: int) -> np.float32:
        return np.float32(np.float32((5 + length) / 6) ** np.float32(options.length_penalty))

    for step in range(options.max_length):
        scored = []
        for k, (log_probability, ids) in enumerate(alive):
            row = engine.logits(source, list(ids))[-1].astype(np.float64)
            log_softmax = row - row.max() - np.log(np.exp(row - row.max()).sum())
            scores = ((log_probability + log_softmax) / penalty(step + 1)).astype(np.float32)
            scored += [(-s, k, token) for token, s in enumerate(scores)]
        best = sorted(scored)[: 2 * beam]
        finished += [(-s, alive[k][1]) for s, k, token in best if token == 0]
        finished = sorted(finished, key=lambda f: -f[0])[:beam]
        alive = [
            (np.float32(-s * penalty(step + 1)), (*alive[k][1], token))
            for s, k, token in best
            if token != 0
        ][:beam]
        if finished:
            worst = min([s for s, _ in finished] + [np.float32(0)] * (len(finished) < beam))
            if worst > alive[0][0] / penalty(options.max_length):
                break
    out = finished or [(a / penalty(step + 1), ids) for a, ids in alive]
    return [(ids, float(score)) for score, ids in out]


@pytest.mark.parametrize("beam", [1, 2, 4, 6])
@pytest.mark.parametrize("kind", ["published", "relative", "post-norm"])
def test_search_follows_the_reference(packed, kind: str, beam: int) -> None:
    engine = NativeEngine(packed(kind)[1])
    options = DecodingOptions(beam=beam, n_best=beam, max_length=14, repetition_guard=False)
    batch = sources(6)
    for source, found in zip(batch, engine.translate_ids(batch, options), strict=True):
        expected = reference_search(engine, source, options)
        assert [h.ids for h in found] == [ids for ids, _ in expected]
        np.testing.assert_allclose(
            [h.score for h in found], [score for _, score in expected], rtol=2e-5
        )


def test_length_penalty_changes_the_scores_as_documented(engine: NativeEngine) -> None:
    source = sources(1)[0]
    for value in (0.0, 1.0, 2.5):
        options = DecodingOptions(length_penalty=value, max_length=12, repetition_guard=False)
        (best, *_), expected = engine.translate_ids([source], options)[0], None
        expected = reference_search(engine, source, options)[0]
        assert best.ids == expected[0]
        assert best.score == pytest.approx(expected[1], rel=2e-5)


@pytest.mark.parametrize("beam", [1, 4])
def test_a_sentence_is_bitwise_the_same_alone_and_in_any_batch(engine, beam: int) -> None:
    options = DecodingOptions(beam=beam, n_best=beam, max_length=30, alignment=True)
    batch = sources(70, seed=9)  # more than are decoded side by side
    together = engine.translate_ids(batch, options)
    backwards = engine.translate_ids(batch[::-1], options)[::-1]
    assert together == backwards
    for i in range(0, 70, 7):
        assert engine.translate_ids([batch[i]], options)[0] == together[i]


def test_instruction_sets_and_threads_give_the_same_answers(packed) -> None:
    path = packed("relative")[1]
    options = DecodingOptions(n_best=4, max_length=30, alignment=True)
    batch = sources(12)
    expected = NativeEngine(path, isa="portable").translate_ids(batch, options)
    for isa in csanmt_engine.instruction_sets():
        for threads in (1, 3):
            found = NativeEngine(path, isa=isa, threads=threads).translate_ids(batch, options)
            assert found == expected, (isa, threads)


def test_n_best_is_a_prefix_of_the_beam(engine) -> None:
    batch = sources(5)
    full = engine.translate_ids(batch, DecodingOptions(n_best=4, max_length=20))
    two = engine.translate_ids(batch, DecodingOptions(n_best=2, max_length=20))
    assert [row[:2] for row in full] == two
    for row in full:
        assert [h.score for h in row] == sorted((h.score for h in row), reverse=True)


def test_reaching_the_limit_is_flagged(engine) -> None:
    batch = sources(20)
    found = engine.translate_ids(batch, DecodingOptions(max_length=3))
    assert any(row[0].hit_limit for row in found)
    for row in found:
        assert all(len(h.ids) == 3 for h in row if h.hit_limit)
        assert all(len(h.ids) < 3 for h in row if not h.hit_limit)


@pytest.mark.parametrize("prefix", [[], [7, 8, 9]])
def test_an_answer_has_at_most_so_many_tokens_a_source_token(packed, prefix: list[int]) -> None:
    from csanmt.engine.torch_reference import TorchEngine

    model, path = packed("published")
    batch, options = sources(20), DecodingOptions(n_best=4, max_length=30)
    prefixes = [prefix] * len(batch)
    limits = [min(30, len(prefix) + 2 * (len(ids) + 1)) for ids in batch]
    model.config.max_length_factor = 2
    try:
        engines = (NativeEngine(path, max_length_factor=2), TorchEngine(model, batch_size=4))
        found = [e.translate_ids(batch, options, prefixes=prefixes) for e in engines]
    finally:
        model.config.max_length_factor = None
    for answers in found:
        for row, limit in zip(answers, limits, strict=True):
            assert all(len(h.ids) == limit for h in row if h.hit_limit)
            assert all(len(h.ids) < limit for h in row if not h.hit_limit)
        assert any(row[0].hit_limit for row in answers)
    alone = NativeEngine(path)
    for ids, row, limit in zip(batch, found[0], limits, strict=True):  # as with that max_length
        own = DecodingOptions(n_best=4, max_length=limit)
        assert alone.translate_ids([ids], own, prefixes=[prefix]) == [row]


def test_hypotheses_start_with_the_prefix(engine) -> None:
    batch = sources(4)
    prefixes = [[7, 8, 9], [], [200], [5] * 12]
    options = DecodingOptions(n_best=4, max_length=20)
    found = engine.translate_ids(batch, options, prefixes=prefixes)
    for prefix, row in zip(prefixes, found, strict=True):
        assert all(list(h.ids[: len(prefix)]) == prefix for h in row)
    assert found[1] == engine.translate_ids([batch[1]], options)[0]


def test_a_forced_prefix_scores_as_the_model_scores_it(engine) -> None:
    source, prefix = sources(1)[0], [7, 8, 9]
    options = DecodingOptions(beam=2, max_length=len(prefix), length_penalty=0.0)
    (best,) = engine.translate_ids([source], options, prefixes=[prefix])[0]
    logits = engine.logits(source, prefix)[:-1].astype(np.float64)
    expected = sum(
        row[t] - np.log(np.exp(row).sum()) for row, t in zip(logits, prefix, strict=True)
    )
    assert best.ids == tuple(prefix)
    assert best.hit_limit
    assert best.score == pytest.approx(expected, rel=1e-5)


def test_the_repetition_guard_breaks_loops_and_can_be_switched_off(engine) -> None:
    from csanmt.search import banned_tokens, most_copies

    batch = [*sources(30, seed=21), *([*ids[:2], *ids[:1] * 20] for ids in sources(10, seed=22))]
    options = DecodingOptions(beam=1, max_length=40)
    free = DecodingOptions(beam=1, max_length=40, repetition_guard=False)

    def loops(options: DecodingOptions, own: bool = True) -> int:
        answers = [row[0].ids for row in engine.translate_ids(batch, options)]
        copies = [most_copies(ids) if own else 0 for ids in batch]
        return sum(
            any(ids[i] in banned_tokens(ids[:i], most) for i in range(len(ids)))
            for ids, most in zip(answers, copies, strict=True)
        )

    assert loops(options) == 0
    assert 0 < loops(options, own=False) <= 10  # those whose sources are loops themselves
    assert loops(free) > 0


@pytest.mark.parametrize("beam", [1, 4])
def test_the_guard_forbids_the_empty_answer(tmp_path, beam: int) -> None:
    """Eos is likelier than the word that every sentence would begin with."""
    import torch

    from csanmt.engine.packing import pack
    from csanmt.engine.torch_reference import TorchEngine
    from tests.engine.conftest import make_model

    model, batch = make_model("published"), sources(8, seed=22)
    options = DecodingOptions(beam=beam, n_best=beam, max_length=12)
    free = DecodingOptions(beam=beam, n_best=beam, max_length=12, repetition_guard=False)
    (first,) = TorchEngine(model).translate_ids(batch[:1], free)
    with torch.no_grad():
        table = model.target_table().weight
        table[0] = table[first[0].ids[0]] * 1.5
    pack(model, tmp_path / "engine.bin")
    for engine in (NativeEngine(tmp_path / "engine.bin"), TorchEngine(model)):
        assert any(h.ids == () for row in engine.translate_ids(batch, free) for h in row)
        assert all(h.ids for row in engine.translate_ids(batch, options) for h in row)


def test_alignment_points_into_the_source(packed) -> None:
    import torch

    model, path = packed("wide heads")
    engine, source = NativeEngine(path), [5, 17, 200, 33, 9, 8]
    (best,) = engine.translate_ids([source], DecodingOptions(max_length=8, alignment=True))[0]
    assert best.alignment is not None
    assert len(best.alignment) == len(best.ids)
    with torch.no_grad():
        weights = model(
            input_ids=torch.tensor([[*source, 0]]),
            decoder_input_ids=torch.tensor([[0, *best.ids[:-1]]]),
            output_attentions=True,
        ).cross_attentions[0][0]
    mean = weights.mean(dim=0).numpy()  # (T, S)
    for row, chosen in zip(mean, best.alignment, strict=True):
        assert row[chosen] > row.max() - 0.02  # int8 may swap near ties


@pytest.mark.parametrize(
    ("batch", "prefixes", "message"),
    [
        ([[1, 500]], None, "source id 500"),
        ([[-1]], None, "source id -1"),
        ([[1]], [[261]], "prefix id 261"),
        ([[1]], [[3, 0]], "end of sentence"),
        ([[1], [2]], [[3]], "one prefix a source"),
    ],
)
def test_wrong_ids_are_refused(engine, batch, prefixes, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        engine.translate_ids(batch, prefixes=prefixes)


def test_no_sources_give_no_answers(engine) -> None:
    assert engine.translate_ids([]) == []
