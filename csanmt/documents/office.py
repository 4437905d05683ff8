"""Office Open XML: Word (docx), PowerPoint (pptx) and Excel (xlsx).

Only the paragraphs of the parts that hold text are rewritten, and the attributes that are
read like texts. Styles, numbering, tables, images, formulas and everything unknown stay
byte for byte.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from csanmt.documents.archives import Archive
from csanmt.documents.embedded import HAN, Embedded, body_parts, chinese_embedded
from csanmt.documents.leftovers import Part, chinese, count
from csanmt.documents.limits import DocumentError, Limits, Meter
from csanmt.documents.packages import Package
from csanmt.documents.protocol import Languages, Unit
from csanmt.documents.runs import Paragraph
from csanmt.documents.workbooks import Workbook
from csanmt.documents.xml_source import Element, find
from csanmt.documents.xml_units import Units, XmlPart, attribute_unit, plain_unit, unit_of
from csanmt.tables import build, read_toml

_PREFIX = "application/vnd.openxmlformats-officedocument."
_TABLE = read_toml(Path(__file__).with_name("office.toml"))
_KEEP_SPACE = b' xml:space="preserve"'
_DRAWING, _VML, _CORE = "drawingml/", "officedocument.vmldrawing", "core-properties+xml"
_DRAWINGS, _CHART = tuple(_TABLE["drawings"]), tuple(_TABLE["charts"])
_PROPERTIES = frozenset(_TABLE["properties"])
_KNOWN_STORES: dict[str, str] = _TABLE["stores"]
_PROPERTY_FOLDERS = tuple(_TABLE["property_folders"])
_ATTRIBUTES: dict[str, list[str]] = _TABLE["attributes"]
_FONTS = frozenset({"font", "b", "i", "u", "s", "span"})  # within a caption in VML
_DEEPEST = 3  # documents within one another
_CODES = {"lvlText": re.compile(r"%\d")}


@dataclass(frozen=True, slots=True)
class _Kind:
    """What of one application's files is text.

    Attributes:
        main: content type of the main part, which proves the kind.
        parts: content types of parts that hold text.
        blocks: their paragraphs.
        plain: elements that hold text without runs.
    """

    main: str
    parts: tuple[str, ...]
    blocks: tuple[str, ...]
    plain: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def _is_block(kind: _Kind, uri: str, name: str) -> bool:
    ends = (block.partition("/") for block in kind.blocks)
    return any(name == own and known + "/" in uri + "/" for known, _, own in ends)


_KINDS = {name: build(_Kind, table) for name, table in _TABLE["kinds"].items()}


def _is_formula(uri: str, name: str) -> bool:
    """A text of a mathematical formula."""
    return name == "t" and uri.endswith("/math")


class _Office:
    kind: _Kind

    def open(self, data: bytes, limits: Limits, languages: Languages) -> OfficeDocument:
        return OfficeDocument(data, self.kind, limits, languages)


class Docx(_Office):
    name = "Word"
    suffixes = (".docx",)
    media_type = _PREFIX + "wordprocessingml.document"
    kind = _KINDS["docx"]


class Pptx(_Office):
    name = "PowerPoint"
    suffixes = (".pptx",)
    media_type = _PREFIX + "presentationml.presentation"
    kind = _KINDS["pptx"]


class Xlsx(_Office):
    name = "Excel"
    suffixes = (".xlsx",)
    media_type = _PREFIX + "spreadsheetml.sheet"
    kind = _KINDS["xlsx"]


class OfficeDocument:
    """An office document; ``within`` counts the documents around it."""

    def __init__(
        self, data: bytes, kind: _Kind, limits: Limits, languages: Languages, within: int = 0
    ) -> None:
        self._kind, self._limits, self._languages = kind, limits, languages
        self._package = package = Package(Archive(data, limits), limits)
        if not package.of_types((kind.main,)):
            raise DocumentError("not a file of the application that its name says")
        self._meter = Meter(limits)
        self._parts: dict[str, XmlPart] = {}
        self._charts = frozenset(package.of_types(_CHART))
        self._workbook = Workbook(package, limits) if kind is _KINDS["xlsx"] else None
        self._kept: Counter[Part] = self._workbook.kept if self._workbook else Counter()
        read = package.of_types((*kind.parts, *_DRAWINGS))
        for name in read:
            self._read(name)
        plain = self._bound()
        for name in package.of_types((_CORE,)):
            plain[name] = plain.get(name, frozenset()) | _PROPERTIES
        for name, wanted in plain.items():
            self._read_plain(name, wanted)
        self._look_at_others({*read, *plain})
        self._embedded = self._body_parts(within)
        self._kept["embedded"] += chinese_embedded(package, limits)
        self.units: list[Unit] = [unit for part in self._parts.values() for unit in part.units]
        for embedded in self._embedded.values():
            self.units += embedded.document.units

    # ---- reading

    def _part(self, name: str) -> XmlPart:
        if name not in self._parts:
            self._parts[name] = XmlPart(self._package.read(name), self._meter, self._kept)
        return self._parts[name]

    def _read(self, name: str) -> None:
        part, drawn = self._part(name), self._package.types[name].lower().endswith(_VML)
        plain = {*self._kind.plain, *(["v"] if name in self._charts else []), *(["div"] * drawn)}
        workbook = self._workbook

        def wanted(uri: str, local: str) -> bool:
            return (
                _is_block(self._kind, uri, local)
                or local in _ATTRIBUTES
                or local in plain
                or _is_formula(uri, local)
                or (workbook is not None and workbook.wants(local))
            )

        usual: Part = "charts" if name in self._charts else "text"
        try:
            part.read(wanted, lambda e: self._units(part.source, e, plain), usual=usual)
        except DocumentError:
            if not drawn:  # VML, which Excel did not always write as XML
                raise
            self._kept += count("text", [part.source.decode("utf-8", "replace")])
        if not part.units:
            del self._parts[name]

    def _units(self, source: bytes, element: Element, plain: set[str]) -> Units:
        if _is_block(self._kind, element.uri, element.name):
            return self._block(source, element)
        if element.name in _ATTRIBUTES:
            codes = _CODES.get(element.name)
            names = _ATTRIBUTES[element.name]
            if element.name == "listItem" and not element.attribute("displayText"):
                names = ["value"]
            return [attribute_unit(source, element, name, codes=codes) for name in names]
        if self._workbook is not None and self._workbook.wants(element.name):
            return self._workbook.units(source, element)
        if not chinese(element.text):
            return []
        if element.name == "div":
            return [unit_of(source, element, lambda inner: inner.name in _FONTS)]
        return [plain_unit(source, element)]

    def _block(self, source: bytes, block: Element) -> Units:
        if self._workbook is not None and self._workbook.is_named(block):
            return []
        space = b"" if _DRAWING in block.uri + "/" else _KEEP_SPACE
        if block.name == "text" and not any(block.elements()):  # a threaded comment
            return [plain_unit(source, block)] if chinese(block.text) else []
        paragraph = Paragraph(source, block, space)
        units = paragraph.units()
        self._kept += paragraph.kept
        return units

    def _read_plain(self, name: str, names: frozenset[str]) -> None:
        """Elements of these names that hold text and nothing else."""
        part = self._part(name)

        def take(element: Element) -> Units:
            said = chinese(element.text) and not any(element.elements())
            return [plain_unit(part.source, element)] if said else []

        part.read(lambda _, local: local in names, take, usual="properties")

    def _look_at_others(self, read: set[str]) -> None:
        """Count the Chinese in parts that are not read."""
        archive = self._package.archive
        for name, kind in self._package.types.items():
            wanted = kind.lower().endswith("xml") and not name.endswith(".rels")
            if name in read or not wanted or archive.size(name) > self._limits.part:
                continue
            if not HAN.search(archive.read(name)):
                continue
            usual: Part = "images" if "svg" in kind.lower() else "text"
            usual = "properties" if name.startswith(_PROPERTY_FOLDERS) else usual
            with contextlib.suppress(DocumentError):
                part = XmlPart(self._package.read(name), self._meter, self._kept)
                part.read(lambda *_: False, lambda _: (), usual=usual)

    def _bound(self) -> dict[str, frozenset[str]]:
        """Elements of other parts that content controls show, which Word refreshes from there."""
        controls: dict[str, set[str]] = {}
        for part in self._parts.values():
            if b"dataBinding" in part.source:
                for found in find(part.source, lambda _, n: n == "dataBinding", self._limits):
                    step = found.attribute("xpath").rpartition("/")[2].partition("[")[0]
                    item = found.attribute("storeItemID").lower()
                    controls.setdefault(item, set()).add(step.rpartition(":")[2])
        found_parts = {
            name: frozenset(controls[item])
            for item, kind in _KNOWN_STORES.items()
            for name in (self._package.of_types((kind,)) if item in controls else ())
        }
        for name in sorted(self._package.archive.names) if controls else ():
            for properties in self._package.related(name, "customXmlProps"):
                source = self._package.read(properties)
                for store in find(source, lambda _, n: n == "datastoreItem", self._limits):
                    if names := controls.get(store.attribute("itemID").lower()):
                        found_parts[name] = frozenset(names)
        return found_parts

    def _body_parts(self, within: int) -> dict[str, Embedded]:
        def open_word(data: bytes) -> OfficeDocument:
            if within == _DEEPEST:
                raise DocumentError("documents within documents, too deep")
            return OfficeDocument(data, _KINDS["docx"], self._limits, self._languages, within + 1)

        found, unread = body_parts(self._package, self._limits, self._languages, open_word)
        self._kept += unread
        return found

    # ---- writing

    def save(self) -> bytes:
        changed = {name: part.save() for name, part in self._parts.items() if part.changed}
        for name, embedded in self._embedded.items():
            if (result := embedded.document.save()) != embedded.before:
                changed[name] = result
        if changed and self._workbook is not None:
            changed |= self._workbook.recalculated()
        return self._package.archive.rewritten(changed)

    def left(self, data: bytes) -> Counter[Part]:
        again = OfficeDocument(data, self._kind, self._limits, self._languages)
        counts = Counter(again._kept)
        for name, part in again._parts.items():
            label: Part = "charts" if name in self._charts else "text"
            counts += count(label, (unit.text.text for unit in part.units))
        for embedded in again._embedded.values():
            counts += embedded.document.left(embedded.before)
        return counts
