"""Where a difference comes from: parts of a suite by source length, domain and document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.metrics import Statistics
from benchmarks.significance import PairedTest, SamplingPlan, paired_test

LENGTHS = (10, 20, 40, 80)  # upper bounds of source length, in characters


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a suite and both systems' score on it.

    Attributes:
        kind: "length", "domain" or "document".
        test: where the plan asked for it.
    """

    kind: str
    name: str
    sentences: int
    baseline: float
    candidate: float
    test: PairedTest | None = None

    @property
    def delta(self) -> float:
        return self.candidate - self.baseline


def parts(
    kind: str,
    names: Sequence[str],
    baseline: Statistics,
    candidate: Statistics,
    sampling: SamplingPlan | None = None,
) -> tuple[Part, ...]:
    """One part a name, worst change first.

    Args:
        names: of the part that each sentence belongs to.
        sampling: test each part.
    """
    members: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        members.setdefault(name, []).append(index)
    found = []
    for name, indices in members.items():
        test = None
        if sampling is not None:
            rows = (baseline.rows[indices], candidate.rows[indices])
            test = paired_test(baseline.metric, *rows, sampling)
        scores = baseline.subset(indices), candidate.subset(indices)
        found.append(Part(kind, name, len(indices), *scores, test))
    return tuple(sorted(found, key=lambda part: baseline.metric.sign * part.delta))


def length_name(source: str) -> str:
    """The band of source length that a sentence is in."""
    lower = 1
    for upper in LENGTHS:
        if len(source) <= upper:
            return f"{lower}–{upper}"
        lower = upper + 1
    return f"over {LENGTHS[-1]}"
