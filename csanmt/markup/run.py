"""Builds one ``MarkedText`` out of the tokens between two structural tags."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

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


@dataclass(slots=True, eq=False)
class _Node:
    """A mark in the making; ``end`` is None while it is open."""

    start: int
    end: int | None
    opening: str = ""
    closing: str = ""
    solid: int = 0  # visible characters and breaks before it
    inside: list[_Node] = field(default_factory=list)


class Run:
    """Text, tags and the rest in the order they come; ``finish`` makes a ``MarkedText``."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._length = 0
        self._solid = 0
        self._top: list[_Node] = []
        self._open: list[tuple[int, _Node]] = []  # token index of the start tag, and its node
        self._atoms: dict[str, str] = {}
        self._breaks: list[str] = []
        self.raw: list[str] = []  # everything as it was

    @property
    def empty(self) -> bool:
        return not self.raw

    @property
    def wordless(self) -> bool:
        """No character that a translator would read."""
        return not any(c.isalnum() for part in self._text for c in part)

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
        before = self._text[-1][-1:] if self._text else ""

        def shown(found: re.Match[str]) -> str:
            left = text[found.start() - 1] if found.start() else before
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

    def _add(self, text: str) -> None:
        self._text.append(text)
        self._length += len(text)
        self._solid += sum(not c.isspace() for c in text)

    def open(self, token: int, raw: str) -> None:
        """A start tag that has its end tag, here or behind this run."""
        node = _Node(self._length, None, raw, solid=self._solid)
        self._siblings().append(node)
        self._open.append((token, node))

    def close(self, token: int, raw: str) -> None:
        """An end tag; ``token`` is the index of its start tag.

        Pairs do not cross, so that is the innermost open one, or it stood before this run
        and none is open.
        """
        if self._open and self._open[-1][0] == token:
            _, node = self._open.pop()
            node.closing = raw
        else:
            node = _Node(0, None, "", raw, inside=self._top)
            self._top = [node]
        self._end(node)

    def _end(self, node: _Node) -> None:
        """What stands open ends here, or goes on in a later run."""
        node.end = node.start if self._solid == node.solid else self._length

    def point(self, raw: str) -> None:
        """A tag or comment that stands for no word."""
        self._siblings().append(_Node(self._length, self._length, raw))

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
        self._add("\n")
        self._solid += 1

    def _siblings(self) -> list[_Node]:
        return self._open[-1][1].inside if self._open else self._top

    def finish(self) -> MarkedText:
        for _, node in self._open:
            self._end(node)
        text = "".join(self._text)
        marks: list[Mark] = []
        todo = [(node, ROOT) for node in reversed(self._top)]
        while todo:
            node, parent = todo.pop()
            end = node.start if node.end is None else node.end
            if node.start == end:
                marks.append(Mark(end, end, _whole(node), parent))
                continue
            marks.append(Mark(node.start, end, (node.opening, node.closing), parent))
            todo += [(child, len(marks) - 1) for child in reversed(node.inside)]
        return whole_words(MarkedText(text, tuple(marks), dict(self._atoms), tuple(self._breaks)))


def _whole(node: _Node) -> str:
    """An element without text is one thing, with whatever elements it holds."""
    todo: list[_Node | str] = [node]
    raw: list[str] = []
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            raw.append(item)
            continue
        raw.append(item.opening)
        todo += [item.closing, *reversed(item.inside)]
    return "".join(raw)
