"""Tables as text, csv and tsv: cells are translated, what parts them and quotes stay."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from csanmt.documents.leftovers import Part, count
from csanmt.documents.patches import Patches, PatchUnit
from csanmt.documents.plain import Render, TextFormat, unit_with_tags
from csanmt.documents.segments import Segment

_SAMPLE = 20_000  # characters in which the delimiter is looked for
_LITERAL = re.compile(r'"((?:[^"]|"")*+)"')  # in a formula
_QUOTED = '"(?:[^"]|"")*+"'


class _Table(TextFormat):
    delimiters = ""

    def changes(self, text: str, kept: Counter[Part]) -> Iterator[PatchUnit[str]]:
        return _cells(text, self._delimiter(text[:_SAMPLE]), kept)

    def _delimiter(self, sample: str) -> str:
        """The one that most lines have equally often; quoted ones do not count."""
        bare = re.sub(_QUOTED, "", sample)
        lines = [line for line in bare.splitlines() if line.strip()][:100]

        def steadiness(delimiter: str) -> tuple[int, int]:
            counts = [line.count(delimiter) for line in lines]
            first = counts[0] if counts else 0
            return (sum(c == first for c in counts) if first else 0, first)

        return max(self.delimiters, key=steadiness)


class Csv(_Table):
    name = "CSV"
    suffixes = (".csv",)
    media_type = "text/csv"
    delimiters = ",;\t|，"


class Tsv(_Table):
    name = "TSV"
    suffixes = (".tsv", ".tab")
    media_type = "text/tab-separated-values"
    delimiters = "\t"


def _cells(text: str, delimiter: str, kept: Counter[Part]) -> Iterator[PatchUnit[str]]:
    """Cells with a text; formulas stay, and so does what they name."""
    bare = rf"[^{re.escape(delimiter)}\r\n]++"
    cell = re.compile(rf"(?P<quoted>{_QUOTED})(?=[{re.escape(delimiter)}\r\n]|\Z)|{bare}")
    named = {
        literal
        for found in (cell.finditer(text) if "=" in text else ())
        if (value := _value(found)).startswith("=")
        for literal in _LITERAL.findall(value)
    }
    for found in cell.finditer(text):
        value = _value(found)
        if value.startswith("=") or value in named:
            kept += count("named" if value in named else "formulas", [value])
        elif value.strip():
            inner = unit_with_tags(value, 0, len(value), ())
            render = _rendering(inner, delimiter, quoted=found["quoted"] is not None)
            yield PatchUnit(inner.segment, *found.span(), render)


def _value(cell: re.Match[str]) -> str:
    return cell[0] if cell["quoted"] is None else cell[0][1:-1].replace('""', '"')


def _rendering(inner: PatchUnit[str], delimiter: str, *, quoted: bool) -> Render:
    def render(segment: Segment, patches: Patches[str]) -> str:
        text = inner.render(segment, patches)
        if quoted or any(c in text for c in (delimiter, '"', "\n", "\r")):
            return '"' + text.replace('"', '""') + '"'
        return text

    return render
