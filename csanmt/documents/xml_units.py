"""Units of a document's XML: what an element says, the value of an attribute, all of a part."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from csanmt.documents.leftovers import Part, chinese, unread
from csanmt.documents.limits import Meter
from csanmt.documents.messages import read_message
from csanmt.documents.patches import Patches, PatchUnit, coded_unit, patched
from csanmt.documents.segments import Segment, Tag, TextOrTag, joined
from csanmt.documents.xml_source import Element, Wanted, escaped, visit

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

    def _pieces(self, element: Element) -> list[TextOrTag]:
        pieces: list[TextOrTag] = []
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

    def _message(self, text: str) -> list[TextOrTag]:
        """Markup that is escaped, or in CDATA, are tags of the message."""
        message = read_message(text)
        keys: dict[int, int] = {}
        pieces: list[TextOrTag] = []
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


_QUOTED = rb"""\s*+=\s*+(?:"([^"]*)"|'([^']*)')"""


def attribute_unit(
    source: bytes,
    element: Element,
    name: str,
    *,
    codes: re.Pattern[str] | None = None,
    longest: int | None = None,
) -> PatchUnit[bytes] | None:
    """The value of an attribute as a unit; None: there is none, or nothing to translate in it.

    Args:
        codes: what in it means something to a program and stays.
        longest: characters that the format allows; a longer translation is not written.
    """
    value = element.attribute(name)
    if not chinese(value):
        return None
    pattern = re.compile(rb"(?<=\s)(?:[\w.-]++:)?" + name.encode() + _QUOTED)
    # Where the start tag ends is not known of an element that was only entered.
    found = pattern.search(source, element.start, element.inner or len(source))
    if found is None:
        return None
    start, end = found.span(found.lastindex or 0)
    found_codes = enumerate(codes.finditer(value)) if codes else ()

    def write(text: str) -> bytes:
        too_long = longest is not None and len(text) > longest
        return source[start:end] if too_long else attribute_value(text)

    kept = [(*code.span(), Tag("atom", i)) for i, code in found_codes]
    return coded_unit(value, kept, (start, end), write)


def attribute_value(text: str) -> bytes:
    """Text as it is written between the quotes of an attribute."""
    return escaped(text).replace(b'"', b"&quot;").replace(b"'", b"&apos;").replace(b"\n", b"&#10;")


Units = Iterable[PatchUnit[bytes] | None]


@dataclass(slots=True)
class XmlPart:
    """Units are taken while the source is read, as long as the ``meter`` allows.

    Attributes:
        kept: Chinese that no unit reads; the whole document's.
    """

    source: bytes
    meter: Meter
    kept: Counter[Part]
    units: list[PatchUnit[bytes]] = field(default_factory=list)

    def read(
        self,
        wanted: Wanted,
        take: Callable[[Element], Units],
        *,
        usual: Part = "text",
        enter: Callable[[Element], Units] | None = None,
    ) -> None:
        """Take the units of elements; arguments as ``visit`` has them.

        Args:
            usual: what texts that stand elsewhere count as.
        """

        def add(found: Units) -> None:
            for unit in found:
                if unit is not None:
                    self.meter.count(len(unit.text.text))
                    self.units.append(unit)

        def stray(names: Sequence[str]) -> None:
            self.kept += unread(names, usual)

        entered = None if enter is None else lambda element: add(enter(element))
        visit(self.source, wanted, self.meter.limits, lambda e: add(take(e)), entered, stray)

    @property
    def changed(self) -> bool:
        return any(unit.translation is not None for unit in self.units)

    def save(self) -> bytes:
        return patched(self.source, sorted(self.units, key=lambda unit: unit.end))
