"""Formats that are text: some ranges of it are translated, every other one stays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from csanmt.documents.encoding import Decoded, decode
from csanmt.documents.leftovers import Part
from csanmt.documents.limits import Limits, Meter
from csanmt.documents.patches import Change, PatchUnit, patched, range_unit
from csanmt.documents.protocol import Languages, OpenDocument
from csanmt.markup.segments import Tag

# What of a text may be translated, in order; counts the Chinese that is not.
Changes = Callable[[str, Counter[Part], Languages], Iterable[Change[str]]]
_GAP = re.compile(r"\n[ \t\r]*+(?=\n|\Z)")  # the border between paragraphs
_COLUMNS = re.compile(r"\t+|(?<=\S)(?: {3,}+|　{2,}+)(?=\S)")  # what parts them


@dataclass(slots=True)
class TextDocument:
    """A text with its changes."""

    source: Decoded
    changes: list[Change[str]]
    kept: Counter[Part]

    @property
    def units(self) -> list[PatchUnit[str]]:
        return [change for change in self.changes if isinstance(change, PatchUnit)]

    def save(self) -> bytes:
        return self.source.encode(patched(self.source.text, self.changes))


def text_format(
    changes: Changes, decoded: Callable[[bytes], Decoded] = decode
) -> Callable[[bytes, Limits, Languages], OpenDocument]:
    """How such a format is opened."""

    def opened(data: bytes, limits: Limits, languages: Languages) -> TextDocument:
        document, meter = TextDocument(decoded(data), [], Counter()), Meter(limits)
        for change in changes(document.source.text, document.kept, languages):
            if isinstance(change, PatchUnit):
                meter.count(change.text.characters)
            document.changes.append(change)
        return document

    return opened


@text_format
def plain_text(text: str, _kept: Counter[Part], _: Languages) -> Iterator[PatchUnit[str]]:
    """Paragraphs; blank lines, line ends and what parts columns stay."""
    for place in paragraphs(text, 0, len(text)):
        tabs = [(*tab.span(), Tag("break", tab[0])) for tab in _COLUMNS.finditer(text, *place)]
        yield range_unit(text, *place, tabs)


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
