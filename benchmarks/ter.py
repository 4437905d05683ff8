"""TER's sentence statistics, many shifts at a time.

sacreBLEU's TER tries every shift of a sentence with an edit distance of its own, in
Python: some 30 ms a sentence. Here all shifts of one step go through the same rows of
one array program. Tokenisation, candidate shifts, beam and ranking are sacreBLEU's
(``sacrebleu.metrics.lib_ter``, after Tercom); a test holds the edits equal to its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import lib_ter
from sacrebleu.metrics.ter import TER

Ints = NDArray[np.int64]
BEAM = 25  # lib_ter._BEAM_WIDTH
MAX_CANDIDATES = 1000  # lib_ter._MAX_SHIFT_CANDIDATES
FAR = 10**15  # lib_ter's infinity: a cell outside the beam
Shift = tuple[int, int, int]  # start, length, target


class FastTER(TER):
    """sacreBLEU's TER with the edits counted by :func:`count_edits`."""

    def _compute_segment_statistics(
        self, hypothesis: str, ref_kwargs: dict[str, Any]
    ) -> list[float]:
        words = hypothesis.split()
        references = ref_kwargs["ref_words"]
        edits = min(count_edits(words, reference) for reference in references)
        return [edits, sum(map(len, references)) / len(references)]


def count_edits(hypothesis: Sequence[str], reference: Sequence[str]) -> int:
    """Insertions, deletions, substitutions and shifts from hypothesis to reference."""
    if not reference:
        return len(hypothesis)
    numbers: dict[str, int] = {}
    target = np.array([numbers.setdefault(w, len(numbers)) for w in reference], dtype=np.int64)
    words = [numbers.setdefault(w, len(numbers)) for w in hypothesis]
    shifts = checked = 0
    while True:
        gain, shifted, checked = _best_shift(words, target, checked)
        if checked >= MAX_CANDIDATES or gain <= 0:
            break
        shifts += 1
        words = shifted
    return shifts + int(distances(np.array([words], dtype=np.int64), target)[-1][0, -1])


def distances(batch: Ints, reference: Ints) -> list[Ints]:
    """Rows of the beam-limited edit distance of each hypothesis of a batch.

    Args:
        batch: (hypotheses, n) word numbers. reference: (m,) word numbers.

    Returns:
        n + 1 arrays (hypotheses, m + 1); the last cell of the last row is the distance.
    """
    count, n = batch.shape
    m = len(reference)
    ratio = m / n if n else 1.0
    beam = math.ceil(ratio / 2 + BEAM) if ratio / 2 > BEAM else BEAM
    row: Ints = np.broadcast_to(np.arange(m + 1), (count, m + 1)).astype(np.int64)
    rows = [row]
    for i in range(1, n + 1):
        diagonal = math.floor(i * ratio)
        low = max(0, diagonal - beam)
        high = m + 1 if i == n else min(m + 1, diagonal + beam)
        row = _next_row(rows[-1], batch[:, i - 1], reference, low, high)
        rows.append(row)
    return rows


def _next_row(before: Ints, words: Ints, reference: Ints, low: int, high: int) -> Ints:
    """One row inside the beam [low, high): cheapest of substitution, deletion, insertion."""
    row = np.full_like(before, FAR)
    if high <= low:
        return row
    cells = before[:, low:high] + 1  # deletion
    first = max(low, 1)
    if high > first:
        same = reference[None, first - 1 : high - 1] == words[:, None]
        substitution = before[:, first - 1 : high - 1] + ~same
        part = cells[:, first - low :]
        np.minimum(part, substitution, out=part)
    # An insertion costs one for each step to the right of some cell.
    steps = np.arange(high - low)
    cells = np.minimum.accumulate(cells - steps, axis=1) + steps
    row[:, low:high] = np.minimum(cells, FAR)
    return row


def _trace(rows: list[Ints], words: Sequence[int], reference: Ints) -> str:
    """Operations from hypothesis to reference; ties as lib_ter: substitute, delete, insert."""
    i, j = len(rows) - 1, len(reference)
    operations: list[str] = []
    while i > 0 or j > 0:
        here = rows[i][0, j]
        if i and j and rows[i - 1][0, j - 1] + (words[i - 1] != reference[j - 1]) == here:
            operations.append(" " if words[i - 1] == reference[j - 1] else "s")
            i, j = i - 1, j - 1
        elif i and rows[i - 1][0, j] + 1 == here:
            operations.append("d")
            i -= 1
        else:
            operations.append("i")
            j -= 1
    return "".join(reversed(operations))


def _best_shift(words: list[int], reference: Ints, checked: int) -> tuple[int, list[int], int]:
    """(edits saved, the shifted words, candidates checked so far)."""
    rows = distances(np.array([words], dtype=np.int64), reference)
    before = int(rows[-1][0, -1])
    flipped = _trace(rows, words, reference).translate(str.maketrans("id", "di"))
    shifts, checked = _candidates(words, reference.tolist(), flipped, checked)
    if not shifts:
        return 0, words, checked
    moved = [lib_ter._perform_shift(words, *shift) for shift in shifts]
    after = distances(np.array(moved, dtype=np.int64), reference)[-1][:, -1]
    ranked = (
        (before - int(after[k]), length, -start, -target)
        for k, (start, length, target) in enumerate(shifts)
    )
    # A tie of all four is the same shift found twice: the first stands.
    best, rank = max(enumerate(ranked), key=lambda item: item[1])
    return rank[0], moved[best], checked


def _candidates(
    words: list[int], reference: list[int], trace: str, checked: int
) -> tuple[list[Shift], int]:
    """The shifts that lib_ter would try, in its order."""
    align, reference_errors, word_errors = lib_ter.trace_to_alignment(trace)
    shifts: list[Shift] = []
    for start, start_r, length in lib_ter._find_shifted_pairs(words, reference):
        if not any(word_errors[start : start + length]):
            continue
        if not any(reference_errors[start_r : start_r + length]):
            continue
        if start <= align[start_r] < start + length:
            continue
        targets = _targets(align, start_r, length)
        shifts += [(start, length, target) for target in targets]
        checked += len(targets)
        if checked >= MAX_CANDIDATES:
            break
    return shifts, checked


def _targets(align: dict[int, int], start_r: int, length: int) -> list[int]:
    """Places to insert before: beside what stands at the words around the match."""
    targets: list[int] = []
    for offset in range(-1, length):
        place = start_r + offset
        if place != -1 and place not in align:
            break  # past the reference
        target = 0 if place == -1 else align[place] + 1
        if not targets or targets[-1] != target:
            targets.append(target)
    return targets
