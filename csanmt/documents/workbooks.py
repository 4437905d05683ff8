"""What is special about Excel's workbooks: what names its cells, prompts, page headers.

The formulas are calculated anew when the file is opened.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from csanmt.documents.archives import Package
from csanmt.documents.formulas import NamedCells
from csanmt.documents.leftovers import Part, chinese, count
from csanmt.documents.limits import Limits
from csanmt.documents.patches import PatchUnit
from csanmt.documents.xml_source import Element, escaped, find
from csanmt.documents.xml_units import Units, attribute_unit, unit_of
from csanmt.markup.segments import Segment, Tag, TagKind, TextOrTag, joined
from csanmt.tables import read_toml

_TABLE = read_toml(Path(__file__).with_name("office.toml"))
_NAMING: dict[str, str] = _TABLE["naming"]
_FORMULAS, _HEADERS, _ARE_NAMES = (
    frozenset(_TABLE["workbook"][key]) for key in ("formulas", "headers", "names")
)
# Excel calls a workbook damaged where one is longer.
_PROMPTS = {"promptTitle": 32, "prompt": 255, "errorTitle": 32, "error": 225}
_LONGEST_HEADER = 255
_CODE = re.compile(
    r'&(?:"[^"]*"|K(?:[0-9A-Fa-f]{6}|\d\d[+-]\d{3})|\d{1,3}|[LCRPNDTAFZGBIUESXYOH&+-])'
)
_SECTIONS = frozenset({"&L", "&C", "&R"})
_SHOWN = frozenset({"&P", "&N", "&D", "&T", "&A", "&F", "&Z"})
_BEFORE_CALCULATION = ("sheets", "functionGroups", "externalReferences", "definedNames")
_WISH = b' fullCalcOnLoad="1"'
_WISHED = re.compile(rb"""\sfullCalcOnLoad\s*=\s*["'][^"']*["']""")


class Workbook:
    """The first reading of a workbook: what its cells are named by; counts in ``kept``."""

    def __init__(
        self, package: Package, main: tuple[str, ...], limits: Limits, kept: Counter[Part]
    ) -> None:
        self._package, self._main, self._limits, self.kept = package, main, limits, kept
        self._named = NamedCells(kept)
        self._string_cells = self._calculates = False
        for part in package.of_types((*_TABLE["workbook"]["parts"], *main)):
            source = package.archive.xml(part)
            self._string_cells |= re.search(rb"""\st=["']str["']""", source) is not None
            for element in find(source, limits, *_FORMULAS, *_NAMING, "sheet"):
                self._take(element)
        self.kept += count("names", self._named.names)
        self._number_formats()

    def _take(self, element: Element) -> None:
        """Note what an element names."""
        if element.name in ("sheet", "definedName"):
            self._named.names.add(element.attribute("name"))
        if element.name in _NAMING:
            text = element.attribute(_NAMING[element.name]).replace("_x000a_", "\n")
            self._named.name(text)
            for caption in _TABLE["workbook"]["captions"]:
                self._named.name(element.attribute(caption))
            if element.name in _ARE_NAMES:
                self._named.names.add(text)
            return
        self._calculates |= element.name == "f"
        self._named.formula(element.text)

    def _number_formats(self) -> None:
        """Formats that are used and write Chinese beside the number."""
        for part in self._package.of_types(("spreadsheetml.styles+xml",)):
            found = find(self._package.archive.xml(part), self._limits, "numFmt", "xf")
            used = {e.attribute("numFmtId") for e in found if e.name == "xf"}
            formats = [e for e in found if e.name == "numFmt" and e.attribute("numFmtId") in used]
            self.kept += count("number_formats", (e.attribute("formatCode") for e in formats))

    # ---- the second reading

    def is_named(self, block: Element) -> bool:
        """Whether a string has to stay as it is; it is counted then."""
        if block.name == "text":  # a comment
            return False
        return self._named.stays("".join(t.text for t in _texts(block)))

    def wants(self, name: str) -> bool:
        """Elements of sheets that hold text in a way of their own."""
        return name == "dataValidation" or name in _HEADERS or (name == "c" and self._string_cells)

    def units(self, source: bytes, element: Element) -> Units:
        if element.name == "dataValidation":
            return [
                attribute_unit(source, element, name, longest=longest)
                for name, longest in _PROMPTS.items()
            ]
        if element.name in _HEADERS:
            return [_header(element)] if chinese(element.text) else []
        return self._string_cell(source, element)

    def _string_cell(self, source: bytes, cell: Element) -> list[PatchUnit[bytes]]:
        """A cell that holds its text itself: typed in (SheetJS), or what a formula gave."""
        value = next(cell.elements("v"), None)
        if cell.attribute("t") != "str" or value is None or not chinese(value.text):
            return []
        if any(chinese(f.text) for f in cell.elements("f")) or self._named.stays(value.text):
            return []
        return [unit_of(value)]

    # ---- writing

    def recalculated(self) -> dict[str, bytes]:
        """The workbook's part with the wish that formulas be calculated when it is opened."""
        if not self._calculates:
            return {}
        (part,) = self._package.of_types(self._main)[:1]
        source = self._package.archive.xml(part)
        found = find(source, self._limits, "calcPr", *_BEFORE_CALCULATION)
        known = next((element for element in found if element.name == "calcPr"), None)
        if known is not None:
            at = known.start + 1 + len(known.tag.encode())
            new, wished = _WISHED.subn(_WISH, source[at : known.inner])
            new = new if wished else _WISH + new
            return {part: source[:at] + new + source[known.inner :]}
        if not found:
            return {}
        at, prefix = found[-1].end, found[-1].tag.removesuffix(found[-1].name)
        return {part: source[:at] + b"<%scalcPr%s/>" % (prefix.encode(), _WISH) + source[at:]}


def _texts(block: Element) -> Iterator[Element]:
    """The texts of a string, without how they are read."""
    for child in block.elements():
        if child.name == "t":
            yield child
        elif child.name == "r":
            yield from child.elements("t")


def _header(element: Element) -> PatchUnit[bytes]:
    """A page's header or footer, with its codes for sections, fonts and page numbers."""
    pieces: list[TextOrTag] = []
    at = 0
    for code in _CODE.finditer(text := element.text):
        pieces.append(text[at : code.start()])
        at = code.end()
        kind: TagKind = "atom" if code[0] in _SHOWN else "point"
        kind = "break" if code[0] in _SECTIONS else kind
        pieces.append("&" if code[0] == "&&" else Tag(kind, code[0]))

    def render(segment: Segment, _: object) -> bytes | None:
        out = ""
        for piece in segment:
            if isinstance(piece, Tag):
                out += piece.raw
            else:
                sized = out[-1:].isdigit() and piece[:1].isdigit()
                out += " " * sized + piece.replace("&", "&&")
        return escaped(out) if len(out) <= _LONGEST_HEADER else None

    return PatchUnit(joined([*pieces, text[at:]]), element.inner, element.outer, render)
