"""A hypothesis uses each copy token that its sentence requires once, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from csanmt.engine.native import NativeEngine
from csanmt.engine.torch_reference import TorchEngine
from csanmt.errors import InvalidInputError
from csanmt.translator import Copies, DecodingOptions

RESERVED = tuple(range(200, 216))
SOURCES = [[5, 6, 7], [8, 9, 10, 11], [400], [12] * 9, [31, 7]]
REQUIRED = ((200,), (201, 215, 203), (), (210, 204), tuple(RESERVED))
COPIES = Copies(RESERVED, REQUIRED)
OPTIONS = DecodingOptions(n_best=4, max_length=24)


def held(ids: tuple[int, ...]) -> list[int]:
    return sorted(token for token in ids if token in RESERVED)


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize("length", [17, 24])
def test_every_hypothesis_pays_what_its_sentence_owes(packed, beam: int, length: int) -> None:
    model, path = packed("published")
    options = replace(OPTIONS, beam=beam, n_best=beam, max_length=length)
    for engine in (NativeEngine(path), TorchEngine(model)):
        found = engine.translate_ids(SOURCES, options, copies=COPIES)
        for hypotheses, required in zip(found, REQUIRED, strict=True):
            assert hypotheses
            assert all(held(h.ids) == sorted(required) for h in hypotheses), engine.name


def test_batches_and_threads_change_nothing(packed) -> None:
    path = packed("published")[1]
    together = NativeEngine(path).translate_ids(SOURCES, OPTIONS, copies=COPIES)
    assert NativeEngine(path, threads=2).translate_ids(SOURCES, OPTIONS, copies=COPIES) == together
    for source, required, found in zip(SOURCES, REQUIRED, together, strict=True):
        alone = Copies(RESERVED, (required,))
        assert NativeEngine(path).translate_ids([source], OPTIONS, copies=alone) == [found]


def test_a_prefix_pays_too(engine) -> None:
    copies = Copies(RESERVED, ((200, 201),))
    (found,) = engine.translate_ids([[5, 6, 7]], OPTIONS, prefixes=[[201, 9]], copies=copies)
    assert all(h.ids[:2] == (201, 9) and held(h.ids) == [200, 201] for h in found)


def test_without_reserved_tokens_nothing_changes(engine) -> None:
    plain = engine.translate_ids(SOURCES, OPTIONS)
    assert engine.translate_ids(SOURCES, OPTIONS, copies=Copies((), ((),) * 5)) == plain


@pytest.mark.parametrize(
    "copies",
    [Copies((200,), ((201,),) * 5), Copies((200,), ((200,),)), Copies((9999,), ((),) * 5)],
)
def test_impossible_demands_are_refused(engine, copies: Copies) -> None:
    with pytest.raises(InvalidInputError):
        engine.translate_ids(SOURCES, OPTIONS, copies=copies)
