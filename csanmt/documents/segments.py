"""Text with inline tags, as formats read and write it, and as the translator wants it.

A segment is a sequence of texts and tags. ``csanmt.markup`` moves the tags with the words
they belong to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, TypeVar

from csanmt.markup import Kind, Mark, MarkedText, Placed, atom_character
from csanmt.markup.marked import ATOMS, MAX_ATOMS, ROOT, MarkupEvent
from csanmt.markup.words import whole_words

TagKind = Literal["open", "close", "point", "atom", "break"]


@dataclass(frozen=True, slots=True, eq=False)
class Tag:
    """One tag.

    Attributes:
        kind: ``open`` and ``close`` enclose words (a style, a link); a ``point`` stands
            between them (a bookmark); an ``atom`` in the place of one (a placeholder, an
            address); a ``break`` is a border that no sentence crosses (a line break).
        raw: what the format writes for it: as a rule its source.
        closing: of an ``open``: the tag that ends it.
    """

    kind: TagKind
    raw: Any = ""
    closing: Tag | None = None


TextOrTag = str | Tag
Segment = tuple[TextOrTag, ...]
Other = TypeVar("Other")


def pair(opening: Any, closing: Any) -> tuple[Tag, Tag]:
    """The tags around some words, written so."""
    close = Tag("close", closing)
    return Tag("open", opening, close), close


def joined(pieces: Iterable[str | Other]) -> tuple[str | Other, ...]:
    """The same pieces, neighbouring texts made one and empty ones left out."""
    result: list[str | Other] = []
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        if not is_text:
            result += group
        elif text := "".join(piece for piece in group if isinstance(piece, str)):
            result.append(text)
    return tuple(result)


def written(segment: Segment) -> str:
    """The text with what its tags are written as."""
    return "".join(p if isinstance(p, str) else p.raw for p in segment)


def words(segment: Segment) -> str:
    """The text alone."""
    return "".join(p for p in segment if isinstance(p, str))


def marked(segment: Segment) -> MarkedText:
    """The segment as text with marks; pairs in it must not cross."""
    breaking = any(isinstance(p, Tag) and p.kind == "break" for p in segment)
    text, marks, opened = "", list[Mark](), list[int]()
    atoms, breaks = dict[str, Tag](), list[Tag | str]()
    parts: list[str] = []
    length = 0
    for piece in segment:
        parent = opened[-1] if opened else ROOT
        text = ""
        if isinstance(piece, str):
            breaks += ["\n"] * (piece.count("\n") * breaking)
            text = ATOMS.sub(" ", piece)
        elif piece.kind == "break":
            breaks.append(piece)
            text = "\n"
        elif piece.kind == "atom" and len(atoms) < MAX_ATOMS:
            text = atom_character(len(atoms))
            atoms[text] = piece
        elif piece.kind == "close":
            began = marks[index := opened.pop()]
            marks[index] = Mark(began.start, length, began.data, began.parent)
        else:
            opened += [len(marks)] * (piece.kind == "open")
            marks.append(Mark(length, length, piece, parent))
        parts.append(text)
        length += len(text)
    return whole_words(MarkedText("".join(parts), tuple(marks), atoms, tuple(breaks)))


def unmarked(placed: Placed) -> Segment:
    """The segment of a translation; inverse of ``marked``."""
    return joined(_pieces(placed.pieces()))


def _pieces(pieces: Iterable[MarkupEvent]) -> Iterator[TextOrTag]:
    for piece in pieces:
        value = piece.value
        if isinstance(value, list):  # a word that went through whole
            yield from _pieces(value)
        elif isinstance(value, str):  # text, or a line end of the text among breaks
            yield value
        elif piece.kind is not Kind.CLOSE:
            yield value
            if piece.kind is Kind.POINT and value.closing:  # a pair around nothing
                yield value.closing
        else:
            yield value.closing


def coded(text: str, codes: Sequence[tuple[int, int, Tag]], start: int, end: int) -> Segment:
    """``text[start:end]`` with tags in place of some ranges, which are in order."""
    pieces: list[TextOrTag] = []
    for first, last, tag in codes:
        pieces += [text[start:first], tag]
        start = last
    return joined([*pieces, text[start:end]])
