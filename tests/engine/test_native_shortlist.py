"""Shortlists restrict each sentence to its own list, whoever else is in the batch."""

from __future__ import annotations

import struct

import pytest

from csanmt.engine.native import NativeEngine
from csanmt.engine.shortlist import (
    count_lexicon,
    frequent_tokens,
    probe_lexicon,
    save_shortlist,
)
from csanmt.errors import CheckpointError, InvalidInputError
from csanmt.translator import DecodingOptions

SOURCES = [[5, 6, 7], [8, 9, 10, 11], [400], [12] * 9]
WITH = DecodingOptions(n_best=4, max_length=15, shortlist=True)
WITHOUT = DecodingOptions(n_best=4, max_length=15, shortlist=False)


def lists() -> list[list[int]]:
    return [[(token * 7 + i * 13) % 261 for i in range(9)] for token in range(500)]


@pytest.fixture
def file(packed):
    path = packed("published")[1]
    return path.with_name("lists.bin")


def load(packed, file) -> NativeEngine:
    return NativeEngine(packed("published")[1], shortlist=file)


def test_only_listed_tokens_are_chosen_alone_and_in_a_batch(packed, file) -> None:
    save_shortlist(file, lists(), [1, 2, 3], 261)
    engine = load(packed, file)
    together = engine.translate_ids(SOURCES, WITH)
    for source, row in zip(SOURCES, together, strict=True):
        allowed = {1, 2, 3}.union(*(lists()[token] for token in source))
        assert all(set(h.ids) <= allowed for h in row)
        assert engine.translate_ids([source], WITH)[0] == row
    assert engine.translate_ids(SOURCES, WITHOUT) != together


def test_a_list_of_everything_changes_nothing(packed, file) -> None:
    save_shortlist(file, [[] for _ in range(500)], list(range(261)), 261)
    engine = load(packed, file)
    listed, free = (engine.translate_ids(SOURCES, options) for options in (WITH, WITHOUT))
    for a, b in zip(listed, free, strict=True):
        assert [h.ids for h in a] == [h.ids for h in b]
        # The sum over the vocabulary runs in another order.
        assert [h.score for h in a] == pytest.approx([h.score for h in b], rel=1e-5)


def test_a_prefix_is_always_allowed_and_short_lists_do_not_end_the_search(packed, file) -> None:
    save_shortlist(file, [[] for _ in range(500)], [], 261)
    row = load(packed, file).translate_ids([[5]], WITH, prefixes=[[77, 200]])[0]
    assert row
    assert all(h.ids[:2] == (77, 200) for h in row)
    assert all(set(h.ids) <= {77, 200} for h in row)


def test_it_is_off_unless_asked_for(packed, file) -> None:
    save_shortlist(file, lists(), [], 261)
    engine = load(packed, file)
    silent = DecodingOptions(n_best=4, max_length=15)
    assert engine.translate_ids(SOURCES, silent) == engine.translate_ids(SOURCES, WITHOUT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: b"PK" + d[2:], "not a shortlist"),
        (lambda d: d[:30], "not a shortlist"),
        (lambda d: d[:-4], "truncated"),
        (lambda d: d[:8] + struct.pack("<I", 9) + d[12:], "version 9"),
        (lambda d: d[:12] + struct.pack("<I", 499) + d[16:], "other vocabularies"),
        (lambda d: d[:-4] + struct.pack("<I", 261), "out of range"),
        (lambda d: d[:24] + struct.pack("<Q", 2**63) + d[32:], "truncated"),
    ],
)
def test_damaged_files_are_refused(packed, file, change, message: str) -> None:
    save_shortlist(file, lists(), [1], 261)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(CheckpointError, match=message):
        load(packed, file)


def test_ids_outside_the_vocabulary_are_refused(file) -> None:
    with pytest.raises(InvalidInputError, match="outside 0 to 260"):
        save_shortlist(file, [[261]], [], 261)


def test_a_lexicon_pairs_what_occurs_together() -> None:
    pairs = [([1, 2], [11, 12, 10]), ([1, 3], [11, 13, 10]), ([2, 3], [12, 13, 10])] * 2
    found = count_lexicon(pairs, source_vocabulary=5, each=1)
    assert found == [[], [11], [12], [13], []]
    assert frequent_tokens([[7, 7, 8], [7, 9, 9]], 2) == [7, 9]


def test_probing_lists_what_the_model_says(engine) -> None:
    found = probe_lexicon(engine, [[5, 6], [6, 7]], source_vocabulary=500, each=100)
    said = {
        token for row in engine.translate_ids([[5, 6]], WITHOUT) for h in row for token in h.ids
    }
    assert {token for token in range(500) if found[token]} == {5, 6, 7}
    assert set(found[5]) <= set(range(261))
    assert said or not found[5]
