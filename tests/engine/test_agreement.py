"""The engine computes what the torch model computes, on every instruction set."""

from __future__ import annotations

import csanmt_engine
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from csanmt.engine.native import NativeEngine

# The fixture's kinds by name: importlib mode gives tests no package to import from.
KINDS = (
    "published",
    "relative",
    "post-norm",
    "post-norm relative",
    "shared",
    "shared untied",
    "untied",
    "plain transformer",
    "width 48",
    "wide heads",
)
SOURCE = [5, 17, 200, 33, 9, 8, 7, 100, 260, 41, 3]
TARGET = [3, 9, 1, 77, 200, 260, 5, 5, 8]


def cosine(a: NDArray[np.float32], b: torch.Tensor) -> float:
    x, y = a.ravel().astype(np.float64), b.detach().numpy().ravel().astype(np.float64)
    assert x.shape == y.shape
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


@pytest.mark.parametrize("kind", KINDS)
def test_logits_agree_with_torch(packed, kind: str) -> None:
    model, path = packed(kind)
    engine = NativeEngine(path)
    ids = torch.tensor([[*SOURCE, 0]])
    with torch.no_grad():
        expected = model(input_ids=ids, decoder_input_ids=torch.tensor([[0, *TARGET]])).logits
    logits = engine.logits(SOURCE, TARGET)
    for row, wanted in zip(logits, expected[0], strict=True):
        assert cosine(row, wanted) > 0.999


@pytest.mark.parametrize("kind", KINDS)
def test_every_instruction_set_gives_the_same_bits(packed, kind: str) -> None:
    _, path = packed(kind)
    reference = NativeEngine(path, isa="portable").logits(SOURCE, TARGET)
    for isa in csanmt_engine.instruction_sets():
        assert np.array_equal(NativeEngine(path, isa=isa).logits(SOURCE, TARGET), reference), isa


def test_an_inner_eos_hides_the_position_after_it(packed) -> None:
    model, path = packed("relative")
    source = [5, 17, 0, 33, 9]
    with torch.no_grad():
        expected = model(
            input_ids=torch.tensor([[*source, 0]]), decoder_input_ids=torch.tensor([[0, 3]])
        ).logits[0]
    assert cosine(NativeEngine(path).logits(source, [3]), expected) > 0.999


def test_an_empty_source_has_no_positions_at_all(packed) -> None:
    model, path = packed("published")
    with torch.no_grad():
        expected = model(
            input_ids=torch.zeros(1, 0, dtype=torch.long), decoder_input_ids=torch.tensor([[0, 3]])
        ).logits[0]
    engine = NativeEngine(path)
    assert cosine(engine.logits([], [3]), expected) > 0.999
    alone = engine.translate_ids([[]])
    assert engine.translate_ids([[5, 6], []])[1] == alone[0]
