"""Everything that is timed, behind one call: translate these sentences with this beam."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.engine.ctranslate2_model import ctranslate2_model, token_name
from benchmarks.engine.models import Dimensions, native_model, torch_model
from csanmt.translator import DecodingOptions, Engine

LENGTH = 30  # source and target tokens

Sentences = Sequence[Sequence[int]]


class Contender(Protocol):
    """One way to translate; every call does the same forced work."""

    name: str

    def run(self, sentences: Sentences, beam: int) -> None: ...


class EngineContender:
    """One of ours: the native engine or torch."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name = name
        self._engine = engine

    def run(self, sentences: Sentences, beam: int) -> None:
        options = DecodingOptions(beam=beam, max_length=LENGTH, repetition_guard=False)
        for hypotheses in self._engine.translate_ids(sentences, options):
            if len(hypotheses[0].ids) != LENGTH:
                raise RuntimeError(f"{self.name} stopped early")


class CTranslate2Contender:
    """CTranslate2 int8 of the same dimensions, without the semantic parts."""

    def __init__(self, name: str, directory: Path) -> None:
        import ctranslate2

        self.name = name
        self._translator = ctranslate2.Translator(
            str(directory), device="cpu", compute_type="int8", inter_threads=1, intra_threads=1
        )

    def run(self, sentences: Sentences, beam: int, length: int = LENGTH) -> None:
        batch = [[*map(token_name, ids), token_name(0)] for ids in sentences]
        results = self._translator.translate_batch(
            batch, beam_size=beam, min_decoding_length=length, max_decoding_length=length,
            return_scores=False,
        )  # fmt: skip
        if any(len(result.hypotheses[0]) != length for result in results):
            raise RuntimeError(f"{self.name} stopped early")


def make_contenders(dimensions: Dimensions, directory: Path, torch: bool) -> list[Any]:
    """Build (once) and load every contender; ``directory`` keeps the built models."""
    from csanmt.engine.native import NativeEngine
    from csanmt.engine.torch_reference import TorchEngine

    packed = native_model(dimensions, directory / "native")
    converted = ctranslate2_model(dimensions, directory / "ctranslate2")
    contenders: list[Contender] = [
        EngineContender("native", NativeEngine(packed)),
        CTranslate2Contender("ctranslate2", converted),
    ]
    if torch:
        reference = TorchEngine(torch_model(dimensions), batch_size=32)
        contenders.append(EngineContender("torch", reference))
    return contenders
