"""Office Open XML: Word (docx), PowerPoint (pptx) and Excel (xlsx).

Only the paragraphs of the parts that hold text are rewritten, and the attributes that are
read like texts. Styles, numbering, tables, images, formulas and everything unknown stay
byte for byte.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from csanmt.documents import hypertext, plain
from csanmt.documents.archives import Archive, Package
from csanmt.documents.leftovers import Part, chinese, count
from csanmt.documents.limits import DocumentError, DocumentTooLargeError, Limits
from csanmt.documents.protocol import Languages, OpenDocument
from csanmt.documents.runs import Paragraph
from csanmt.documents.workbooks import Workbook
from csanmt.documents.xml_source import Element, find
from csanmt.documents.xml_units import Units, XmlArchive, attribute_unit, unit_of
from csanmt.tables import build, read_toml

_TABLE = read_toml(Path(__file__).with_name("office.toml"))
_KEEP_SPACE = b' xml:space="preserve"'
_DRAWING, _VML, _CORE = "drawingml/", "officedocument.vmldrawing", "core-properties+xml"
_DRAWINGS, _CHART = tuple(_TABLE["drawings"]), tuple(_TABLE["charts"])
_PROPERTIES = frozenset(_TABLE["properties"])
_KNOWN_STORES: dict[str, str] = _TABLE["stores"]
_PROPERTY_FOLDERS = tuple(_TABLE["property_folders"])
_ATTRIBUTES: dict[str, list[str]] = _TABLE["attributes"]
_NUMBER_FORMATS: dict[str, str] = _TABLE["number_formats"]
_CHINESE_NUMBERS = ("chinese", "ideograph", "taiwanese", "ea1Ch")
_TOLD: dict[str, str] = _TABLE["told"]
_FONTS = frozenset({"font", "b", "i", "u", "s", "span"})  # within a caption in VML
_HAN = re.compile(rb"[\xe4-\xe9][\x80-\xbf]{2}|&#(?:x[4-9][0-9a-fA-F]{3}|[23]\d{4});")
_TEXTS = re.compile(r"(?:strings|document|/sheet\d{1,5}|/slide\d{1,5})\.xml\Z", re.I)
_ZIP = b"PK\x03\x04"
_DEEPEST = 3  # documents within one another
_CODES = {"lvlText": re.compile(r"%\d")}


@dataclass(frozen=True, slots=True)
class _Kind:
    """What of one application's files is text.

    Attributes:
        main: content types of the main part, one of which proves the kind.
        parts: content types of parts that hold text.
        blocks: their paragraphs.
        plain: elements that hold text without runs.
        cells: it is a workbook.
    """

    main: tuple[str, ...]
    parts: tuple[str, ...]
    blocks: tuple[str, ...]
    plain: tuple[str, ...] = ()
    cells: bool = False


@lru_cache(maxsize=4096)
def _is_block(kind: _Kind, uri: str, name: str) -> bool:
    ends = (block.partition("/") for block in kind.blocks)
    return any(name == own and known + "/" in uri + "/" for known, _, own in ends)


_KINDS = {name: build(_Kind, table) for name, table in _TABLE["kinds"].items()}


class OfficeDocument(XmlArchive):
    """An office document; ``within`` counts the documents around it."""

    def __init__(
        self, data: bytes, limits: Limits, languages: Languages, kind: _Kind, within: int = 0
    ) -> None:
        super().__init__(data, limits)
        self._kind, self._package = kind, Package(self.archive, limits)
        if not self._package.of_types(kind.main):
            raise DocumentError("not a file of the application that its name says")
        self._charts = frozenset(self._package.of_types(_CHART))
        package, kept = self._package, self.kept
        self._workbook = Workbook(package, kind.main, limits, kept) if kind.cells else None
        chunks = self._embed(languages, within)
        named = package.of_types((*kind.main, *kind.parts, *_DRAWINGS))
        read = [name for name in named if name not in chunks]
        for name in read:
            self._read(name)
        plain = self._bound()
        for name in self._package.of_types((_CORE,)):
            plain[name] = plain.get(name, set()) | _PROPERTIES
        for name, wanted in plain.items():
            self.part(name).read_plain(wanted)
        self._look_at_others({*read, *plain, *chunks})

    def _read(self, name: str) -> None:
        part, drawn = self.part(name), self._package.types[name].lower().endswith(_VML)
        chart = name in self._charts
        plain = {*self._kind.plain, *(["v"] * chart), *(["div"] * drawn)}

        def wanted(uri: str, local: str) -> bool:
            return (
                _is_block(self._kind, uri, local)
                or local in _ATTRIBUTES
                or local in _NUMBER_FORMATS
                or local in plain
                or (local == "t" and uri.endswith("/math"))
                or (self._workbook is not None and self._workbook.wants(local))
            )

        usual: Part = "charts" if chart else "text"
        try:
            part.read(wanted, lambda e: self._units(part.source, e), usual=usual)
        except DocumentError:
            if not drawn:  # VML, which Excel did not always write as XML
                raise
            self.kept += count("text", [part.source.decode("utf-8", "replace")])
        for unit in part.units:
            unit.part = usual
        if not part.units:
            del self.parts[name]

    def _units(self, source: bytes, element: Element) -> Units:
        if _is_block(self._kind, element.uri, element.name):
            return self._block(source, element)
        if element.name in _ATTRIBUTES:
            codes = _CODES.get(element.name)
            names = _ATTRIBUTES[element.name]
            if element.name == "listItem" and not element.attribute("displayText"):
                names = ["value"]
            return [attribute_unit(source, element, name, codes=codes) for name in names]
        if element.name in _NUMBER_FORMATS:
            said = element.attribute(_NUMBER_FORMATS[element.name])
            self.kept += count("number_formats", [said])
            self.kept["number_formats"] += said.startswith(_CHINESE_NUMBERS)
            return []
        if self._workbook is not None and self._workbook.wants(element.name):
            return self._workbook.units(source, element)
        fonts = _FONTS if element.name == "div" else frozenset()
        return [unit_of(element, lambda e: e.name in fonts)] if chinese(element.text) else []

    def _block(self, source: bytes, block: Element) -> Units:
        if self._workbook is not None and self._workbook.is_named(block):
            return []
        if block.name == "text" and not any(block.elements()):  # a threaded comment
            return [unit_of(block)] if chinese(block.text) else []
        space = b"" if _DRAWING in block.uri + "/" else _KEEP_SPACE
        return Paragraph(source, block, self.kept, space).units()

    def _look_at_others(self, read: set[str]) -> None:
        """Count the Chinese in parts that are not read."""
        for name, kind in self._package.types.items():
            wanted = kind.lower().endswith("xml") and not name.endswith(".rels")
            if name in read or not wanted or self.archive.size(name) > self.limits.part:
                continue
            if not _HAN.search(self.archive.read(name)):
                continue
            usual: Part = "images" if "svg" in kind.lower() else "text"
            usual = "properties" if name.startswith(_PROPERTY_FOLDERS) else usual
            with contextlib.suppress(DocumentError):
                self.part(name).read(lambda *_: False, lambda _: (), usual=usual, enter=self._told)
            self.parts.pop(name, None)

    def _told(self, element: Element) -> Units:
        """Count what an element that is only entered says in an attribute."""
        self.kept += count("properties", [element.attribute(_TOLD.get(element.name, ""))])
        return ()

    def _bound(self) -> dict[str, set[str]]:
        """Elements of other parts (``@``: attributes) that content controls show, which Word
        refreshes from there."""
        controls: dict[str, set[str]] = {}
        for part in self.parts.values():
            if b"dataBinding" in part.source:
                for found in find(part.source, self.limits, "dataBinding"):
                    step = found.attribute("xpath").rpartition("/")[2].partition("[")[0]
                    item = found.attribute("storeItemID").lower()
                    name = "@" * step.startswith("@") + step.lstrip("@").rpartition(":")[2]
                    controls.setdefault(item, set()).add(name)
        bound = {
            name: controls[item]
            for item, kind in _KNOWN_STORES.items()
            for name in (self._package.of_types((kind,)) if item in controls else ())
        }
        for name in sorted(self.archive.names) if controls else ():
            for properties in self._package.related(name, "customXmlProps"):
                for store in find(self.archive.xml(properties), self.limits, "datastoreItem"):
                    if names := controls.get(store.attribute("itemID").lower()):
                        bound[name] = names
        return bound

    def _embed(self, languages: Languages, within: int) -> set[str]:
        """What Word shows in the text where it stands is read; others are looked into. Returns
        the names of the former, which may have the type of a main part."""
        texts = self._package.of_types((*_KINDS["docx"].main, *_KINDS["docx"].parts))
        chunks = {name for text in texts for name in self._package.related(text, "aFChunk")}
        for name in sorted(chunks):
            kind, data = self._package.types.get(name, ""), self.archive.read(name)
            try:
                self.embed(name, self._opened(name, kind, data, languages, within))
            except DocumentError:
                self.kept["embedded"] += 1
        for name in self.archive.names:
            if "/embeddings/" in name.lower():
                self.kept["embedded"] += _holds_chinese(self.archive, name, self.limits)
        return chunks

    def _opened(
        self, name: str, kind: str, data: bytes, languages: Languages, within: int
    ) -> OpenDocument:
        """A part that is a document. Raises DocumentError: it is of no kind that is read here."""
        suffix = name.rpartition(".")[2].lower()
        if data.startswith(_ZIP) and within < _DEEPEST:
            return OfficeDocument(data, self.limits, languages, _KINDS["docx"], within + 1)
        if "html" in kind or suffix in ("html", "htm", "xhtml"):
            return hypertext.opened(data, self.limits, languages)
        if kind == "text/plain" or suffix == "txt":
            return plain.plain_text(data, self.limits, languages)
        raise DocumentError(f"a document in a document, of a kind that is not read: {kind}")

    def changed(self) -> dict[str, bytes]:
        changed = super().changed()
        wish = self._workbook.recalculated() if changed and self._workbook else {}
        return changed | wish


def _holds_chinese(archive: Archive, name: str, limits: Limits) -> bool:
    """Whether an embedded office document (data of a chart, an object) does."""
    try:
        inner = Archive(archive.read(name), limits)
        return any(_HAN.search(inner.read(n)) for n in inner.names if _TEXTS.search(n))
    except (DocumentError, DocumentTooLargeError):
        return False


docx, pptx, xlsx = (partial(OfficeDocument, kind=_KINDS[n]) for n in ("docx", "pptx", "xlsx"))
