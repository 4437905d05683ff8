"""Where a difference comes from: scores by document and by source length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.metrics import Statistics

LENGTHS = (10, 20, 40, 80)  # upper bounds of source length, in characters


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a suite and both systems' score on it."""

    name: str
    sentences: int
    baseline: float
    candidate: float

    @property
    def delta(self) -> float:
        return self.candidate - self.baseline


def by_document(
    documents: Sequence[str], baseline: Statistics, candidate: Statistics
) -> tuple[Part, ...]:
    """One part a document, worst change first (for TER as well)."""
    parts = _parts(documents, baseline, candidate)
    return tuple(sorted(parts, key=lambda part: baseline.metric.sign * part.delta))


def by_length(
    sources: Sequence[str], baseline: Statistics, candidate: Statistics
) -> tuple[Part, ...]:
    """Parts by the number of characters of the source, shortest first."""
    names = [length_name(len(source)) for source in sources]
    found = {part.name: part for part in _parts(names, baseline, candidate)}
    order = [length_name(bound) for bound in (*LENGTHS, LENGTHS[-1] + 1)]
    return tuple(found[name] for name in order if name in found)


def length_name(characters: int) -> str:
    lower = 1
    for upper in LENGTHS:
        if characters <= upper:
            return f"{lower}–{upper}"
        lower = upper + 1
    return f"over {LENGTHS[-1]}"


def _parts(names: Sequence[str], baseline: Statistics, candidate: Statistics) -> list[Part]:
    members: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        members.setdefault(name, []).append(index)
    return [
        Part(name, len(indices), baseline.subset(indices), candidate.subset(indices))
        for name, indices in members.items()
    ]
