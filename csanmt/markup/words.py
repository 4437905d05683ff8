"""What is no span of words goes through whole, as an atom: cut words, note numbers, points.

``H<sub>2</sub>O`` means nothing to a model in parts, and no alignment puts its tags back. The
word with its tags becomes one atom; so does a number that is nothing but a link to a note, and
so do tags between two words (an image, a comment, a tag without its partner).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate

from csanmt.markup.marked import (
    MAX_ATOMS,
    MAX_POINTS,
    ROOT,
    Kind,
    Mark,
    MarkedText,
    MarkupEvent,
    Placed,
    atom_character,
    events,
    point_character,
)

Range = tuple[int, int]

_LONGEST = 64
_NOTE = re.compile(r"[\[(（〔]?(?:[0-9]{1,3}|[*†‡])[\])）〕]?\Z")
_NOTE_TAGS = ("<sup", "<a ", "[")  # the last is Markdown's link


def whole_words(text: MarkedText) -> MarkedText:
    """``text`` with cut words, note numbers and points as atoms; their data are their pieces."""
    ranges = _ranges(text)[: MAX_ATOMS - len(text.atoms)]
    text = _made_whole(text, ranges) if ranges else text
    return _with_points(text) if any(mark.is_point for mark in text.marks) else text


def _with_points(text: MarkedText) -> MarkedText:
    """Points that stand together are one atom; beyond ``MAX_POINTS`` they join the last one."""
    atoms, parts, at, length = dict(text.atoms), list[str](), 0, 0
    place: dict[int, int] = {}  # of a mark here: there
    marks: list[Mark] = []
    count, after_point = 0, False
    for offset, kind, index in events(text.marks, [(m.start, m.end) for m in text.marks]):
        parts.append(text.text[at:offset])
        length += offset - at
        after_point = after_point and at == offset
        at = offset
        mark = text.marks[index]
        if kind is Kind.POINT:
            if not (after_point or count == MAX_POINTS):
                parts.append(point_character(count))
                atoms[parts[-1]] = []
                count, length = count + 1, length + 1
            atoms[point_character(count - 1)].append(MarkupEvent(kind, mark.data))
        elif kind is Kind.OPEN:
            place[index] = len(marks)
            marks.append(replace(mark, start=length, parent=place.get(mark.parent, ROOT)))
        else:
            marks[place[index]] = replace(marks[place[index]], end=length)
        after_point = kind is Kind.POINT
    parts.append(text.text[at:])
    return replace(text, text="".join(parts), marks=tuple(marks), atoms=atoms)


def _ranges(text: MarkedText) -> list[Range]:
    """Disjoint, in order; none holds a part of a mark and something beside it."""
    found = {_word(text.text, at) for m in text.marks if not m.is_point for at in (m.start, m.end)}
    found |= {(m.start, m.end) for m in text.marks if _is_note(text.text, m)}
    apart: list[Range] = []
    for start, end in sorted(span for span in found if span[0] < span[1]):
        if not apart or start >= apart[-1][1]:
            apart.append((start, end))
    crossed = set()
    for mark in text.marks:
        for at, other in ((mark.start, mark.end), (mark.end, mark.start)):
            i = bisect_right(apart, (at, len(text.text))) - 1
            inside = i >= 0 and apart[i][0] < at < apart[i][1]
            if inside and not apart[i][0] <= other <= apart[i][1]:
                crossed.add(i)
    return [span for i, span in enumerate(apart) if i not in crossed]


def _is_note(text: str, mark: Mark) -> bool:
    opening = mark.data[0] if isinstance(mark.data, tuple) else ""
    return (
        isinstance(opening, str)
        and opening.startswith(_NOTE_TAGS)
        and bool(_NOTE.match(text[mark.start : mark.end]))
    )


def _word(text: str, at: int) -> tuple[int, int]:
    """The Latin word that has ``at`` in its midst, else nothing."""
    start = end = at
    while start > 0 and at - start < _LONGEST and _latin(text[start - 1]):
        start -= 1
    while end < len(text) and end - at < _LONGEST and _latin(text[end]):
        end += 1
    return (start, end) if start < at < end else (at, at)


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _made_whole(text: MarkedText, ranges: list[Range]) -> MarkedText:
    inner: list[list[int]] = [[] for _ in ranges]  # marks that go into each atom
    kept: list[int] = []
    went: dict[int, int] = {}  # what is in a mark goes where the mark goes
    for index, mark in enumerate(text.marks):
        i = went.get(mark.parent, bisect_right(ranges, (mark.start, len(text.text))) - 1)
        if mark.parent in went or (i >= 0 and _belongs(text.text, mark, *ranges[i])):
            went[index] = i
            inner[i].append(index)
        else:
            kept.append(index)
    atoms, parts, at = dict(text.atoms), [], 0
    for (start, end), marks in zip(ranges, inner, strict=True):
        character = atom_character(len(atoms))
        atoms[character] = _pieces(text, start, end, marks)
        parts += [text.text[at:start], character]
        at = end
    position = {old: new for new, old in enumerate(kept)}
    shrunk = [0, *accumulate(end - start - 1 for start, end in ranges)]

    def moved(offset: int) -> int:
        i = bisect_right(ranges, (offset, -1))  # ranges that begin before it
        return (
            offset - shrunk[i]
            if not i or offset >= ranges[i - 1][1]
            else ranges[i - 1][0] - shrunk[i - 1]
        )

    return replace(
        text,
        text="".join([*parts, text.text[at:]]),
        marks=tuple(
            replace(m, start=moved(m.start), end=moved(m.end), parent=position.get(m.parent, ROOT))
            for m in (text.marks[i] for i in kept)
        ),
        atoms=atoms,
    )


def _belongs(text: str, mark: Mark, start: int, end: int) -> bool:
    """The mark lies within the range, and is not one around or beside all of it."""
    if mark.is_point:
        return start < mark.start < end
    if not (start <= mark.start and mark.end <= end):
        return False
    return start < mark.start or mark.end < end or _is_note(text, mark)


def _pieces(text: MarkedText, start: int, end: int, inner: list[int]) -> list[MarkupEvent]:
    place = {old: new for new, old in enumerate(inner)}
    marks = tuple(
        replace(m, start=m.start - start, end=m.end - start, parent=place.get(m.parent, ROOT))
        for m in (text.marks[i] for i in inner)
    )
    part = MarkedText(text.text[start:end], marks)
    return list(Placed(part, part.text, tuple((m.start, m.end) for m in marks)).pieces())
