"""Replaces ranges of a source and leaves every other byte (or character) alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import AnyStr, Generic, Protocol, TypeVar

from csanmt.documents.limits import Limits, Meter
from csanmt.documents.protocol import Unit
from csanmt.documents.segments import Segment, Tag, TextOrTag, joined, marked, unmarked
from csanmt.markup import MarkedText, Placed


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

    def result(self) -> AnyStr:
        return self.part(0, len(self.source))


@dataclass(slots=True)
class PatchUnit(Generic[AnyStr]):
    """A unit that becomes a patch of ``source[start:end]`` when the document is saved.

    Attributes:
        render: the new source of this range; given the patches made so far, since an
            outer range may hold inner ones.
    """

    segment: Segment
    start: int
    end: int
    render: Callable[[Segment, Patches[AnyStr]], AnyStr]
    translation: Segment | None = None

    @property
    def units(self) -> list[PatchUnit[AnyStr]]:
        return [self]

    @property
    def text(self) -> MarkedText:
        return marked(self.segment)

    def put(self, translation: Placed) -> None:
        self.translation = unmarked(translation)

    def apply(self, patches: Patches[AnyStr]) -> None:
        if self.translation is not None and self.translation != self.segment:
            patches.replace(self.start, self.end, self.render(self.translation, patches))


Kept = tuple[int, int, Tag]  # start, end, and the tag that stands for the range


def coded_unit(
    text: str,
    codes: Iterable[Kept],
    place: tuple[int, int],
    write: Callable[[str], AnyStr],
    *,
    within: tuple[int, int] | None = None,
) -> PatchUnit[AnyStr]:
    """A unit of a text in which some ranges mean something to a program and stay.

    Args:
        codes: these, in order.
        place: what is rewritten of the source.
        write: makes the new source of the translated text.
        within: the range of ``text`` that is meant; all of it.
    """
    start, end = within or (0, len(text))
    raw: dict[tuple[str, int], str] = {}
    pieces: list[TextOrTag] = []
    for first, last, tag in codes:
        raw[tag.kind, tag.key] = text[first:last]
        pieces += [text[start:first], tag]
        start = last

    def render(segment: Segment, _patches: Patches[AnyStr]) -> AnyStr:
        return write("".join(p if isinstance(p, str) else raw[p.kind, p.key] for p in segment))

    return PatchUnit(joined([*pieces, text[start:end]]), *place, render)


class Change(Protocol[AnyStr]):
    """A range that may be rewritten, and the units in it."""

    @property
    def end(self) -> int: ...

    @property
    def units(self) -> Sequence[Unit]: ...

    def apply(self, patches: Patches[AnyStr]) -> None: ...


@dataclass(frozen=True, slots=True)
class Consequence(Generic[AnyStr]):
    """A range that is rewritten where one of some units is."""

    start: int
    end: int
    new: AnyStr
    causes: Sequence[PatchUnit[AnyStr]]

    @property
    def units(self) -> Sequence[Unit]:
        return ()

    def apply(self, patches: Patches[AnyStr]) -> None:
        if any(unit.translation is not None for unit in self.causes):
            patches.replace(self.start, self.end, self.new)


def patched(source: AnyStr, changes: Sequence[Change[AnyStr]]) -> AnyStr:
    """The source with ``changes`` made (in the order of their ends)."""
    patches = Patches(source)
    for change in changes:
        change.apply(patches)
    return patches.result()


Counted = TypeVar("Counted", bound="Change[str] | Change[bytes]")


def metered(changes: Iterable[Counted], limits: Limits) -> Iterator[Counted]:
    """The same changes, as long as the limits allow."""
    meter = Meter(limits)
    for change in changes:
        for unit in change.units:
            meter.count(len(unit.text.text))
        yield change
