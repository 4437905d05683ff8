"""Text whose formatting is kept beside it: what goes to a translator, and what comes back.

Three kinds of things stand in a text without being words:

* *marks*: a span of the text (bold, a link);
* *atoms*: one private-use character that stands for something kept whole (a code
  element, a name that must not be translated), or for what stands between two words
  (an image, a comment); the translator carries it over;
* *breaks*: ``"\\n"``, which no translation moves or drops.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from csanmt.markup.segments import Segment, Tag, TextOrTag, joined
from csanmt.protected.finder import FIRST_ATOM, FIRST_POINT, LAST_ATOM, LAST_POINT, is_point

ROOT = -1
MAX_ATOMS = ord(LAST_ATOM) - ord(FIRST_ATOM) + 1
ATOMS = re.compile(f"([{FIRST_POINT}-{LAST_ATOM}])")
MAX_POINTS = ord(LAST_POINT) - ord(FIRST_POINT) + 1


def is_atom(character: str) -> bool:
    return FIRST_POINT <= character <= LAST_ATOM


@dataclass(frozen=True, slots=True)
class Mark:
    """Formatting of ``text[start:end]``, which is not empty.

    Attributes:
        opening: the tag that begins it.
        parent: index (in ``MarkedText.marks``) of the mark this one stands in, or ``ROOT``.
    """

    start: int
    end: int
    opening: Tag
    parent: int = ROOT


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
    atoms: dict[str, Segment] = field(default_factory=dict)
    breaks: Segment = ()

    @property
    def characters(self) -> int:
        """How many are text: what stands between two words is none."""
        return sum(not is_point(c) for c in self.text) if self.atoms else len(self.text)

    @property
    def plain(self) -> bool:
        """No formatting: any translation of ``text`` will do, no alignment is needed."""
        return not (self.marks or self.atoms or self.breaks)


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

    def segment(self) -> Segment:
        """Everything in order; each tag of the source exactly once."""
        return joined(self._pieces())

    def _pieces(self) -> Iterator[TextOrTag]:
        breaks = iter(self.source.breaks)
        position = 0
        for offset, tag in _tags(self.source.marks, self.ranges):
            yield from self._characters(position, offset, breaks)
            position = offset
            yield tag
        yield from self._characters(position, len(self.text), breaks)
        yield from breaks  # a translator that dropped line breaks

    def _characters(self, start: int, end: int, breaks: Iterator[TextOrTag]) -> Iterator[TextOrTag]:
        atoms, broken = self.source.atoms, bool(self.source.breaks)
        for character in self.text[start:end]:
            if character in atoms:
                yield from atoms[character]
            else:
                yield next(breaks, " ") if character == "\n" and broken else character


def children(marks: Sequence[Mark]) -> dict[int, list[int]]:
    """Indices of the marks directly within each mark (and ``ROOT``), in order."""
    found: dict[int, list[int]] = {ROOT: []}
    for i, mark in enumerate(marks):
        found.setdefault(mark.parent, []).append(i)
    return found


def _tags(marks: Sequence[Mark], ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Tag]]:
    """Where tags open and close, in the order of the text; never crossing."""
    below = children(marks)

    def ordered(parent: int) -> list[int]:
        # Last first, as a stack wants it; empty ranges keep the source's order.
        return sorted(below.get(parent, ()), key=lambda i: (*ranges[i], i), reverse=True)

    stack = [(i, True) for i in ordered(ROOT)]
    while stack:
        index, entering = stack.pop()
        opening = marks[index].opening
        if entering:
            yield ranges[index][0], opening
            stack.append((index, False))
            stack += [(i, True) for i in ordered(index)]
        elif opening.closing:
            yield ranges[index][1], opening.closing
