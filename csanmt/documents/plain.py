"""Plain text: a unit is a paragraph; blank lines, line ends and encoding stay."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from csanmt.documents.encoding import decode
from csanmt.documents.leftovers import Part, count
from csanmt.documents.limits import Limits
from csanmt.documents.metering import metered
from csanmt.documents.patches import Change, Patches, PatchUnit, patched
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import Piece, Segment, Tag, joined

Encode = Callable[[str], bytes]
Render = Callable[[Segment, Patches[str]], str]
Kept = tuple[int, int, Tag]  # start, end, and the tag that stands for the range
_GAP = re.compile(r"\n[ \t\r]*+(?=\n|\Z)")  # the border between paragraphs


class PlainText:
    name = "Plain text"
    suffixes = (".txt", ".text")
    media_type = "text/plain; charset=utf-8"

    def open(self, data: bytes, limits: Limits, languages: Languages) -> TextDocument:
        source = decode(data)
        places = paragraphs(source.text, 0, len(source.text))
        units = (unit_with_tags(source.text, *place, ()) for place in places)
        return TextDocument(
            source.text,
            metered(units, limits),
            source.encode,
            lambda result: self.open(source.again(result), limits, languages),
        )


class TextDocument:
    """A text of which some ranges are translated.

    Args:
        encode: makes its bytes.
        again: opens such a document, to look at what came of this one.
        kept: Chinese in it that no range is made of.
    """

    def __init__(
        self,
        text: str,
        changes: Iterable[Change[str]],
        encode: Encode,
        again: Callable[[bytes], TextDocument],
        kept: Counter[Part] | None = None,
    ) -> None:
        self._text, self._changes, self._encode = text, list(changes), encode
        self._again, self._kept = again, kept or Counter()
        self.units = [unit for change in self._changes for unit in change.units]

    def save(self) -> bytes:
        return self._encode(patched(self._text, self._changes))

    def left(self, data: bytes) -> Counter[Part]:
        document = self._again(data)
        return count("text", (unit.text.text for unit in document.units)) + document._kept


def paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Ranges of what blank lines part, without the white space around."""
    at = start
    for gap in (*_GAP.finditer(text, start, end), None):
        stop = gap.start() if gap else end
        part = text[at:stop]
        if inner := part.strip():
            begin = at + len(part) - len(part.lstrip())
            yield begin, begin + len(inner)
        at = stop


def unit_with_tags(text: str, start: int, end: int, kept: Sequence[Kept]) -> PatchUnit[str]:
    """A unit of ``text[start:end]`` in which the ranges ``kept`` (in order) stay as they are."""
    raw = {(tag.kind, tag.key): text[first:last] for first, last, tag in kept}
    pieces: list[Piece] = []
    at = start
    for first, last, tag in kept:
        pieces += [text[at:first], tag]
        at = last

    def render(segment: Segment, _patches: Patches[str]) -> str:
        return "".join(p if isinstance(p, str) else raw[p.kind, p.key] for p in segment)

    return PatchUnit(joined([*pieces, text[at:end]]), start, end, render)
