"""Office Open XML: Word (docx), PowerPoint (pptx) and Excel (xlsx).

Only the paragraphs of the parts that hold text are rewritten. Styles, numbering,
tables, images, charts, formulas, masters and everything unknown stay byte for byte.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from csanmt.documents.archives import Archive
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.patches import PatchUnit, patched
from csanmt.documents.protocol import Languages
from csanmt.documents.runs import Paragraph
from csanmt.documents.xml_source import Element, find, in_utf8

_PREFIX = "application/vnd.openxmlformats-officedocument."
_TYPES = "[Content_Types].xml"
_WORD, _DRAWING, _SHEET = "wordprocessingml/", "drawingml/", "spreadsheetml/"
_KEEP_SPACE = b' xml:space="preserve"'


@dataclass(frozen=True, slots=True)
class _Kind:
    """What of one application's files is text.

    Attributes:
        main: content type of the main part, which proves the kind.
        parts: ends of the content types of parts that hold text.
        blocks: (part of the namespace, local name) of their paragraphs.
    """

    main: str
    parts: tuple[str, ...]
    blocks: tuple[tuple[str, str], ...]

    def is_block(self, uri: str, name: str) -> bool:
        return any(known in uri + "/" and name == own for known, own in self.blocks)


_DOCX = _Kind(
    "wordprocessingml.document.main+xml",
    (
        "wordprocessingml.document.main+xml", "wordprocessingml.header+xml",
        "wordprocessingml.footer+xml", "wordprocessingml.footnotes+xml",
        "wordprocessingml.endnotes+xml", "wordprocessingml.comments+xml",
    ),
    ((_WORD, "p"), (_DRAWING, "p")),
)  # fmt: skip
_PPTX = _Kind(
    "presentationml.presentation.main+xml",
    (
        "presentationml.slide+xml", "presentationml.notesSlide+xml",
        "drawingml.diagramData+xml", "ms-office.drawingml.diagramDrawing+xml",
    ),
    ((_DRAWING, "p"),),
)  # fmt: skip
_XLSX = _Kind(
    "spreadsheetml.sheet.main+xml",
    (
        "spreadsheetml.sharedStrings+xml", "spreadsheetml.worksheet+xml",
        "spreadsheetml.comments+xml",
    ),
    ((_SHEET, "si"), (_SHEET, "is"), (_SHEET, "text")),
)  # fmt: skip


class _Office:
    kind: _Kind

    def open(self, data: bytes, limits: Limits, languages: Languages) -> _OfficeDocument:
        return _OfficeDocument(Archive(data, limits), self.kind, limits)


class Docx(_Office):
    name = "Word"
    suffixes = (".docx",)
    media_type = _PREFIX + "wordprocessingml.document"
    kind = _DOCX


class Pptx(_Office):
    name = "PowerPoint"
    suffixes = (".pptx",)
    media_type = _PREFIX + "presentationml.presentation"
    kind = _PPTX


class Xlsx(_Office):
    name = "Excel"
    suffixes = (".xlsx",)
    media_type = _PREFIX + "spreadsheetml.sheet"
    kind = _XLSX


class _OfficeDocument:
    def __init__(self, archive: Archive, kind: _Kind, limits: Limits) -> None:
        self._archive = archive
        self._parts: dict[str, tuple[bytes, list[PatchUnit[bytes]]]] = {}
        types = _content_types(archive, limits)
        if not any(found.endswith(kind.main) for found in types.values()):
            raise DocumentError("not a file of the application that its name says")
        fixed = _column_names(archive, types, limits) if kind is _XLSX else frozenset()
        for name in sorted((n for n in types if types[n].endswith(kind.parts)), key=_natural):
            source = in_utf8(archive.read(name))
            blocks = find(source, kind.is_block, limits)
            units = [u for b in blocks if (u := _unit(source, b, fixed)) is not None]
            if units:
                self._parts[name] = (source, units)
        self.units = [unit for _, units in self._parts.values() for unit in units]

    def save(self) -> bytes:
        changed = {
            name: patched(source, units)
            for name, (source, units) in self._parts.items()
            if any(unit.translation is not None for unit in units)
        }
        return self._archive.rewritten(changed)


def _unit(source: bytes, block: Element, fixed: frozenset[str]) -> PatchUnit[bytes] | None:
    if fixed and block.text in fixed:
        return None
    space = b"" if _DRAWING in block.uri + "/" else _KEEP_SPACE
    return Paragraph(source, block, space).unit()


def _natural(name: str) -> list[int | str]:
    """slide2 before slide10; the main part before headers and notes is by luck of the alphabet."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _content_types(archive: Archive, limits: Limits) -> dict[str, str]:
    """Content type of every part that is named with one, as ``[Content_Types].xml`` says."""
    source = in_utf8(archive.read(_TYPES))
    overrides = find(source, lambda uri, name: name == "Override", limits)
    named = {o.attribute("PartName").lstrip("/"): o.attribute("ContentType") for o in overrides}
    return {posixpath.normpath(n): t for n, t in named.items() if n in archive.names}


def _column_names(archive: Archive, types: dict[str, str], limits: Limits) -> frozenset[str]:
    """Names of table columns: Excel wants the same words in their cells, and formulas use them."""
    names: set[str] = set()
    for part, kind in types.items():
        if kind.endswith("spreadsheetml.table+xml"):
            source = in_utf8(archive.read(part))
            columns = find(source, lambda uri, name: name == "tableColumn", limits)
            names |= {c.attribute("name").replace("_x000a_", "\n") for c in columns}
    return frozenset(names)
