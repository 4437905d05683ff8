"""The marks within a Markdown paragraph as tags, and a translation written as Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from csanmt.documents.patches import Patches, PatchUnit
from csanmt.documents.segments import Piece, Segment, Tag, joined
from csanmt.protected.finder import find

_DESTINATION = r"\((?:[^()\\]|\\.|\([^()]*\))*\)"
_MARK = re.compile(
    rf"""
    (?P<code>(?P<ticks>`+)(?!`).{{1,5000}}?(?<!`)(?P=ticks)(?!`))
  | (?P<image>!\[(?:[^\[\]\\]|\\.)*\](?:{_DESTINATION}|\[[^\[\]]*\])?)
  | (?P<note>\[\^[^\[\]]+\]:?)
  | (?P<task>\A\[[ xX]\](?=\s))
  | (?P<link>\](?:{_DESTINATION}|\[[^\[\]]*\]))
  | (?P<bracket>\[)
  | (?P<escape>\\[!-/:-@\[-`{{-~])
  | (?P<tag><[^<>\s][^<>]*>)
  | (?P<math>\$\$.+?\$\$|\$(?=[^\s$])[^$\n]*?(?<=[^\s$])\$(?!\d))
  | (?P<entity>&(?:\#\d+|\#x[0-9a-fA-F]+|[A-Za-z]\w*);)
  | (?P<break>(?:\ {{2,}}|\\)\n)
  | (?P<emphasis>\*{{1,3}}|_{{1,3}}|~~)
    """,
    re.X | re.S,
)
MOST_WAITING = 50  # marks without a partner so far; older ones are text
# What Markdown itself reads, and marks that give way to something protected.
_AS_MARKDOWN = frozenset({"code", "tag", "comment", "entity", "escape"})
_LOOSE = frozenset({"emphasis", "bracket", "escape"})
_ELEMENT = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)(?=[\s/>])")
_VOID = frozenset({"br", "img", "wbr", "hr", "input"})
_KINDS: dict[str, Literal["atom", "point", "break"]] = {
    "break": "break", "note": "point", "task": "point",
}  # fmt: skip
_SPECIAL = re.compile(
    r"[*`\[\]~]|<(?=[A-Za-z/!?])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|\\(?=[!-/:-@\[-`{-~])"
)
_BLOCK_START = re.compile(r"(?:(?=[-+>#=])|(\d{1,9})(?=[.)](?:\s|$)))")


def inline_unit(text: str, places: Sequence[tuple[int, int]], *, cell: bool) -> PatchUnit[str]:
    """A unit of the content at ``places``, one a line of the block.

    Args:
        cell: of a table, where a pipe has to be written with a backslash.
    """
    start, end = places[0][0], places[-1][1]
    reader = _Reader(text, places)

    def render(segment: Segment, _patches: Patches[str]) -> str:
        out = []
        for i, piece in enumerate(segment):
            if isinstance(piece, Tag):
                out.append(reader.raw[piece.kind, piece.key])
            else:
                out.append(_escaped(piece, first=i == 0 and not cell, cell=cell))
        return "".join(out)

    return PatchUnit(reader.segment, start, end, render)


class _Reader:
    """Pairs marks with each other; what has no partner is text."""

    def __init__(self, text: str, places: Sequence[tuple[int, int]]) -> None:
        content, self._gaps = _content(text, places)
        self.raw: dict[tuple[str, int], str] = {}
        self._items: list[Piece] = []
        self._waiting: list[tuple[str, int]] = []  # mark and its index in the items
        at = 0
        for start, end, found in _marks(content):
            self._items.append(_soft(content[at:start]))
            if found:
                self._take(found)
            else:
                self._single("atom", content[start:end])
            at = end
        self._items.append(_soft(content[at:]))
        self.segment = joined(self._items)

    def _take(self, found: re.Match[str]) -> None:
        kind, raw = found.lastgroup or "", found[0]
        if found["code"]:
            kind = "code"
        if kind == "bracket":
            self._open(raw)
        elif kind == "link":
            if not self._close("[", raw):
                self._items.append(_soft(raw))
        elif kind == "emphasis":
            self._emphasis(found)
        elif kind == "escape":
            self._items.append(raw[1:])
        elif kind == "entity":
            self._items.append(html.unescape(raw))
        elif kind == "tag":
            self._element(raw)
        else:
            self._single(_KINDS.get(kind, "atom"), raw + self._gap(found))

    def _single(self, kind: Literal["atom", "point", "break"], raw: str) -> None:
        key = len(self._items)
        self.raw[kind, key] = raw
        self._items.append(Tag(kind, key))

    def _element(self, raw: str) -> None:
        """An inline HTML tag, or an address in angle brackets."""
        name = _ELEMENT.match(raw)
        if name is None:
            self._single("atom", raw)
        elif name[1]:
            if not self._close(name[2].lower(), raw):
                self._single("point", raw)
        elif raw.endswith("/>") or name[2].lower() in _VOID:
            self._single("break" if name[2].lower() == "br" else "point", raw)
        else:
            self._open(raw, name[2].lower())

    def _gap(self, found: re.Match[str]) -> str:
        """What the next line of the source begins with (``> ``), where a line end is kept."""
        if not found["break"]:
            return ""
        return self._gaps[found.string.count("\n", 0, found.start())]

    def _emphasis(self, found: re.Match[str]) -> None:
        text, raw = found.string, found[0]
        before, after = text[: found.start()][-1:], text[found.end() :][:1]
        within = raw[0] == "_" and _latin(before) and _latin(after)
        if within:
            self._items.append(raw)
        elif not (before.strip() and self._close(raw, raw)):
            if after.strip():
                self._open(raw)
            else:
                self._items.append(raw)

    def _open(self, raw: str, mark: str = "") -> None:
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[: MOST_WAITING // 2]
        self._waiting.append((mark or raw, len(self._items)))
        self._items.append(raw)  # text until its partner comes

    def _close(self, mark: str, raw: str) -> bool:
        for i in range(len(self._waiting) - 1, -1, -1):
            if self._waiting[i][0] == mark:
                key = self._waiting[i][1]
                del self._waiting[i:]
                opening = self._items[key]
                assert isinstance(opening, str)
                self.raw["open", key], self.raw["close", key] = opening, raw
                self._items[key] = Tag("open", key)
                self._items.append(Tag("close", key))
                return True
        return False


def _marks(content: str) -> Iterator[tuple[int, int, re.Match[str] | None]]:
    """Marks, and (None) what is protected in the text between; neither lies in the other."""
    pieces = [p for p in find(content) if p.family.name not in _AS_MARKDOWN]
    at, k = 0, 0
    while True:
        found = _MARK.search(content, at)
        while k < len(pieces) and pieces[k].start < at:
            k += 1
        piece = pieces[k] if k < len(pieces) else None
        loose = found is not None and found.lastgroup in _LOOSE
        if piece and (not found or piece.start < found.start() + loose):
            yield piece.start, piece.end, None
            at = piece.end
        elif found:
            yield found.start(), found.end(), found
            at = found.end()
        else:
            return


def _content(text: str, places: Sequence[tuple[int, int]]) -> tuple[str, list[str]]:
    """The lines as one text, and for each line end what stands before the next line."""
    lines, gaps = [], []
    for i, (start, end) in enumerate(places):
        following = places[i + 1][0] if i + 1 < len(places) else end
        between = text[end:following]
        head, _, gap = between.partition("\n")
        lines.append(text[start:end] + head)  # two blanks at its end are a line break
        gaps.append(gap)
    return "\n".join(lines), gaps


def _soft(text: str) -> str:
    """A line end is a blank between words, and nothing within Chinese."""
    joined_text = re.sub(r"(?<=[⺀-\uffee])[ \t]*\n[ \t]*(?=[⺀-\uffee])", "", text)
    return re.sub(r"[ \t]*\n[ \t]*", " ", joined_text)


def _latin(character: str) -> bool:
    return character.isalnum() and character.isascii()


def _escaped(text: str, *, first: bool, cell: bool) -> str:
    result = _SPECIAL.sub(r"\\\g<0>", text)
    if cell:
        result = result.replace("|", "\\|")
    return (
        _BLOCK_START.sub(r"\1\\", result, count=1)
        if first and _BLOCK_START.match(result)
        else result
    )
