"""Messages of programs: markup in them is read as tags, so that it moves with its words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from csanmt.documents.segments import Piece, Segment, Tag, joined

_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]{0,60})(?:\s[^<>]{0,1000})?>")


@dataclass(frozen=True, slots=True)
class Message:
    """A text whose paired tags have become tags of the segment; ``raw`` is how each is written."""

    segment: Segment
    raw: dict[tuple[str, int], str]

    def write(self, segment: Segment) -> str:
        """The text again, from a translation of ``segment``."""
        return "".join(p if isinstance(p, str) else self.raw[p.kind, p.key] for p in segment)


def read_message(text: str) -> Message:
    """Tags without a partner, or around nothing, stay text and are protected there."""
    pairs = _pairs(text)
    raw: dict[tuple[str, int], str] = {}
    pieces: list[Piece] = []
    at = 0
    for match, tag in sorted(pairs, key=lambda pair: pair[0].start()):
        pieces += [text[at : match.start()], tag]
        raw[tag.kind, tag.key] = match[0]
        at = match.end()
    return Message(joined([*pieces, text[at:]]), raw)


def _pairs(text: str) -> list[tuple[re.Match[str], Tag]]:
    if "</" not in text:
        return []
    found: list[tuple[re.Match[str], Tag]] = []
    waiting: list[re.Match[str]] = []
    for match in _TAG.finditer(text):
        if match[0].endswith("/>"):
            continue
        if not match[1]:
            waiting.append(match)
        elif waiting and waiting[-1][2] == match[2]:
            opening = waiting.pop()
            if text[opening.end() : match.start()].strip():
                key = opening.start()
                found += [(opening, Tag("open", key)), (match, Tag("close", key))]
        else:
            waiting.clear()  # what crosses is no pair
    return found
