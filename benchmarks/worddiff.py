"""Word differences of two translations, side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text; ``changed`` if the other side has something else there."""

    text: str
    changed: bool


def word_differences(before: str, after: str) -> tuple[list[Span], list[Span]]:
    """Both texts as spans; joined, the spans of a side are the text again."""
    a, b = _WORD.findall(before), _WORD.findall(after)
    left: list[Span] = []
    right: list[Span] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        for side, text in ((left, "".join(a[i1:i2])), (right, "".join(b[j1:j2]))):
            if text:
                side.append(Span(text, tag != "equal"))
    return left, right
