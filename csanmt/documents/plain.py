"""Plain text: a unit is a paragraph; blank lines, line ends and encoding stay."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from csanmt.documents.encoding import Decoded, decode
from csanmt.documents.leftovers import Part, count
from csanmt.documents.limits import Limits
from csanmt.documents.patches import Change, Kept, Patches, PatchUnit, coded_unit, metered, patched
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import Segment

Render = Callable[[Segment, Patches[str]], str]
_GAP = re.compile(r"\n[ \t\r]*+(?=\n|\Z)")  # the border between paragraphs


class TextFormat(ABC):
    """A format that is text: some ranges of it are translated, every other one stays."""

    name: str
    suffixes: tuple[str, ...]
    media_type: str

    def open(self, data: bytes, limits: Limits, languages: Languages) -> TextDocument:
        return self.opened(decode(data), limits, languages)

    def opened(self, source: Decoded, limits: Limits, languages: Languages) -> TextDocument:
        """The document of a text that is decoded."""
        kept: Counter[Part] = Counter()
        changes = list(metered(self.changes(source.text, kept), limits))
        return TextDocument(
            source, changes, kept, lambda data: self.open(source.again(data), limits, languages)
        )

    @abstractmethod
    def changes(self, text: str, kept: Counter[Part]) -> Iterable[Change[str]]:
        """What may be translated, in order; counts in ``kept`` the Chinese that is not."""


class TextDocument:
    """A text with its changes; ``again`` opens what came of it."""

    def __init__(
        self,
        source: Decoded,
        changes: list[Change[str]],
        kept: Counter[Part],
        again: Callable[[bytes], TextDocument],
    ) -> None:
        self._source, self._changes, self._kept, self._again = source, changes, kept, again
        self.units = [unit for change in changes for unit in change.units]

    def save(self) -> bytes:
        return self._source.encode(patched(self._source.text, self._changes))

    def left(self, data: bytes) -> Counter[Part]:
        document = self._again(data)
        return count("text", (unit.text.text for unit in document.units)) + document._kept


class PlainText(TextFormat):
    name = "Plain text"
    suffixes = (".txt", ".text")
    media_type = "text/plain; charset=utf-8"

    def changes(self, text: str, kept: Counter[Part]) -> Iterator[PatchUnit[str]]:
        for place in paragraphs(text, 0, len(text)):
            yield unit_with_tags(text, *place, ())


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


def unit_with_tags(text: str, start: int, end: int, kept: Iterable[Kept]) -> PatchUnit[str]:
    """A unit of ``text[start:end]`` in which the ranges ``kept`` (in order) stay as they are."""
    return coded_unit(text, kept, (start, end), str, within=(start, end))
