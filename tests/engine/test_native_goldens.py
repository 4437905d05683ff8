"""The packed engine on the reference implementation's recorded inputs.

The recorded models are tiny, random and sharp: attention is nearly one-hot, so that the
rounding of int8 alone may send them elsewhere. The oracle is therefore the torch model
(which reproduces the recordings in float, see the tests of the library) with the very same
rounding put into its linear layers. What is left are last-digit differences.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from csanmt.engine.native import NativeEngine
from csanmt.engine.packing import pack
from csanmt.engine.torch_reference import TorchEngine
from csanmt.translator import DecodingOptions

GOLDENS = Path(__file__).parents[1] / "goldens"


def rounded(x: Tensor) -> Tensor:
    """Symmetric int8 by row, and back: what the engine's products see."""
    limit = x.abs().amax(dim=-1, keepdim=True)
    codes = (x * torch.where(limit > 0, 127.0 / limit, 0.0)).round()
    return codes * (limit / 127.0)


def round_linears(model: nn.Module) -> nn.Module:
    """Round the weights of a model, and every input of a product."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.weight.copy_(rounded(module.weight))
                module.register_forward_pre_hook(lambda _, inputs: (rounded(inputs[0]),))
            elif isinstance(module, nn.Embedding):
                module.weight.copy_(rounded(module.weight))
    logits = model.logits
    model.logits = lambda hidden: logits(rounded(hidden))
    return model.eval()


@pytest.fixture(scope="module", params=["A", "B", "C", "E"])
def golden(request, tmp_path_factory):
    """(engine, rounded torch model, arrays, cases) of one fixture."""
    place = GOLDENS / request.param
    if not (place / "goldens.npz").is_file():
        pytest.skip(f"{place} is not there")
    from csanmt.modeling import load_model
    from csanmt.modelscope.conversion import convert

    out = tmp_path_factory.mktemp("converted") / request.param
    convert(place / "model", out)
    pack(out, out / "engine.bin")
    cases = json.loads((place / "cases.json").read_text(encoding="utf-8"))
    arrays = np.load(place / "goldens.npz")
    return NativeEngine(out / "engine.bin"), round_linears(load_model(out)), arrays, cases


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    x, y = (np.asarray(v, dtype=np.float64).ravel() for v in (a, b))
    return float((x - x.mean()) @ (y - y.mean()) / (len(x) * x.std() * y.std()))


def sentences(rows: np.ndarray) -> list[list[int]]:
    """Rows cut at their first 0."""
    return [row[: (row == 0).argmax() if (row == 0).any() else len(row)].tolist() for row in rows]


def test_teacher_forced_logits_match_the_same_rounding_in_torch(golden) -> None:
    engine, model, arrays, _ = golden
    found = []
    for key in sorted({key.split("/")[0] for key in arrays.files if key.startswith("f")}):
        for source, target in zip(
            sentences(arrays[f"{key}/input_ids"]), arrays[f"{key}/trg"].tolist(), strict=True
        ):
            with torch.no_grad():
                expected = model(
                    input_ids=torch.tensor([[*source, 0]]),
                    decoder_input_ids=torch.tensor([[0, *target]]),
                ).logits[0]
            ours = engine.logits(source, target)
            found += [cosine(a, b) for a, b in zip(ours, expected.numpy(), strict=True)]
    assert len(found) >= 20
    assert np.median(found) > 0.99999
    assert np.mean(np.array(found) > 0.999) > 0.8  # in the rest a rounding tipped over


@pytest.mark.parametrize("beam", [1, 4])
def test_translations_are_those_of_the_same_rounding_in_torch(golden, beam: int) -> None:
    engine, model, arrays, cases = golden
    limit = int(cases["spec"]["maxlen"])
    options = DecodingOptions(beam=beam, max_length=limit, repetition_guard=False)
    singles = [c for c in cases["cases"] if c["ids_shape"][0] == 1 and c["ids_shape"][1] > 0]
    batch = [sentences(arrays[f"{case['id']}/input_ids"])[0] for case in singles]
    batch = [ids for ids in batch if ids]
    expected = TorchEngine(model).translate_ids(batch, options)
    found = engine.translate_ids(batch, options)
    same = [a[0].ids == b[0].ids for a, b in zip(found, expected, strict=True)]
    assert np.mean(same) >= 0.6, f"{sum(same)} of {len(same)}"
