"""Units of a document's XML: what an element says, the value of an attribute, all of a part."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from csanmt.documents.archives import Archive
from csanmt.documents.leftovers import Part, chinese, count, unread
from csanmt.documents.limits import Limits, Meter
from csanmt.documents.messages import read_message
from csanmt.documents.patches import Patches, PatchUnit, patched
from csanmt.documents.protocol import OpenDocument
from csanmt.documents.xml_source import Element, Visit, Wanted, escaped, visit
from csanmt.markup.segments import Segment, Tag, TagKind, TextOrTag, coded, joined, pair, written

# What stands where a word would: placeholders, and text that must not be translated.
_WORDS = ("x", "ph", "mrk", "sub", "page-number", "page-count", "date", "time")
_KINDS: dict[str, TagKind] = {
    **dict.fromkeys(_WORDS, "atom"),
    **dict.fromkeys(("line-break", "tab", "br"), "break"),
}
_QUOTED = rb"""\s*+=\s*+(?:"([^"]*)"|'([^']*)')"""

Units = Iterable[PatchUnit[bytes] | None]
Paired = Callable[[Element], bool]  # an element's content is text to translate, its tags stay


def contents(element: Element, paired: Paired) -> Segment:
    """What an element holds; elements that are not ``paired`` stay whole.

    The ``raw`` of a tag is its place in the source, or text: markup that is escaped, or in
    CDATA, is read as tags too.
    """
    return joined(_pieces(element, paired))


def _pieces(element: Element, paired: Paired) -> list[TextOrTag]:
    pieces: list[TextOrTag] = []
    for child in joined(element.children):  # a parser cuts texts at every entity
        if isinstance(child, str):
            pieces += read_message(child)
        elif paired(child) and child.inner < child.outer:
            opening, closing = pair((child.start, child.inner), (child.outer, child.end))
            pieces += [opening, *_pieces(child, paired), closing]
        else:
            pieces.append(Tag(_KINDS.get(child.name, "point"), (child.start, child.end)))
    return pieces


def in_xml(segment: Segment, patches: Patches[bytes]) -> bytes:
    """A translation of ``contents``; what is rewritten within a tag is kept."""
    return b"".join(
        escaped(p if isinstance(p, str) else p.raw)
        if isinstance(p, str) or isinstance(p.raw, str)
        else patches.part(*p.raw)
        for p in segment
    )


def unit_of(element: Element, paired: Paired = lambda _: False) -> PatchUnit[bytes]:
    """A unit of all that an element holds; see ``contents``."""
    return PatchUnit(contents(element, paired), element.inner, element.outer, in_xml)


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
    tags = [
        (*code.span(), Tag("atom", code[0])) for code in (codes.finditer(value) if codes else ())
    ]

    def render(segment: Segment, _: object) -> bytes | None:
        text = written(segment)
        if longest is not None and len(text) > longest:
            return None
        quoted = escaped(text).replace(b'"', b"&quot;").replace(b"'", b"&apos;")
        return quoted.replace(b"\n", b"&#10;")

    return PatchUnit(coded(value, tags, 0, len(value)), *found.span(found.lastindex or 0), render)


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

        def adding(take: Callable[[Element], Units]) -> Visit:
            def add(element: Element) -> None:
                for unit in take(element):
                    if unit is not None:
                        self.meter.count(unit.text.characters)
                        self.units.append(unit)

            return add

        def stray(names: Sequence[str]) -> None:
            self.kept += unread(names, usual)

        entered = adding(enter) if enter else None
        visit(self.source, wanted, self.meter.limits, adding(take), entered, stray)

    def read_plain(self, names: Collection[str], usual: Part = "properties") -> None:
        """Elements of these names, where they hold Chinese text and nothing else; with ``@``
        attributes."""
        attributes = [name for name in names if name.startswith("@")]

        def take(element: Element) -> Units:
            if any(element.elements()):
                self.kept += count(usual, [element.text])
                return []
            return [unit_of(element)] if chinese(element.text) else []

        def enter(element: Element) -> Units:
            return [attribute_unit(self.source, element, name[1:]) for name in attributes]

        self.read(lambda _, local: local in names, take, usual=usual, enter=enter)


class XmlArchive:
    """A document that is an archive of parts in XML, and of documents of their own.

    Attributes:
        kept: Chinese that no unit reads.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.archive, self.limits = Archive(data, limits), limits
        self.kept: Counter[Part] = Counter()
        self.parts: dict[str, XmlPart] = {}
        self.inner: dict[str, OpenDocument] = {}
        self._meter = Meter(limits)

    def part(self, name: str) -> XmlPart:
        """A part that is read, and written where something in it changes."""
        if name not in self.parts:
            self.parts[name] = XmlPart(self.archive.xml(name), self._meter, self.kept)
        return self.parts[name]

    def embed(self, name: str, document: OpenDocument) -> None:
        """A part that is a document."""
        self.inner[name] = document
        self.kept += document.kept

    @property
    def units(self) -> list[PatchUnit[Any]]:
        own = [unit for part in self.parts.values() for unit in part.units]
        return [*own, *(unit for inner in self.inner.values() for unit in inner.units)]

    def changed(self) -> dict[str, bytes]:
        """The parts that differ, by name."""
        made = {name: patched(part.source, part.units) for name, part in self.parts.items()}
        changed = {name: new for name, new in made.items() if new != self.parts[name].source}
        made = {name: document.save() for name, document in self.inner.items()}
        return changed | {n: new for n, new in made.items() if new != self.archive.read(n)}

    def save(self) -> bytes:
        return self.archive.rewritten(self.changed())
