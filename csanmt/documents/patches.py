"""Replaces ranges of a source and leaves every other byte (or character) alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import AnyStr, Generic

from csanmt.documents.leftovers import Part
from csanmt.markup import MarkedText, Placed, marked
from csanmt.markup.segments import Segment, Tag, coded, words, written


@dataclass(slots=True)
class Patches(Generic[AnyStr]):
    """A source and what stands in place of some of its ranges, which are given in the
    order of their ends: an inner one before the one around it."""

    source: AnyStr
    _edits: list[tuple[int, int, AnyStr]] = field(default_factory=list)

    def replace(self, start: int, end: int, new: AnyStr) -> None:
        """Put ``new`` in place of ``source[start:end]``; swallows the edits within it."""
        while self._edits and self._edits[-1][0] >= start:
            self._edits.pop()
        self._edits.append((start, end, new))

    def part(self, start: int, end: int) -> AnyStr:
        """``source[start:end]`` with the edits within it."""
        first = len(self._edits)
        while first and self._edits[first - 1][0] >= start:
            first -= 1
        pieces, at = [], start
        for begin, stop, new in self._edits[first:]:
            if stop <= end:
                pieces += [self.source[at:begin], new]
                at = stop
        pieces.append(self.source[at:end])
        return self.source[:0].join(pieces)


Render = Callable[[Segment, Patches[AnyStr]], AnyStr | None]


@dataclass(slots=True)
class PatchUnit(Generic[AnyStr]):
    """A unit that becomes a patch of ``source[start:end]`` when the document is saved.

    Attributes:
        render: the new source of this range, given the patches made so far, since an outer
            range may hold inner ones; None where the translation cannot stand there.
        part: what it is, where it stays in Chinese.
    """

    segment: Segment
    start: int
    end: int
    render: Render[AnyStr]
    part: Part = "text"
    translation: Segment | None = None

    @property
    def text(self) -> MarkedText:
        """What it says in the source."""
        return marked(self.segment)

    @property
    def says(self) -> str:
        """What it says now, without tags."""
        return words(self.segment if self.translation is None else self.translation)

    @property
    def changes(self) -> bool:
        """It is to say something else than it does."""
        return self.translation not in (None, self.segment)

    def put(self, translation: Placed) -> None:
        """Take the translation of ``text``."""
        self.translation = translation.segment()

    def apply(self, patches: Patches[AnyStr]) -> None:
        if self.translation is None or not self.changes:
            return
        new = self.render(self.translation, patches)
        if new is None:
            self.translation = None
        else:
            patches.replace(self.start, self.end, new)


Code = tuple[int, int, Tag]  # start, end, and the tag that stands for the range


def range_unit(text: str, start: int, end: int, codes: Sequence[Code] = ()) -> PatchUnit[str]:
    """A unit of ``text[start:end]`` in which the ranges ``codes`` stay as they are."""
    return PatchUnit(coded(text, codes, start, end), start, end, lambda s, _: written(s))


@dataclass(frozen=True, slots=True)
class Consequence(Generic[AnyStr]):
    """A range that is rewritten where one of some units is."""

    start: int
    end: int
    new: AnyStr
    causes: Sequence[PatchUnit[AnyStr]]

    def apply(self, patches: Patches[AnyStr]) -> None:
        if any(unit.changes for unit in self.causes):
            patches.replace(self.start, self.end, self.new)


Change = PatchUnit[AnyStr] | Consequence[AnyStr]


def patched(source: AnyStr, changes: Iterable[Change[AnyStr]]) -> AnyStr:
    """The source with ``changes`` made."""
    patches = Patches(source)
    for change in sorted(changes, key=lambda change: change.end):
        change.apply(patches)
    return patches.part(0, len(source))
