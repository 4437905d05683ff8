"""Builds one segment out of the tokens between two structural tags."""

from __future__ import annotations

import re
import unicodedata

from csanmt.markup.segments import Segment, Tag, TagKind, TextOrTag, joined, pair

_WHITE = re.compile(r"[ \t\n\r\f]+")
_SPACES = " \t\r\f\n"  # a wide blank is text: it indents
Range = tuple[int, int]


class Run:
    """Text, tags and the rest in the order they come; ``raw`` of a tag is its place."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._items: list[TextOrTag] = []
        self._last = ""  # character of the text
        self._open: list[tuple[int, int]] = []  # token and item of the start tags that wait
        self._unopened: list[Tag] = []  # of end tags whose start tags stand before this run
        self.start = self.end = -1

    @property
    def empty(self) -> bool:
        return self.start < 0

    def reach(self, start: int, end: int) -> None:
        """Take this part of the source into the run."""
        self.start, self.end = start if self.empty else self.start, end

    def text(self, text: str, *, collapse: bool) -> None:
        """Add plain text. With ``collapse`` white space is as HTML shows it."""
        if text := self._collapsed(text) if collapse else text:
            self._items.append(text)
            self._last = text[-1]

    def _collapsed(self, text: str) -> str:
        def shown(found: re.Match[str]) -> str:
            left = text[found.start() - 1] if found.start() else self._last
            right = text[found.end() : found.end() + 1]
            if left in (" ", "\n") and left:
                return ""
            wide = all(c and unicodedata.east_asian_width(c) in "WF" for c in (left, right))
            return "" if wide and "\n" in found.group() else " "

        return _WHITE.sub(shown, text)

    def tag(self, kind: TagKind, place: Range) -> None:
        """Add what is no text and has no partner."""
        self._items.append(Tag(kind, place))
        self._last = {"break": "\n", "atom": "x"}.get(kind, self._last)

    def open(self, token: int, place: Range, *, note: bool) -> None:
        """A start tag that has its end tag, here or behind this run."""
        self._open.append((token, len(self._items)))
        self._items.append(Tag("open", place, note=note))

    def close(self, token: int, place: Range) -> None:
        """An end tag; ``token`` is the index of its start tag.

        Pairs do not cross, so that is the innermost open one, or it stood before this run
        and none is open.
        """
        if self._open and self._open[-1][0] == token:
            self._pair(place)
        else:
            opening, closing = pair((self.start, self.start), place)
            self._unopened.append(opening)
            self._items.append(closing)

    def _pair(self, closing: Range) -> None:
        at = self._open.pop()[1]
        opening = self._items[at]
        assert isinstance(opening, Tag)
        self._items[at], close = pair(opening.raw, closing, note=opening.note)
        self._items.append(close)

    def finish(self) -> tuple[int, int, Segment] | None:
        """Its place and what it says; None: no word that a translator would read.

        What began before this run, or goes on behind it, begins and ends with it. White space
        at the ends stays outside, but for lines: they may be those of ``<pre>``.
        """
        texts = [item for item in self._items if isinstance(item, str)]
        if not any(c.isalnum() for text in texts for c in text):
            return None
        lines = any(isinstance(item, Tag) and item.kind == "break" for item in self._items)
        first, last = self._items[0], self._items[-1]
        raw = self._source[self.start : self.end]
        if isinstance(first, str) and not lines:
            self.start += len(raw) - len(raw.lstrip(_SPACES))
            self._items[0] = first.lstrip(_SPACES)
        if isinstance(last, str) and not lines:
            self.end -= len(raw) - len(raw.rstrip(_SPACES))
            self._items[-1] = str(self._items[-1]).rstrip(_SPACES)
        while self._open:
            self._pair((self.end, self.end))
        return self.start, self.end, joined([*reversed(self._unopened), *self._items])
