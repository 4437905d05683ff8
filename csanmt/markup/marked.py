"""Text whose formatting is kept beside it: what goes to a translator, and what comes back.

Three kinds of things stand in a text without being words:

* *marks*: a span of the text (bold, a link);
* *atoms*: one private-use character that stands for something kept whole (a code
  element, a name that must not be translated), or for what stands between two words
  (an image, a comment); the translator carries it over;
* *breaks*: ``"\\n"``, which no translation moves or drops.

Nothing here knows HTML: ``data`` is whatever the caller puts back later, a pair of tags
or a run of a Word document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from csanmt.protected.finder import FIRST_ATOM, FIRST_POINT, LAST_ATOM, LAST_POINT, is_point

ROOT = -1
MAX_ATOMS = ord(LAST_ATOM) - ord(FIRST_ATOM) + 1
ATOMS = re.compile(f"([{FIRST_POINT}-{LAST_ATOM}])")
MAX_POINTS = ord(LAST_POINT) - ord(FIRST_POINT) + 1


def atom_character(number: int) -> str:
    """The character that stands for atom ``number`` (0 to ``MAX_ATOMS`` - 1) of a text."""
    return chr(ord(FIRST_ATOM) + number)


def point_character(number: int) -> str:
    """The like for what stands between two words (``number`` is below ``MAX_POINTS``)."""
    return chr(ord(FIRST_POINT) + number)


def is_atom(character: str) -> bool:
    return FIRST_POINT <= character <= LAST_ATOM


@dataclass(frozen=True, slots=True)
class Mark:
    """Formatting of ``text[start:end]``; one around nothing becomes an atom (``words``).

    Attributes:
        parent: index (in ``MarkedText.marks``) of the mark this one stands in, or ``ROOT``.
    """

    start: int
    end: int
    data: Any = None
    parent: int = ROOT

    @property
    def is_point(self) -> bool:
        return self.start == self.end


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text and its formatting.

    Attributes:
        text: what is translated, with atoms and breaks in it.
        marks: in document order, a parent before what it holds; children lie within their
            parent and beside each other.
        atoms: what each atom character stands for.
        breaks: what each ``"\\n"`` of the text stands for, in order; empty if line breaks
            are ordinary white space.
    """

    text: str
    marks: tuple[Mark, ...] = ()
    atoms: dict[str, Any] = field(default_factory=dict)
    breaks: tuple[Any, ...] = ()

    @property
    def characters(self) -> int:
        """How many are text: what stands between two words is none."""
        return sum(not is_point(c) for c in self.text) if self.atoms else len(self.text)

    @property
    def plain(self) -> bool:
        """No formatting: any translation of ``text`` will do, no alignment is needed."""
        return not (self.marks or self.atoms or self.breaks)


class Kind(Enum):
    """What a ``MarkupEvent`` of a translation is."""

    TEXT = "text"
    OPEN = "open"
    CLOSE = "close"
    POINT = "point"
    ATOM = "atom"
    BREAK = "break"


@dataclass(frozen=True, slots=True)
class MarkupEvent:
    """``value`` is the text, or the ``data`` of mark, atom or break."""

    kind: Kind
    value: Any
    mark: int = ROOT  # index in MarkedText.marks, of OPEN, CLOSE, POINT


@dataclass(frozen=True, slots=True)
class Placed:
    """A translation with the marks of its source.

    Attributes:
        text: the translation; every atom of ``source`` exactly once.
        ranges: for each mark of ``source`` its place in ``text``; nested and disjoint as there.
    """

    source: MarkedText
    text: str
    ranges: tuple[tuple[int, int], ...]

    def pieces(self) -> Iterator[MarkupEvent]:
        """Everything in order; each mark, atom and break of the source exactly once."""
        breaks = iter(self.source.breaks)
        position = 0
        for offset, kind, index in events(self.source.marks, self.ranges):
            yield from self._characters(position, offset, breaks)
            position = offset
            yield MarkupEvent(kind, self.source.marks[index].data, index)
        yield from self._characters(position, len(self.text), breaks)
        for data in breaks:  # a translator that dropped line breaks
            yield MarkupEvent(Kind.BREAK, data)

    def _characters(self, start: int, end: int, breaks: Iterator[Any]) -> Iterator[MarkupEvent]:
        run = start
        for i in range(start, end):
            character = self.text[i]
            special: MarkupEvent | None = None
            if character in self.source.atoms:
                special = MarkupEvent(Kind.ATOM, self.source.atoms[character])
            elif character == "\n" and self.source.breaks:
                data = next(breaks, None)
                special = (
                    MarkupEvent(Kind.TEXT, " ") if data is None else MarkupEvent(Kind.BREAK, data)
                )
            if special:
                if run < i:
                    yield MarkupEvent(Kind.TEXT, self.text[run:i])
                yield special
                run = i + 1
        if run < end:
            yield MarkupEvent(Kind.TEXT, self.text[run:end])


def children(marks: Sequence[Mark]) -> dict[int, list[int]]:
    """Indices of the marks directly within each mark (and ``ROOT``), in order."""
    found: dict[int, list[int]] = {ROOT: []}
    for i, mark in enumerate(marks):
        found.setdefault(mark.parent, []).append(i)
    return found


def events(
    marks: Sequence[Mark], ranges: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, Kind, int]]:
    """Openings, closings and points in the order of the text; never crossing."""
    below = children(marks)

    def ordered(parent: int) -> list[int]:
        # Last first, as a stack wants it; empty ranges keep the source's order.
        return sorted(below.get(parent, ()), key=lambda i: (*ranges[i], i), reverse=True)

    stack = [(i, True) for i in ordered(ROOT)]
    while stack:
        index, entering = stack.pop()
        start, end = ranges[index]
        if marks[index].is_point and index not in below:
            yield start, Kind.POINT, index
        elif entering:
            yield start, Kind.OPEN, index
            stack.append((index, False))
            stack += [(i, True) for i in ordered(index)]
        else:
            yield end, Kind.CLOSE, index
