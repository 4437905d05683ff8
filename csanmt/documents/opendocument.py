"""OpenDocument (odt, ods, odp), as LibreOffice writes it: paragraphs, cells, notes, titles.

A paragraph is XML with elements in it that look like HTML's; it is read as such, and
paragraphs within it (a footnote, a text box) are units of their own.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from csanmt.documents.archives import Archive
from csanmt.documents.leftovers import Part, chinese, count
from csanmt.documents.limits import DocumentError, Limits, Meter
from csanmt.documents.protocol import Languages
from csanmt.documents.xml_source import Element, find, in_utf8, visit
from csanmt.documents.xml_units import Units, XmlPart, attribute_unit, plain_unit, unit_of
from csanmt.tables import read_toml

_TYPE = "application/vnd.oasis.opendocument."
_MANIFEST = "META-INF/manifest.xml"
_PARTS = re.compile(r"(?:[^/]{1,200}/)?(?:content|styles)\.xml\Z")
_TABLE = read_toml(Path(__file__).with_name("opendocument.toml"))
_PARAGRAPHS, _PAIRED = frozenset(_TABLE["paragraphs"]), frozenset(_TABLE["paired"])
_APART, _PLAIN = frozenset(_TABLE["apart"]), frozenset(_TABLE["plain"])
_TITLES = frozenset(_TABLE["titles"])
_ATTRIBUTES: dict[str, list[str]] = _TABLE["attributes"]
_FORMULA = re.compile(r'"((?:[^"]|"")*+)"')


class _OpenDocument:
    suffixes: tuple[str, ...] = ()
    media_type = ""

    def open(self, data: bytes, limits: Limits, languages: Languages) -> OdfDocument:
        return OdfDocument(data, self.media_type, limits)


class Odt(_OpenDocument):
    name = "OpenDocument text"
    suffixes = (".odt",)
    media_type = _TYPE + "text"


class Ods(_OpenDocument):
    name = "OpenDocument spreadsheet"
    suffixes = (".ods",)
    media_type = _TYPE + "spreadsheet"


class Odp(_OpenDocument):
    name = "OpenDocument presentation"
    suffixes = (".odp",)
    media_type = _TYPE + "presentation"


class OdfDocument:
    def __init__(self, data: bytes, media_type: str, limits: Limits) -> None:
        self._archive, self._limits, self._media_type = Archive(data, limits), limits, media_type
        self._meter = Meter(limits)
        self._parts: dict[str, XmlPart] = {}
        self._kept: Counter[Part] = Counter()
        self._named: set[str] = set()
        self._check()
        names = sorted(name for name in self._archive.names if _PARTS.match(name))
        for name in names:
            self._find_named(name)
        for name in names:
            self._read(name)
        if (meta := self._archive.find("meta.xml")) is not None:
            self._read_titles(meta)
        self.units = [unit for part in self._parts.values() for unit in part.units]

    def _check(self) -> None:
        """It is of this kind, and not encrypted."""
        name = self._archive.find(_MANIFEST)
        if name is None:
            raise DocumentError("not a file of the application that its name says")
        source = in_utf8(self._archive.read(name))
        found = find(source, lambda _, n: n in ("file-entry", "encryption-data"), self._limits)
        if any(element.name == "encryption-data" for element in found):
            raise DocumentError("the document is encrypted; remove its password first")
        types = [e.attribute("media-type") for e in found if e.attribute("full-path") == "/"]
        if types != [self._media_type]:
            raise DocumentError("not a file of the application that its name says")

    def _find_named(self, name: str) -> None:
        """Texts of cells that formulas and lists name; what they say themselves."""
        source = in_utf8(self._archive.read(name))

        def enter(element: Element) -> None:
            for attribute in ("formula", "condition"):
                literals = _FORMULA.findall(element.attribute(attribute))
                self._named.update(filter(chinese, literals))
                self._kept.update(count("formulas", ["".join(literals)]))
            if element.name == "table":
                self._kept.update(count("names", [element.attribute("name")]))
            elif element.name == "filter-condition":
                self._named.add(element.attribute("value"))

        visit(source, lambda *_: False, self._limits, lambda _: None, enter)

    def _part(self, name: str) -> XmlPart:
        self._parts[name] = XmlPart(in_utf8(self._archive.read(name)), self._meter, self._kept)
        return self._parts[name]

    def _read(self, name: str) -> None:
        part = self._part(name)
        source = part.source
        calculated = False  # the cell that is read says what a formula with a text in it says

        def enter(element: Element) -> Units:
            nonlocal calculated
            names = _ATTRIBUTES.get(element.name, [])
            if element.name in ("table-cell", "covered-table-cell"):
                calculated = chinese(element.attribute("formula"))
                named = element.attribute("string-value") in self._named
                names = [] if calculated or named else ["string-value"]
            return [attribute_unit(source, element, attribute) for attribute in names]

        def take(element: Element) -> Units:
            text = element.text
            if not _is_paragraph(element.uri, element.name):
                yield from (
                    attribute_unit(source, element, attribute)
                    for attribute in _ATTRIBUTES.get(element.name, ())
                )
                if element.name in _PLAIN and chinese(text):
                    yield plain_unit(source, element)
            elif text in self._named:
                self._kept["named"] += 1
            elif text.strip() and not calculated:
                yield unit_of(source, element, _is_paired)

        def wanted(uri: str, local: str) -> bool:
            return _is_paragraph(uri, local) or local in _PLAIN or local in ("label", "text-input")

        part.read(wanted, take, enter=enter)

    def _read_titles(self, name: str) -> None:
        part = self._part(name)

        def take(element: Element) -> Units:
            return [plain_unit(part.source, element)] if chinese(element.text) else []

        part.read(lambda _, n: n in _TITLES, take, usual="properties")

    def save(self) -> bytes:
        changed = {name: part.save() for name, part in self._parts.items() if part.changed}
        return self._archive.rewritten(changed)

    def left(self, data: bytes) -> Counter[Part]:
        again = OdfDocument(data, self._media_type, self._limits)
        return again._kept + count("text", (unit.text.text for unit in again.units))


def _is_paragraph(uri: str, name: str) -> bool:
    return name in _PARAGRAPHS and ":text:" in uri


def _is_paired(element: Element) -> bool:
    """A style, a link, or what a field shows."""
    if element.name in _PAIRED:
        return True
    own = any(isinstance(child, str) and chinese(child) for child in element.children)
    return own and ":text:" in element.uri and element.name not in _APART
