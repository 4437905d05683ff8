"""Text with inline tags, as formats read and write it, and as the translator wants it.

A segment is a sequence of texts and tags. A tag stands for something of the document
that the format alone understands; here it is a number. ``csanmt.markup`` moves the
tags with the words they belong to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from csanmt.markup import Kind, Mark, MarkedText, Placed, atom_character
from csanmt.markup.marked import ATOMS, MAX_ATOMS, ROOT, MarkupEvent
from csanmt.markup.words import whole_words


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag.

    Attributes:
        kind: ``open`` and ``close`` enclose words (a style, a link); a ``point`` stands
            between them (a bookmark); an ``atom`` in the place of one (a placeholder, an
            address); a ``break`` is a border that no sentence crosses (a line break).
        key: which one, for the format; the two of a pair share it.
    """

    kind: Literal["open", "close", "point", "atom", "break"]
    key: int


TextOrTag = str | Tag
Segment = tuple[TextOrTag, ...]


def joined(pieces: Sequence[TextOrTag]) -> Segment:
    """The same pieces, neighbouring texts made one and empty ones left out."""
    result: list[TextOrTag] = []
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        if not is_text:
            result += group
        elif text := "".join(piece for piece in group if isinstance(piece, str)):
            result.append(text)
    return tuple(result)


def marked(segment: Segment) -> MarkedText:
    """The segment as text with marks; pairs in it must not cross."""
    breaking = any(isinstance(p, Tag) and p.kind == "break" for p in segment)
    builder = _MarkedTextBuilder(breaking)
    for piece in segment:
        if isinstance(piece, str):
            builder.text(piece)
        else:
            builder.tag(piece)
    return builder.finish()


def unmarked(placed: Placed) -> Segment:
    """The segment of a translation; inverse of ``marked``."""
    return joined(list(_pieces(placed.pieces())))


def _pieces(pieces: Iterable[MarkupEvent]) -> Iterator[TextOrTag]:
    for piece in pieces:
        if isinstance(piece.value, list):  # a word that went through whole
            yield from _pieces(piece.value)
        elif isinstance(piece.value, str):  # text, or a line end of the text among breaks
            yield piece.value
        elif piece.kind is Kind.POINT and piece.value.kind == "open":  # a pair around nothing
            yield piece.value
            yield Tag("close", piece.value.key)
        elif piece.kind is Kind.CLOSE:
            yield Tag("close", piece.value.key)
        else:
            yield piece.value


class _MarkedTextBuilder:
    def __init__(self, breaking: bool) -> None:
        self._breaking = breaking
        self._parts: list[str] = []
        self._length = 0
        self._marks: list[tuple[int, int, Tag, int]] = []
        self._open: list[int] = []
        self._atoms: dict[str, Tag] = {}
        self._breaks: list[Tag | str] = []

    def text(self, text: str) -> None:
        if self._breaking:
            self._breaks += ["\n"] * text.count("\n")
        self._add(ATOMS.sub(" ", text))

    def _add(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def tag(self, tag: Tag) -> None:
        here = self._length
        parent = self._open[-1] if self._open else ROOT
        if tag.kind == "break":
            self._breaks.append(tag)
            self._add("\n")
        elif tag.kind == "atom" and len(self._atoms) < MAX_ATOMS:
            character = atom_character(len(self._atoms))
            self._atoms[character] = tag
            self._add(character)
        elif tag.kind == "close":
            start, _, opened, above = self._marks[index := self._open.pop()]
            self._marks[index] = (start, here, opened, above)
        else:
            if tag.kind == "open":
                self._open.append(len(self._marks))
            self._marks.append((here, here, tag, parent))

    def finish(self) -> MarkedText:
        marks = tuple(Mark(*mark) for mark in self._marks)
        text = "".join(self._parts)
        return whole_words(MarkedText(text, marks, dict(self._atoms), tuple(self._breaks)))
