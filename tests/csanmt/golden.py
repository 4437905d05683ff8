"""One golden fixture, imported through the product's own importer."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from csanmt.loading import load_translator
from csanmt.modeling import CsanmtForConditionalGeneration
from csanmt.modelscope.conversion import ConversionReport, convert
from csanmt.search import Beams, beam_search
from csanmt.text_translator import TextTranslator
from csanmt.translator import DecodingOptions
from tests.csanmt.reference_translator import load_reference

# Another fixture of the same kind can be tried by pointing this variable at its folder.
GOLDENS = Path(os.environ.get("CSANMT_GOLDENS", str(Path(__file__).parents[1] / "goldens")))

ULPS = 4


@dataclass
class Golden:
    name: str
    directory: Path
    converted: Path
    report: ConversionReport
    cases: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    _beams: dict[tuple[str, int], list[Beams]] = field(default_factory=dict)

    @cached_property
    def translator(self) -> TextTranslator:
        return load_translator(self.converted, engine="torch")

    @cached_property
    def reference_like(self) -> TextTranslator:
        return load_reference(self.converted)

    @cached_property
    def generation(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.converted / "generation_config.json").read_text())
        return value

    @property
    def model(self) -> CsanmtForConditionalGeneration:
        return self.translator.engine.model

    def input_ids(self, key: str) -> torch.Tensor:
        """(B, L + 1) with eos; the empty input stays without a position."""
        ids = torch.tensor(self.arrays[f"{key}/input_ids"])
        if not ids.shape[1]:
            return ids
        return torch.nn.functional.pad(ids, (0, 1))

    def beams(self, case: str, beam: int) -> list[Beams]:
        if (case, beam) not in self._beams:
            options = DecodingOptions(
                beam=beam,
                length_penalty=self.generation["length_penalty"],
                max_length=self.generation["max_length"],
                repetition_guard=False,
            )
            self._beams[case, beam] = beam_search(
                self.model, self.input_ids(case), options, together=True
            )
        return self._beams[case, beam]


def open_golden(name: str, out: Path) -> Golden:
    directory = GOLDENS / name
    report = convert(directory / "model", out)
    cases = json.loads((directory / "cases.json").read_text(encoding="utf-8"))
    arrays = dict(np.load(directory / "goldens.npz"))
    return Golden(name, directory, out, report, cases, arrays)


def tolerance(hidden: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """How far a log-probability may be from the golden one: 1e-4 and float32's own error.

    hidden (…, H), table (V, H) → (…, V). The fixtures give eos a row of large values
    that cancel in its logit, so that rounding alone moves it by some 1e-4 (float64
    arithmetic misses the goldens by as much). For every other token 1e-4 is what counts.
    """
    magnitude = hidden.abs() @ table.abs().T  # what the terms of each logit add up to
    rounding = ULPS * torch.finfo(torch.float32).eps * magnitude
    expected = ((hidden @ table.T).softmax(-1) * rounding).sum(-1, keepdim=True)
    return 1e-4 + rounding + expected
