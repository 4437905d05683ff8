"""Tables as text, csv and tsv: cells are translated, what parts them and quotes stay."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from csanmt.documents.formulas import NamedCells
from csanmt.documents.leftovers import Part
from csanmt.documents.patches import PatchUnit
from csanmt.documents.plain import Changes, text_format
from csanmt.markup.segments import Segment, written

_SAMPLE = 20_000  # characters in which the delimiter is looked for
_QUOTED = '"(?:[^"]|"")*+"'


def _table(delimiters: str) -> Changes:
    """Cells with a text, parted by one of these; formulas stay, and so does what they name."""
    return lambda text, kept, _: _cells(text, _delimiter(text[:_SAMPLE], delimiters), kept)


def _delimiter(sample: str, delimiters: str) -> str:
    """The one that most lines have equally often, a sentence's comma last; quoted do not count."""
    bare = re.sub(_QUOTED, "", sample)
    lines = [line for line in bare.splitlines() if line.strip()][:100]

    def steadiness(delimiter: str) -> tuple[bool, int, int]:
        counts = [line.count(delimiter) for line in lines]
        first = counts[0] if counts else 0
        return (first > 0 and delimiter != "，", first and counts.count(first), first)

    return max(delimiters, key=steadiness)


def _cells(text: str, delimiter: str, kept: Counter[Part]) -> Iterator[PatchUnit[str]]:
    bare = rf"[^{re.escape(delimiter)}\r\n]++"
    cell = re.compile(rf"(?P<quoted>{_QUOTED})(?=[{re.escape(delimiter)}\r\n]|\Z)|{bare}")
    named = NamedCells(kept)
    for found in cell.finditer(text) if "=" in text else ():
        if (value := _value(found)).startswith("="):
            named.formula(value)
    for found in cell.finditer(text):
        value = _value(found)
        if value.strip() and not value.startswith("=") and not named.stays(value):
            yield _unit(value, found, delimiter)


def _value(cell: re.Match[str]) -> str:
    return cell[0] if cell["quoted"] is None else cell[0][1:-1].replace('""', '"')


def _unit(value: str, cell: re.Match[str], delimiter: str) -> PatchUnit[str]:
    quoted = cell["quoted"] is not None

    def render(segment: Segment, _: object) -> str:
        text = written(segment)
        if quoted or any(c in text for c in (delimiter, '"', "\n", "\r")):
            return '"' + text.replace('"', '""') + '"'
        return text

    return PatchUnit((value,), *cell.span(), render)


csv, tsv = text_format(_table(",;\t|，")), text_format(_table("\t"))
