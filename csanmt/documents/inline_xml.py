"""Inline elements of XML text (XLIFF) as tags, each with its own source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from csanmt.documents.messages import read_message
from csanmt.documents.patches import Patches, PatchUnit
from csanmt.documents.segments import Piece, Segment, Tag, joined
from csanmt.documents.xml_source import Element, escaped

# What stands where a word would: placeholders, and text that must not be translated.
_WORDS = frozenset({"x", "ph", "mrk", "sub", "page-number", "page-count", "date", "time"})
_BREAKS = frozenset({"line-break", "tab", "br"})


@dataclass(slots=True)
class InlineXml:
    """Reads an element's content into a segment and writes a translation as source again.

    Args:
        paired: of an inline element: its content is text to translate, its tags stay.
            The others stay whole.
    """

    source: bytes
    paired: Callable[[Element], bool]
    _raw: dict[tuple[str, int], bytes] = field(default_factory=dict)
    _places: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    _count: int = 0

    def read(self, element: Element) -> Segment:
        return joined(self._pieces(element))

    def _pieces(self, element: Element) -> list[Piece]:
        pieces: list[Piece] = []
        for child in _joined(element.children):
            if isinstance(child, str):
                pieces += self._message(child)
                continue
            key, self._count = self._count, self._count + 1
            if self.paired(child) and child.inner < child.outer:
                self._places["open", key] = (child.start, child.inner)
                self._places["close", key] = (child.outer, child.end)
                pieces += [Tag("open", key), *self._pieces(child), Tag("close", key)]
            else:
                tag = Tag(_kind(child), key)
                self._places[tag.kind, key] = (child.start, child.end)
                pieces.append(tag)
        return pieces

    def _message(self, text: str) -> list[Piece]:
        """Markup that is escaped, or in CDATA, are tags of the message."""
        message = read_message(text)
        keys: dict[int, int] = {}
        pieces: list[Piece] = []
        for piece in message.segment:
            if isinstance(piece, Tag):
                if piece.key not in keys:
                    keys[piece.key], self._count = self._count, self._count + 1
                key = keys[piece.key]
                self._raw[piece.kind, key] = escaped(message.raw[piece.kind, piece.key])
                pieces.append(Tag(piece.kind, key))
            else:
                pieces.append(piece)
        return pieces

    def render(self, segment: Segment, patches: Patches[bytes]) -> bytes:
        """As ``PatchUnit`` wants it; what is rewritten within a tag is kept."""
        return b"".join(
            escaped(p) if isinstance(p, str) else self._tag(p, patches) for p in segment
        )

    def _tag(self, tag: Tag, patches: Patches[bytes]) -> bytes:
        own = self._raw.get((tag.kind, tag.key))
        return patches.part(*self._places[tag.kind, tag.key]) if own is None else own


def unit_of(source: bytes, element: Element, paired: Callable[[Element], bool]) -> PatchUnit[bytes]:
    """A unit of all that an element holds; see ``InlineXml``."""
    inline = InlineXml(source, paired)
    segment = inline.read(element)
    return PatchUnit(segment, element.inner, element.outer, inline.render)


def plain_unit(source: bytes, element: Element) -> PatchUnit[bytes]:
    """A unit of all that an element holds; elements within it stay whole."""
    return unit_of(source, element, lambda _: False)


def _kind(element: Element) -> Literal["atom", "break", "point"]:
    if element.name in _BREAKS:
        return "break"
    return "atom" if element.name in _WORDS else "point"


def _joined(children: Sequence[Element | str]) -> Iterator[Element | str]:
    """The same, neighbouring texts made one: a parser cuts them at every entity."""
    text = ""
    for child in children:
        if isinstance(child, str):
            text += child
            continue
        if text:
            yield text
        text = ""
        yield child
    if text:
        yield text
