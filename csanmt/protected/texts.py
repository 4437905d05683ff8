"""Texts cut into sentences with protected pieces whole, and syntax between texts left out.

A piece counts as one character while a text is cut, so that no sentence ends in an address and
a long one costs no tokens; what stands between two words counts as a blank, so that at the ends of
a sentence it is layout. The syntax of an ICU message and the bars between plurals are layout,
as line breaks are: they stay, and each text between them is translated by itself.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from csanmt.protected.finder import FIRST_ATOM, POINT, find
from csanmt.segmentation import Segment

Cut = Callable[[str], list[Segment]]
_ICU = re.compile(r"\{\s{0,20}[\w.]{1,60}\s{0,20},\s{0,20}(?:plural|select|selectordinal)\s{0,20},")
_ARGUMENT = re.compile(
    r"\{[^{}\n,]{0,100}\}|\{\s{0,20}[\w.]{1,60}\s{0,20},\s{0,20}(?!plural|select)[^{}]{0,100}\}"
)
_BAR = re.compile(r"(?<!\|)\s{0,4}(?<!\|)\|\s{0,4}(?!\|)")  # plurals, cells of a table
_BLANKS = "\u205f\u2008\x1f"  # one that a text lacks stands for a point while it is cut
_MOST_SYNTAX = 100_000  # a longer text is no message


def cut_text(text: str, cut: Cut, literals: tuple[str, ...] = ()) -> list[Segment]:
    """Segments that put together are ``text``.

    Args:
        cut: makes segments of a text in which each protected piece is one character.
    """
    parts = list(_parts(text, literals))
    if len(parts) == 1:
        return _cut_part(text, cut, literals)
    found: list[Segment] = []
    before = ""
    for start, end, is_syntax in parts:
        segments = [] if is_syntax else _cut_part(text[start:end], cut, literals)
        if not any(segment.text for segment in segments):
            before = _behind(found, text[start:end], before)
            continue
        before = _behind(found, segments[0].before, before)
        segments[0] = replace(segments[0], before=before)
        before = ""
        found += [replace(s, start=s.start + start) for s in segments]
    return found or [Segment(text, "", "", len(text))]


def _behind(found: list[Segment], layout: str, before: str) -> str:
    """Add ``layout`` behind the last segment; without one to what stands before the first."""
    if not found:
        return before + layout
    found[-1] = replace(found[-1], after=found[-1].after + layout)
    return ""


def _cut_part(text: str, cut: Cut, literals: tuple[str, ...]) -> list[Segment]:
    pieces = find(text, literals)
    if not pieces:
        return cut(text)
    blank = next((blank for blank in _BLANKS if blank not in text), FIRST_ATOM)
    collapsed, at = [], 0
    for piece in pieces:
        collapsed += [text[at : piece.start], blank if piece.family is POINT else FIRST_ATOM]
        at = piece.end
    raw = iter([text[piece.start : piece.end] for piece in pieces])
    return _expanded(cut("".join([*collapsed, text[at:]])), f"[{blank}{FIRST_ATOM}]", raw)


def _expanded(segments: Sequence[Segment], one: str, raw: Iterator[str]) -> list[Segment]:
    """Segments of a text whose pieces were one character each, with the pieces in them."""
    found, length = [], 0
    for segment in segments:
        before, text, after = (
            re.sub(one, lambda _: next(raw), part)
            for part in (segment.before, segment.text, segment.after)
        )
        start = length + len(before)
        found.append(replace(segment, before=before, text=text, after=after, start=start))
        length += len(before) + len(text) + len(after)
    return found


def _parts(text: str, literals: tuple[str, ...]) -> Iterator[tuple[int, int, bool]]:
    """(start, end, is syntax) of everything in ``text``, in order."""
    at = 0
    for start, end in _syntax(text, literals):
        if at < start:
            yield at, start, False
        yield start, end, True
        at = end
    if at < len(text) or not text:
        yield at, len(text), False


def _syntax(text: str, literals: tuple[str, ...]) -> list[tuple[int, int]]:
    icu: list[tuple[int, int]] = []
    if "{" in text and len(text) <= _MOST_SYNTAX and _ICU.search(text):
        icu = list(_icu_syntax(text))
    if "|" not in text:
        return icu
    taken = sorted([*icu, *((piece.start, piece.end) for piece in find(text, literals))])
    bars = [match.span() for match in _BAR.finditer(text)]
    return sorted([*icu, *(span for span in bars if not _crosses(span, taken))])


def _crosses(span: tuple[int, int], taken: Sequence[tuple[int, int]]) -> bool:
    """Whether a range touches one of others, which are in order."""
    before = bisect_left(taken, (span[1], -1)) - 1
    return before >= 0 and taken[before][1] > span[0]


def _icu_syntax(text: str) -> Iterator[tuple[int, int]]:
    """Text lies at every even depth of braces, except that a plain ``{name}`` is left in it."""
    depth = start = i = 0
    while i < len(text):
        inside = depth % 2 == 1
        if not inside and (match := _ARGUMENT.match(text, i)):
            i = match.end()
            continue
        if text[i] == "{" or (text[i] == "}" and depth):
            end = i + inside  # an arm begins after its brace, an argument with it
            if inside:
                yield start, end
            start, depth = end, depth + (1 if text[i] == "{" else -1)
        i += 1
    if depth % 2 == 1:
        yield start, len(text)
