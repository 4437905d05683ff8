"""OpenDocument (odt, ods, odp), as LibreOffice writes it: paragraphs, cells, notes, titles.

A paragraph is XML with elements in it that look like HTML's; it is read as such, and
paragraphs within it (a footnote, a text box) are units of their own.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from csanmt.documents.formulas import NamedCells
from csanmt.documents.leftovers import chinese, count
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.protocol import Languages
from csanmt.documents.xml_source import Element, find, visit
from csanmt.documents.xml_units import Units, XmlArchive, attribute_unit, unit_of
from csanmt.tables import read_toml

_TYPE = "application/vnd.oasis.opendocument."
_MANIFEST = "META-INF/manifest.xml"
_PARTS = re.compile(r"(?:[^/]{1,200}/)?(?:content|styles)\.xml\Z")
_TABLE = read_toml(Path(__file__).with_name("opendocument.toml"))
_PARAGRAPHS, _PAIRED = frozenset(_TABLE["paragraphs"]), frozenset(_TABLE["paired"])
_APART, _PLAIN = frozenset(_TABLE["apart"]), frozenset(_TABLE["plain"])
_TITLES, _WITHIN = frozenset(_TABLE["titles"]), frozenset(_TABLE["within"])
_NAMING: dict[str, str] = _TABLE["naming"]
_ATTRIBUTES: dict[str, list[str]] = _TABLE["attributes"]


class OdfDocument(XmlArchive):
    def __init__(self, data: bytes, limits: Limits, _: Languages, media_type: str) -> None:
        super().__init__(data, limits)
        self._named = NamedCells(self.kept)
        self._check(media_type)
        names = sorted(name for name in self.archive.names if _PARTS.match(name))
        for name in names:
            self._find_named(name)
        for name in names:
            self._read(name)
        if (meta := self.archive.find("meta.xml")) is not None:
            self.part(meta).read_plain(_TITLES)

    def _check(self, media_type: str) -> None:
        """It is of this kind, and not encrypted."""
        name = self.archive.find(_MANIFEST)
        source = b"<none/>" if name is None else self.archive.xml(name)
        found = find(source, self.limits, "file-entry", "encryption-data")
        if any(element.name == "encryption-data" for element in found):
            raise DocumentError("the document is encrypted; remove its password first")
        types = [e.attribute("media-type") for e in found if e.attribute("full-path") == "/"]
        if types != [media_type]:
            raise DocumentError("not a file of the application that its name says")

    def _find_named(self, name: str) -> None:
        """Texts of cells that formulas and lists name; what they say themselves."""

        def enter(element: Element) -> None:
            for attribute in ("formula", "condition", "expression"):
                self._named.formula(element.attribute(attribute))
            if element.name == "condition":  # of a format
                self._named.formula(element.attribute("value"))
            self.kept.update(count("number_formats", [element.attribute("num-format")]))
            if element.name in ("table", "named-range", "database-range"):
                self._named.names.add(element.attribute("name"))
                self.kept.update(count("names", [element.attribute("name")]))
            elif element.name in _NAMING:
                self._named.name(element.attribute(_NAMING[element.name]))

        visit(self.archive.xml(name), lambda *_: False, self.limits, lambda _: None, enter)

    def _read(self, name: str) -> None:
        part = self.part(name)
        source = part.source
        calculated = False  # the cell that is read says what a formula with a text in it says

        def enter(element: Element) -> Units:
            nonlocal calculated
            names = _ATTRIBUTES.get(element.name, [])
            if element.name in ("table-cell", "covered-table-cell"):
                calculated = chinese(element.attribute("formula"))
                named = self._named.named(element.attribute("string-value"))
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
                    yield unit_of(element)
            elif text.strip() and not calculated and not self._named.stays(text):
                yield unit_of(element, _is_paired)

        def wanted(uri: str, local: str) -> bool:
            return _is_paragraph(uri, local) or local in _PLAIN or local in _WITHIN

        part.read(wanted, take, enter=enter)


def _is_paragraph(uri: str, name: str) -> bool:
    return name in _PARAGRAPHS and ":text:" in uri


def _is_paired(element: Element) -> bool:
    """A style, a link, or what a field shows."""
    if element.name in _PAIRED:
        return True
    own = any(isinstance(child, str) and chinese(child) for child in element.children)
    return own and ":text:" in element.uri and element.name not in _APART


text, spreadsheet, presentation = (
    partial(OdfDocument, media_type=_TYPE + kind)
    for kind in ("text", "spreadsheet", "presentation")
)
