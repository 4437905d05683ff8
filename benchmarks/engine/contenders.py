"""What is timed, in turns: every round runs each contender once, so noise hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.engine.models import token_name
from csanmt.translator import DecodingOptions, Engine

LENGTH = 30  # source and target tokens of random sentences
CELLS = [(1, 1), (1, 4), (8, 1), (8, 4), (32, 1), (32, 4)]
"""(batch, beam) that are measured."""
Sentences = Sequence[Sequence[int]]


class Contender(Protocol):
    """One way to translate a batch."""

    name: str

    def run(self, sentences: Sentences, beam: int) -> None: ...


class Native:
    """Our engine; a sentence is as long as the model makes it, or ``forced`` tokens."""

    name = "native"

    def __init__(self, engine: Engine, forced: int | None = None) -> None:
        self._engine, self._forced = engine, forced

    def run(self, sentences: Sentences, beam: int) -> None:
        self.length(sentences, beam)

    def length(self, sentences: Sentences, beam: int) -> int:
        """Target tokens of a sentence of this batch, on average, its end counted."""
        options = DecodingOptions(beam=beam)
        if self._forced:
            options = DecodingOptions(beam=beam, max_length=self._forced, repetition_guard=False)
        found = self._engine.translate_ids(sentences, options)
        lengths = [len(hypotheses[0].ids) + (not self._forced) for hypotheses in found]
        if self._forced and set(lengths) != {self._forced}:
            raise RuntimeError(f"{self.name} stopped early")
        return round(sum(lengths) / len(lengths))


class CTranslate2:
    """CTranslate2 int8 of the same dimensions, without the semantic parts: as many target
    tokens as ``length`` says of a batch."""

    name = "ctranslate2"

    def __init__(self, directory: Path, length: Callable[[Sentences, int], int]) -> None:
        import ctranslate2

        self._length = length
        self._known: dict[tuple[int, ...], int] = {}
        self._translator = ctranslate2.Translator(
            str(directory), device="cpu", compute_type="int8", inter_threads=1, intra_threads=1
        )

    def run(self, sentences: Sentences, beam: int) -> None:
        key = (beam, len(sentences), *(token for sentence in sentences for token in sentence))
        if key not in self._known:  # while warming up
            self._known[key] = self._length(sentences, beam)
        length = self._known[key]
        batch = [[*map(token_name, ids), token_name(0)] for ids in sentences]
        results = self._translator.translate_batch(
            batch, beam_size=beam, min_decoding_length=length, max_decoding_length=length,
            return_scores=False,
        )  # fmt: skip
        if any(len(result.hypotheses[0]) != length for result in results):
            raise RuntimeError(f"{self.name} stopped early")


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of one quantity."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        low, median, high = np.percentile(np.asarray(values), (25, 50, 75)).tolist()
        return cls(median, low, high)

    def text(self, digits: int) -> str:
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"


@dataclass(frozen=True, slots=True)
class Cell:
    """One batch size and beam: name and clock → milliseconds a sentence, an entry a round."""

    batch: int
    beam: int
    times: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def ratio(self, faster: str, slower: str, clock: str) -> Spread:
        """How many times ``faster`` beats ``slower``, round by round."""
        pairs = zip(self.times[faster, clock], self.times[slower, clock], strict=True)
        return Spread.of([theirs / ours for ours, theirs in pairs])


def measure_cell(
    contenders: Sequence[Contender], sentences: Sentences, batch: int, beam: int, rounds: int
) -> Cell:
    """Time every contender on all sentences, ``rounds`` times, after one warm-up each."""
    batches = [sentences[at : at + batch] for at in range(0, len(sentences), batch)]
    cell = Cell(batch, beam)
    for number in range(-1, rounds):
        at = number % len(contenders)  # none is always behind the same neighbour
        for contender in (*contenders[at:], *contenders[:at]):
            clocks = {"cpu": time.process_time, "wall": time.perf_counter}
            began = {clock: now() for clock, now in clocks.items()}
            for chosen in batches:
                contender.run(chosen, beam)
            for clock, now in clocks.items():
                spent = 1e3 * (now() - began[clock]) / len(sentences)
                if number >= 0:
                    cell.times.setdefault((contender.name, clock), []).append(spent)
    return cell
