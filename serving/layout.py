"""Where the sentences of a text are, and how their translations are put back.

Everything between sentences (indentation, line breaks, blank lines) is layout
and comes back as it went in; between two sentences of one line English wants a
space where Chinese has none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

SENTENCE = re.compile(
    r"[^\r\n\u2028\u2029\x85\v\f]*?"
    r"(?:[。！？!?…]+[”’」』）)\"']*|(?=[\r\n\u2028\u2029\x85\v\f])|$)"
)
LINE_BREAK = re.compile(r"[\r\n\u2028\u2029\x85\v\f]")
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Place:
    """Half-open range of code points."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A text and the places of its sentences, in order; the rest is layout."""

    text: str
    places: tuple[Place, ...]

    @property
    def sentences(self) -> list[str]:
        """What the translator gets: control characters (NUL) made spaces, places unchanged."""
        return [CONTROL.sub(" ", self.text[p.start : p.end]) for p in self.places]

    def shown_gap(self, index: int) -> str:
        """The gap as the translated text has it: a space between sentences of one line."""
        gap = self.gap_before(index)
        between = 0 < index < len(self.places)
        return " " if between and not LINE_BREAK.search(gap) else gap

    def gap_before(self, index: int) -> str:
        """Layout between sentence ``index - 1`` and ``index`` (or the text's ends)."""
        start = self.places[index - 1].end if index else 0
        end = self.places[index].start if index < len(self.places) else len(self.text)
        return self.text[start:end]


def analyse(text: str) -> Layout:
    """Find the sentences of ``text``."""
    places = []
    for match in SENTENCE.finditer(text):
        piece = match.group()
        content = piece.strip()
        if content:
            start = match.start() + len(piece) - len(piece.lstrip())
            places.append(Place(start, start + len(content)))
    return Layout(text, tuple(places))


def place_translations(layout: Layout, translations: Sequence[str]) -> tuple[str, list[Place]]:
    """The translated text, and where each sentence's translation stands in it."""
    out: list[str] = []
    length = 0
    places = []
    for index, translation in enumerate(translations):
        for piece in (layout.shown_gap(index), translation):
            out.append(piece)
            length += len(piece)
        places.append(Place(length - len(translation), length))
    out.append(layout.shown_gap(len(translations)))
    return "".join(out), places
