"""A trained model on real sentences, each ending where the model ends it.

CTranslate2 cannot host a CSANMT model; it runs the same dimensions without the semantic
parts and random weights, on the same source ids, forced to the average length of the
native engine's translations, batch by batch: as many source and target tokens for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.engine.contenders import Contender, CTranslate2Contender, Sentences
from benchmarks.engine.ctranslate2_model import ctranslate2_model
from benchmarks.engine.measure import CELLS, Cell, measure_cell
from benchmarks.engine.models import Dimensions
from benchmarks.suite import load_suite
from csanmt.loading import load_engine, load_tokenizer
from csanmt.translator import DecodingOptions, Engine

SUITE = "tatoeba"
SENTENCES = 32


@dataclass(frozen=True, slots=True)
class TextResult:
    """What was measured of one model; ``target_tokens`` of beam 4, an average a sentence."""

    name: str
    suite: str
    sentences: int
    source_tokens: float
    target_tokens: float
    cells: list[Cell]


class InBatches:
    """Another contender, given its sentences ``size`` at a time."""

    def __init__(self, inner: Contender, size: int) -> None:
        self.name = inner.name
        self._inner, self._size = inner, size

    def run(self, sentences: Sentences, beam: int) -> None:
        for batch in _batches(sentences, self._size):
            self._inner.run(batch, beam)


class NaturalEnd:
    """One of our engines; a sentence is as long as the model makes it."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name = name
        self._engine = engine

    def run(self, sentences: Sentences, beam: int) -> None:
        self._engine.translate_ids(sentences, DecodingOptions(beam=beam))

    def lengths(self, sentences: Sentences, beam: int) -> list[int]:
        """Target tokens of each sentence, its end counted."""
        found = self._engine.translate_ids(sentences, DecodingOptions(beam=beam))
        return [len(hypotheses[0].ids) + 1 for hypotheses in found]


class SameLength:
    """CTranslate2, forced for every batch to the average of ``native``'s lengths."""

    def __init__(self, directory: Path, native: NaturalEnd) -> None:
        self.name = "ctranslate2"
        self._inner = CTranslate2Contender(self.name, directory)
        self._native = native
        self._lengths: dict[tuple[int, ...], int] = {}

    def run(self, sentences: Sentences, beam: int) -> None:
        key = (beam, len(sentences), *(token for sentence in sentences for token in sentence))
        if key not in self._lengths:  # while warming up
            lengths = self._native.lengths(sentences, beam)
            self._lengths[key] = round(sum(lengths) / len(lengths))
        self._inner.run(sentences, beam, length=self._lengths[key])


def measure_text(
    model: Path, dimensions: Dimensions, directory: Path, rounds: int, torch: bool
) -> TextResult:
    """Measure the packed model in ``model``; what is built for it is kept in ``directory``."""
    tokenizer = load_tokenizer(model)
    lines = load_suite(SUITE).sources
    sources = lines[:: len(lines) // SENTENCES][:SENTENCES]
    sentences = [tokenizer.encode(line) for line in sources]
    native = NaturalEnd("native", load_engine(model, "native"))
    built = ctranslate2_model(dimensions, directory / "ctranslate2")
    contenders: list[Contender] = [native, SameLength(built, native)]
    if torch:
        contenders.append(NaturalEnd("torch", load_engine(model, "torch")))
    cells = []
    for batch, beam in CELLS:
        batched = [InBatches(contender, batch) for contender in contenders]
        cells.append(replace(measure_cell(batched, sentences, beam, rounds), batch=batch))
    lengths = native.lengths(sentences, max(beam for _, beam in CELLS))
    return TextResult(
        model.resolve().name, SUITE, len(sentences),
        sum(map(len, sentences)) / len(sentences), sum(lengths) / len(lengths), cells,
    )  # fmt: skip


def _batches(sentences: Sentences, size: int) -> list[Sequence[Sequence[int]]]:
    return [sentences[at : at + size] for at in range(0, len(sentences), size)]
