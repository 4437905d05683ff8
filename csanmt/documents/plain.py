"""Plain text: a unit is a paragraph; blank lines, line ends and encoding stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from csanmt.documents.encoding import decode
from csanmt.documents.limits import Limits
from csanmt.documents.patches import Change, Patches, PatchUnit, patched
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import Piece, Segment, Tag, joined

Encode = Callable[[str], bytes]
Render = Callable[[Segment, Patches[str]], str]
Kept = tuple[int, int, Tag]  # start, end, and the tag that stands for the range
_PARAGRAPH = re.compile(r"\S(?:[^\n]|\n(?![ \t\r]*(?:\n|$)))*")


class PlainText:
    name = "Plain text"
    suffixes = (".txt", ".text")
    media_type = "text/plain; charset=utf-8"

    def open(self, data: bytes, limits: Limits, languages: Languages) -> TextDocument:
        source = decode(data)
        units = [
            unit_with_tags(source.text, *m.span(), ()) for m in _PARAGRAPH.finditer(source.text)
        ]
        return TextDocument(source.text, units, source.encode)


class TextDocument:
    """A text of which some ranges are translated; ``encode`` makes its bytes."""

    def __init__(self, text: str, changes: Sequence[Change[str]], encode: Encode) -> None:
        self._text, self._changes, self._encode = text, changes, encode
        self.units = [unit for change in changes for unit in change.units]

    def save(self) -> bytes:
        return self._encode(patched(self._text, self._changes))


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
