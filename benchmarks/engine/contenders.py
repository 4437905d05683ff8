"""Everything that is timed, behind one call: translate these sentences with this beam."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.engine.ctranslate2_model import ctranslate2_model, token_name
from benchmarks.engine.models import Dimensions, lexicon, native_model, torch_model
from csanmt.translator import DecodingOptions, Engine

LENGTH = 30  # source and target tokens
SHORTLIST = 2000  # target ids that the lists of a batch hold together

Sentences = Sequence[Sequence[int]]


class Contender(Protocol):
    """One way to translate; every call does the same forced work."""

    name: str

    def run(self, sentences: Sentences, beam: int) -> None: ...


class EngineContender:
    """One of ours: the native engine, with or without its shortlist, or torch."""

    def __init__(self, name: str, engine: Engine, shortlist: bool = False) -> None:
        self.name = name
        self._engine = engine
        self._shortlist = shortlist

    def run(self, sentences: Sentences, beam: int) -> None:
        options = DecodingOptions(
            beam=beam, max_length=LENGTH, repetition_guard=False, shortlist=self._shortlist
        )
        for hypotheses in self._engine.translate_ids(sentences, options):
            if len(hypotheses[0].ids) != LENGTH:
                raise RuntimeError(f"{self.name} stopped early")


class CTranslate2Contender:
    """CTranslate2 int8 of the same dimensions, without the semantic parts."""

    def __init__(self, name: str, directory: Path, vmap: bool = False) -> None:
        import ctranslate2

        self.name = name
        self._vmap = vmap
        self._translator = ctranslate2.Translator(
            str(directory), device="cpu", compute_type="int8", inter_threads=1, intra_threads=1
        )

    def run(self, sentences: Sentences, beam: int, length: int = LENGTH) -> None:
        batch = [[*map(token_name, ids), token_name(0)] for ids in sentences]
        results = self._translator.translate_batch(
            batch, beam_size=beam, min_decoding_length=length, max_decoding_length=length,
            use_vmap=self._vmap, return_scores=False,
        )  # fmt: skip
        if any(len(result.hypotheses[0]) != length for result in results):
            raise RuntimeError(f"{self.name} stopped early")


def make_contenders(
    dimensions: Dimensions, directory: Path, sentences: list[list[int]], torch: bool
) -> list[Any]:
    """Build (once) and load every contender; ``directory`` keeps the built models."""
    from benchmarks.engine.shortlist_file import write_shortlist
    from csanmt.engine.native import NativeEngine
    from csanmt.engine.torch_reference import TorchEngine

    lists = lexicon(dimensions, sentences, min(SHORTLIST, dimensions.vocab_size // 2))
    packed = native_model(dimensions, directory / "native")
    chosen = directory / "native" / "lists.bin"
    write_shortlist(lists, dimensions, chosen)
    plain = ctranslate2_model(dimensions, directory / "ctranslate2", None)
    mapped = ctranslate2_model(dimensions, directory / "ctranslate2-vmap", lists)
    native = NativeEngine(packed, shortlist=chosen)
    contenders: list[Contender] = [
        EngineContender("native", native),
        CTranslate2Contender("ctranslate2", plain),
        EngineContender("native+shortlist", native, shortlist=True),
        CTranslate2Contender("ctranslate2+vmap", mapped, vmap=True),
    ]
    if torch:
        reference = TorchEngine(torch_model(dimensions), batch_size=32)
        contenders.append(EngineContender("torch", reference))
    return contenders
