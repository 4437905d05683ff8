"""Cut a sentence at its protected pieces, and put what became of the parts together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from csanmt.protected.finder import Protected
from csanmt.protected.restore import wants_space
from csanmt.translator import Hypothesis, Translation

Range = tuple[int, int]
_PAUSE = re.compile(r"[，、；：,;:]")
_STOP = re.compile(r"(?<!\.)\.\Z")
_END = re.compile(r"[。！？!?.…；;：:]\s*\Z")


def between_pieces(sentence: str, pieces: Sequence[Protected], most: int) -> list[Range]:
    """Ranges that together are ``sentence``, each with at most ``most`` pieces.

    Cut at the last pause before the first piece too many, else right before that piece.
    """
    cuts = [0]
    held = 0
    for before, piece in zip([None, *pieces], pieces, strict=False):
        if held == most:
            low = max(cuts[-1], before.end if before else 0)
            pauses = [m.end() for m in _PAUSE.finditer(sentence, low, piece.start)]
            cuts.append(pauses[-1] if pauses else piece.start)
            held = 0
        held += 1
    cuts.append(len(sentence))
    return [(a, b) for a, b in pairwise(cuts) if a < b]


def joined(sentence: str, parts: Sequence[tuple[Range, Translation]]) -> Translation:
    """The translation of a sentence from those of its parts."""
    count = max(len(t.hypotheses) for _, t in parts)
    tokens = sum(t.source_tokens for _, t in parts)
    hypotheses = tuple(_joined(sentence, parts, rank) for rank in range(count))
    return Translation(sentence, hypotheses, tokens, cut=True)


def _joined(sentence: str, parts: Sequence[tuple[Range, Translation]], rank: int) -> Hypothesis:
    whole = Hypothesis("", 0.0, alignment=())
    for i, ((start, end), translation) in enumerate(parts):
        found = translation.ranked(rank)
        if i + 1 < len(parts) and not _END.search(sentence[start:end]):
            # The model ends even half a sentence with a full stop.
            found = found.ending(_STOP.sub("", found.text))
        whole = _appended(whole, found, start)
    return whole


def _appended(whole: Hypothesis, part: Hypothesis, start: int) -> Hypothesis:
    """``part``, which translates what begins at ``start``, behind ``whole``."""
    gap = " " if wants_space(whole.text[-1:], part.text[:1]) else ""
    shift = len(whole.text) + len(gap)
    pairs = None
    if whole.alignment is not None and part.alignment is not None:
        pairs = whole.alignment + tuple(
            ((a + start, b + start), (c + shift, d + shift)) for (a, b), (c, d) in part.alignment
        )
    return Hypothesis(
        whole.text + gap + part.text,
        whole.score + part.score,
        whole.tokens + part.tokens,
        whole.hit_limit or part.hit_limit,
        pairs,
    )
