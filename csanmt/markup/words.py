"""A segment as a translator wants it: spans of words beside the text, all else as atoms.

``H<sub>2</sub>O`` means nothing to a model in parts, and no alignment puts its tags back. The
word with its tags becomes one atom; so does a number that is nothing but a link to a note, and
so do tags between two words (an image, a comment, a pair around nothing).
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from csanmt.markup.marked import ATOMS, MAX_ATOMS, MAX_POINTS, ROOT, Mark, MarkedText
from csanmt.markup.segments import Segment, Tag, TextOrTag
from csanmt.protected.finder import FIRST_ATOM, FIRST_POINT

_NOTE = re.compile(r"[\[(（〔]?(?:[0-9]{1,3}|[*†‡])[\])）〕]?\Z")
_LONGEST_NOTE = 12  # pieces
_LATIN = string.ascii_letters + string.digits


class _Group(NamedTuple):
    """Pieces that become one character, in the place of a word or between two."""

    kind: Literal["atom", "point"]
    pieces: Segment


_Item = str | Tag | _Group


def marked(segment: Segment) -> MarkedText:
    """The segment as text with marks; pairs in it must not cross."""
    items = _whole(_grouped(segment))
    breaking = any(isinstance(item, Tag) and item.kind == "break" for item in items)
    parts, marks, opened = list[str](), list[Mark](), list[int]()
    atoms, breaks = dict[str, list[TextOrTag]](), list[TextOrTag]()
    length = words = points = 0
    point = ""  # right before
    for item in items:
        text, before, point = "", point, ""
        if isinstance(item, str):
            breaks += ["\n"] * (item.count("\n") * breaking)
            text = item
        elif isinstance(item, _Group):
            if item.kind == "atom" and words < MAX_ATOMS:
                text, words = chr(ord(FIRST_ATOM) + words), words + 1
            elif before or points == MAX_POINTS:
                point = before or chr(ord(FIRST_POINT) + points - 1)
            else:
                text = point = chr(ord(FIRST_POINT) + points)
                points += 1
            character = text or point
            atoms.setdefault(character, []).extend(item.pieces)
        elif item.kind == "break":
            breaks.append(item)
            text = "\n"
        elif item.kind == "close":
            index = opened.pop()
            marks[index] = replace(marks[index], end=length)
        else:
            parent = opened[-1] if opened else ROOT
            opened.append(len(marks))
            marks.append(Mark(length, length, item, parent))
        parts.append(text)
        length += len(text)
    groups = {character: tuple(pieces) for character, pieces in atoms.items()}
    return MarkedText("".join(parts), tuple(marks), groups, tuple(breaks))


def _grouped(segment: Segment) -> list[_Item]:
    """What is no text, no break and no pair around some as groups."""
    items: list[_Item] = []
    opened: list[tuple[int, int]] = []  # place in the items, and visible things before it
    seen = 0
    for piece in segment:
        if isinstance(piece, str):
            # Somebody's own private character goes through as it is.
            parts = enumerate(ATOMS.split(piece))
            items += [_Group("atom", (part,)) if i % 2 else part for i, part in parts if part]
            seen += not piece.isspace()
        elif piece.kind == "open":
            opened.append((len(items), seen))
            items.append(piece)
        elif piece.kind == "close":
            place, before = opened.pop()
            items.append(piece)
            if seen == before:  # blanks within come behind it
                blanks = [item for item in items[place:] if isinstance(item, str)]
                tags = [item for item in items[place:] if not isinstance(item, str)]
                items[place:] = [_Group("point", _flat(tags)), *blanks]
        else:
            seen += piece.kind != "point"
            kind = piece.kind
            items.append(piece if kind == "break" else _Group(kind, (piece,)))
    return items


def _flat(items: Iterable[_Item]) -> Segment:
    return tuple(p for i in items for p in (i.pieces if isinstance(i, _Group) else (i,)))


def _whole(items: list[_Item]) -> list[_Item]:
    """With words that tags cut, and numbers of notes, as groups."""
    out: list[_Item] = []
    i = 0
    while i < len(items):
        if end := _note_end(items, i):
            out.append(_Group("atom", _flat(items[i:end])))
            i = end
        elif (last := _word_end(items, i)) == i:
            out.append(items[i])
            i += 1
        else:
            i = _take_word(items, i, last, out)
    return out


def _note_end(items: Sequence[_Item], first: int) -> int:
    """Behind the number of a note that begins there; 0: none does."""
    opening = items[first]
    if not isinstance(opening, Tag) or not opening.note:
        return 0
    said = ""
    for end in range(first + 1, min(first + _LONGEST_NOTE, len(items))):
        item = items[end]
        if item is opening.closing:
            return end + 1 if _NOTE.match(said) else 0
        said += item if isinstance(item, str) else "" if _is_thin(item) else " "
    return 0


def _is_thin(item: _Item, *kinds: str) -> bool:
    """It may stand in the midst of a word: a point, or a tag (of these kinds)."""
    if isinstance(item, Tag):
        return item.kind in (kinds or ("open", "close"))
    return isinstance(item, _Group) and item.kind == "point"


def _word_end(items: Sequence[_Item], first: int) -> int:
    """The last text of the Latin word at the end of this one that tags or points cut."""
    text, last = items[first], first
    while isinstance(text, str) and text[-1] in _LATIN:
        following = last + 1
        while following < len(items) and _is_thin(items[following]):
            following += 1
        behind = items[following] if following < len(items) else None
        if not isinstance(behind, str) or behind[0] not in _LATIN or following == last + 1:
            break
        last = following
        if behind.lstrip(_LATIN):
            break
        text = behind
    return last


def _take_word(items: list[_Item], first: int, last: int, out: list[_Item]) -> int:
    """Make a group of a word and of the tags around it whose partners cut it, if they stand
    right beside it. Returns where the items go on."""
    begin, end = items[first], items[last]
    assert isinstance(begin, str)
    assert isinstance(end, str)
    before, behind = begin.rstrip(_LATIN), end.lstrip(_LATIN)
    opened = closed = 0  # within, without their partners
    for item in items[first + 1 : last]:
        if isinstance(item, Tag):
            opened += item.kind == "open"
            closed += item.kind == "close" and not opened
            opened -= item.kind == "close" and opened > 0
    low, high = len(out), last + 1
    while closed and not before and low and _is_thin(out[low - 1], "open"):
        low -= 1
        closed -= isinstance(out[low], Tag)
    while opened and not behind and high < len(items) and _is_thin(items[high], "close"):
        opened -= isinstance(items[high], Tag)
        high += 1
    if opened or closed or not any(isinstance(item, Tag) for item in items[first:last]):
        out += items[first:last]
        return last
    word = [*out[low:], begin[len(before) :], *items[first + 1 : last]]
    word += [end[: len(end) - len(behind)], *items[last + 1 : high]]
    out[low:] = [before, _Group("atom", _flat(word))] if before else [_Group("atom", _flat(word))]
    if behind:
        items[last] = behind
        return last
    return high
