"""Tables as text, csv and tsv: cells are translated, what parts them and quotes stay."""

from __future__ import annotations

import re
from collections.abc import Iterator

from csanmt.documents.encoding import decode
from csanmt.documents.limits import Limits
from csanmt.documents.metering import metered
from csanmt.documents.patches import Patches, PatchUnit
from csanmt.documents.plain import TextDocument, unit_with_tags
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import Segment

_SAMPLE = 20_000  # characters in which the delimiter is looked for
_QUOTED = '"(?:[^"]|"")*+"'


class _Table:
    delimiters = ""

    def open(self, data: bytes, limits: Limits, languages: Languages) -> TextDocument:
        source = decode(data)
        delimiter = self._delimiter(source.text[:_SAMPLE])
        return TextDocument(
            source.text,
            metered(_cells(source.text, delimiter), limits),
            source.encode,
            lambda result: self.open(source.again(result), limits, languages),
        )

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


def _cells(text: str, delimiter: str) -> Iterator[PatchUnit[str]]:
    bare = rf"[^{re.escape(delimiter)}\r\n]++"
    cell = re.compile(rf"(?P<quoted>{_QUOTED})(?=[{re.escape(delimiter)}\r\n]|\Z)|{bare}")
    for found in cell.finditer(text):
        quoted = found["quoted"] is not None
        value = found[0][1:-1].replace('""', '"') if quoted else found[0]
        if not value.strip():
            continue
        inner = unit_with_tags(value, 0, len(value), ())
        yield PatchUnit(inner.segment, *found.span(), _rendering(inner, delimiter, quoted=quoted))


def _rendering(inner: PatchUnit[str], delimiter: str, *, quoted: bool):  # type: ignore[no-untyped-def]
    def render(segment: Segment, patches: Patches[str]) -> str:
        text = inner.render(segment, patches)
        if quoted or any(c in text for c in (delimiter, '"', "\n", "\r")):
            return '"' + text.replace('"', '""') + '"'
        return text

    return render
