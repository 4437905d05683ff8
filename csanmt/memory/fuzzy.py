"""Similar sentences, by rapidfuzz over those in memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.distance import Indel

LEAST = 0.75  # similarity of what is offered: 2 · (characters in common, in order) / (both lengths)


class SimilarSources:
    """Sources by length, so that only those that could be similar are compared."""

    def __init__(self, sources: Iterable[tuple[int, str]]) -> None:
        """
        Args:
            sources: id and normalised source.
        """
        ordered = sorted(sources, key=lambda item: len(item[1]))
        self._ids = [key for key, _ in ordered]
        self._texts = [text for _, text in ordered]
        self._lengths = [len(text) for text in self._texts]

    def __len__(self) -> int:
        return len(self._ids)

    def best(self, text: str) -> tuple[int, float] | None:
        """The id of the source most similar to ``text`` and how similar; None below ``LEAST``."""
        ratio = LEAST / (2 - LEAST)  # of the lengths; beyond it the similarity cannot be reached
        low = bisect_left(self._lengths, len(text) * ratio)
        high = bisect_right(self._lengths, len(text) / ratio)
        found = process.extractOne(
            text, self._texts[low:high], scorer=Indel.normalized_similarity, score_cutoff=LEAST
        )
        return None if found is None else (self._ids[low + found[2]], float(found[1]))
