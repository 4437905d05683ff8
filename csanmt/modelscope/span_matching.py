"""Finds a sequence of pieces, in order, in the text they came from or became."""

from __future__ import annotations

from collections.abc import Sequence

Span = tuple[int, int]
_LOOK_AHEAD = 12  # characters skipped at most where a piece is spelt otherwise in the text


def match_in_order(pieces: Sequence[str], text: str) -> list[Span]:
    """A span of ``text`` for each piece, none starting before the last one ended.

    White space between pieces is skipped. A piece that the text spells otherwise
    (normalised punctuation) gets the characters between its neighbours.
    """
    found: list[Span | None] = []
    at = 0
    for piece in pieces:
        at = _skip_space(text, at)
        if text.startswith(piece, at):
            start = at
        else:
            start = text.find(piece, at, at + _LOOK_AHEAD + len(piece)) if piece else -1
        if start < 0:
            found.append(None)
            continue
        found.append((start, start + len(piece)))
        at = start + len(piece)
    return _fill(found, text)


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _fill(found: Sequence[Span | None], text: str) -> list[Span]:
    """Give pieces without a match what lies between the matches around them."""
    spans: list[Span] = []
    last = 0
    for i, span in enumerate(found):
        if span is None:
            following = next((s[0] for s in found[i + 1 :] if s is not None), len(text))
            start = _skip_space(text, last)
            end = max(start, following)
            bare = text[start:end].rstrip()
            span = (start, start + len(bare))
        spans.append(span)
        last = max(last, span[1])
    return spans
