"""Builds one ``MarkedText`` out of the tokens between two structural tags."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from csanmt.markup.marked import (
    ATOMS,
    MAX_ATOMS,
    ROOT,
    Mark,
    MarkedText,
    atom_character,
    is_atom,
)
from csanmt.markup.words import whole_words

_WHITE = re.compile(r"[ \t\n\r\f]+")


class Run:
    """Text, tags and the rest in the order they come; ``finish`` makes a ``MarkedText``."""

    def __init__(self) -> None:
        self._events: list[tuple[str, str]] = []  # text, break, open, close, point; what it is
        self._last = ""  # character of the text
        self._open: list[int] = []  # token indices of the start tags that wait
        self._unopened = 0  # end tags whose start tags stand before this run
        self._atoms: dict[str, str] = {}
        self._breaks: list[str] = []
        self.raw: list[str] = []  # everything as it was

    @property
    def empty(self) -> bool:
        return not self.raw

    @property
    def wordless(self) -> bool:
        """No character that a translator would read."""
        texts = (value for kind, value in self._events if kind == "text")
        return not any(c.isalnum() for text in texts for c in text)

    def text(self, text: str, *, collapse: bool) -> None:
        """Add plain text. With ``collapse`` white space is as HTML shows it.

        Without it and once a break was added, line breaks are breaks too.
        """
        if collapse:
            text = self._collapsed(text)
        for part in ATOMS.split(text):
            if part and is_atom(part[0]):
                self.atom(part)  # somebody's own private character
            elif part:
                self._add(part)

    def _collapsed(self, text: str) -> str:
        def shown(found: re.Match[str]) -> str:
            left = text[found.start() - 1] if found.start() else self._last
            right = text[found.end() : found.end() + 1]
            if left in (" ", "\n") and left:
                return ""
            wide = all(c and unicodedata.east_asian_width(c) in "WF" for c in (left, right))
            return "" if wide and "\n" in found.group() else " "

        return _WHITE.sub(shown, text)

    def lines(self, text: str) -> None:
        """Add preformatted text: each line break is kept where it is."""
        for i, line in enumerate(re.split("(\r\n|\r|\n)", text)):
            if i % 2:
                self.line_break(line)
            elif line:
                self.text(line, collapse=False)

    def _add(self, text: str, kind: str = "text") -> None:
        self._events.append((kind, text))
        self._last = text[-1:]

    def open(self, token: int, raw: str) -> None:
        """A start tag that has its end tag, here or behind this run."""
        self._open.append(token)
        self._events.append(("open", raw))

    def close(self, token: int, raw: str) -> None:
        """An end tag; ``token`` is the index of its start tag.

        Pairs do not cross, so that is the innermost open one, or it stood before this run
        and none is open.
        """
        if self._open and self._open[-1] == token:
            self._open.pop()
        else:
            self._unopened += 1
        self._events.append(("close", raw))

    def point(self, raw: str) -> None:
        """A tag or comment that stands for no word."""
        self._events.append(("point", raw))

    def atom(self, raw: str) -> None:
        """Something shown as it is, in the place of a word."""
        if len(self._atoms) >= MAX_ATOMS:
            self.point(raw)
            return
        character = atom_character(len(self._atoms))
        self._atoms[character] = raw
        self._add(character)

    def line_break(self, raw: str) -> None:
        self._breaks.append(raw)
        self._add("\n", "break")

    def finish(self) -> MarkedText:
        """What began before this run, or goes on behind it, begins and ends with it."""
        before, behind = [("open", "")] * self._unopened, [("close", "")] * len(self._open)
        parts: list[str] = []
        marks: list[Mark] = []
        opened: list[tuple[int, int]] = []  # mark, and visible characters and breaks before it
        length = solid = 0
        for kind, value in [*before, *self._events, *behind]:
            parent = opened[-1][0] if opened else ROOT
            if kind in ("text", "break"):
                parts.append(value)
                length += len(value)
                solid += kind == "break" or sum(not c.isspace() for c in value)
            elif kind == "close":
                index, already = opened.pop()
                mark = marks[index]
                if solid > already:
                    marks[index] = replace(mark, end=length, data=(mark.data, value))
                else:  # an element without text is one thing, with whatever elements it holds
                    whole = "".join([*(m.data for m in marks[index:]), value])
                    marks[index:] = [replace(mark, data=whole)]
            else:
                if kind == "open":
                    opened.append((len(marks), solid))
                marks.append(Mark(length, length, value, parent))
        text = "".join(parts)
        return whole_words(MarkedText(text, tuple(marks), dict(self._atoms), tuple(self._breaks)))
