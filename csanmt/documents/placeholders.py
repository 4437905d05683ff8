"""Parts of a text that a program reads and a translator must not touch.

Addresses, printf and brace placeholders, template expressions, markup in messages,
and ICU messages, whose arms are translated while their syntax stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from csanmt.documents.segments import Piece, Segment, Tag, joined

ADDRESS = (
    r"(?:https?|ftp)://[^\s<>\"'，。；！？、（）《》“”]+"
    r"|\b[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
)
_MESSAGE = (
    r"\{\{[^{}]{0,200}\}\}|\$\{[^{}]*\}|%\{[^{}]*\}|#\{[^{}]*\}"  # templates
    r"|%(?:\([^()]*\))?[-+ #0]{0,5}(?:\d{1,3}\$)?\d{0,4}(?:\.\d{1,4})?(?:hh|ll|[hlzjtL])?"
    r"[diouxXeEfFgGcrsa@%]"
    r"|\{[A-Za-z_0-9.$:\[\]!<>-]*\}"  # {0}, {name}, {name:>10}
    r"|\{\s*[\w.]+\s*,\s*(?:number|date|time|spellout|ordinal|duration)[^{}]*\}"
    r"|</?[A-Za-z][^<>]*>"  # markup in a message
    r"|&(?:[A-Za-z]+|#\d+|#x[0-9A-Fa-f]+);"
    r"|\$t\([^()]*\)"
)
IN_TEXT = re.compile(ADDRESS)
_IN_MESSAGES = re.compile(f"{ADDRESS}|{_MESSAGE}")
_IN_ARMS = re.compile(f"{_IN_MESSAGES.pattern}|#")
_ICU = re.compile(r"\{\s*[\w.]+\s*,\s*(?:plural|select|selectordinal)\s*,")


@dataclass(frozen=True, slots=True)
class Protected:
    """A text whose untouchable parts have become tags; ``raw`` is the text of each tag."""

    segment: Segment
    raw: tuple[str, ...]

    def restore(self, segment: Segment) -> str:
        """The text again, from a translation of ``segment``."""
        return "".join(p if isinstance(p, str) else self.raw[p.key] for p in segment)


def protect(text: str) -> Protected:
    """Take the untouchable parts out of a message."""
    raw: list[str] = []
    pieces: list[Piece] = []

    def keep(part: str, kind: Literal["atom", "break"] = "atom") -> None:
        pieces.append(Tag(kind, len(raw)))
        raw.append(part)

    parts, pattern = [(text, False)], _IN_MESSAGES
    if _ICU.search(text):
        parts, pattern = _icu_parts(text), _IN_ARMS
    for part, syntax in parts:
        if syntax:
            keep(part, "break")
            continue
        at = 0
        for found in pattern.finditer(part):
            pieces.append(part[at : found.start()])
            keep(found[0])
            at = found.end()
        pieces.append(part[at:])
    return Protected(joined(pieces), tuple(raw))


def _icu_parts(text: str) -> list[tuple[str, bool]]:
    """Texts of a message (False) and the ICU syntax between them (True).

    Text lies at every even depth of braces, except that a plain ``{name}`` is left in it.
    """
    parts: list[tuple[str, bool]] = []
    depth = start = i = 0
    while i < len(text):
        inside = depth % 2 == 1
        if not inside and (simple := _IN_MESSAGES.match(text, i)):
            i = simple.end()
            continue
        if text[i] == "{":
            end = i + inside  # an arm begins after its brace, an argument with it
            parts.append((text[start:end], inside))
            start, depth = end, depth + 1
        elif text[i] == "}" and depth:
            end = i + inside
            parts.append((text[start:end], inside))
            start, depth = end, depth - 1
        i += 1
    parts.append((text[start:], depth % 2 == 1))
    return [part for part in parts if part[0]]
