"""Interleaved timing: every round runs each contender once, so noise hits all alike."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.engine.contenders import Contender, Sentences

CELLS = [(1, 1), (1, 4), (8, 1), (8, 4), (32, 1), (32, 4)]
"""(batch, beam) that are measured."""


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


@dataclass(slots=True)
class Timings:
    """Seconds a sentence of one contender, one entry a round."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cell:
    """One batch size and beam, all contenders."""

    batch: int
    beam: int
    timings: dict[str, Timings]

    def ratio(self, faster: str, slower: str, clock: str = "cpu") -> Spread:
        """How many times ``faster`` beats ``slower``, round by round."""
        ours, theirs = (getattr(self.timings[name], clock) for name in (faster, slower))
        return Spread.of([b / a for a, b in zip(ours, theirs, strict=True)])


def measure_cell(
    contenders: Sequence[Contender], sentences: Sentences, beam: int, rounds: int
) -> Cell:
    """Time every contender on the whole batch, ``rounds`` times, after one warm-up each.

    At batch 1 one round translates several sentences one after the other.
    """
    timings = {contender.name: Timings() for contender in contenders}
    for contender in contenders:
        contender.run(sentences, beam)
    for number in range(rounds):
        for contender in _rotated(contenders, number):
            repeats = max(1, 4 // len(sentences))
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(repeats):
                contender.run(sentences, beam)
            count = repeats * len(sentences)
            timings[contender.name].cpu.append((time.process_time() - cpu) / count)
            timings[contender.name].wall.append((time.perf_counter() - wall) / count)
    return Cell(len(sentences), beam, timings)


def _rotated(contenders: Sequence[Contender], by: int) -> Iterator[Contender]:
    """Another order every round, so that none is always behind the same neighbour."""
    start = by % len(contenders)
    yield from contenders[start:]
    yield from contenders[:start]
