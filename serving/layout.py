"""Where the sentences of a text are, and how their translations are put back.

Sentences are found by ``csanmt.segmentation``; what is between them (indentation,
line breaks, blank lines) comes back as it went in. A sentence too long for the
model is cut into pieces that are translated like sentences.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from csanmt.segmentation import Segment, join_with_spans, segment, split_long

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
NARROW_PER_WIDE = 3  # narrow characters that make about as many tokens as one wide one


@dataclass(frozen=True, slots=True)
class Layout:
    """A text and its sentences, in order.

    Attributes:
        segments: sentence, its place, and the layout around it; none if the text is blank.
        language: of the translation; says how sentences are spaced.
    """

    text: str
    segments: tuple[Segment, ...]
    language: str

    @property
    def sentences(self) -> list[str]:
        """What the translator gets: control characters (NUL) made spaces, places unchanged."""
        return [CONTROL.sub(" ", piece.text) for piece in self.segments]

    def join(self, translations: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
        """The translated text (one translation a sentence) and where each stands in it."""
        if not self.segments:
            return self.text, []
        return join_with_spans(self.segments, translations, self.language)

    def gap(self, index: int, left: str, right: str) -> str:
        """What stands before translation ``index``, given those on both sides of it.

        ``index`` may be the number of sentences: the gap after the last one.
        """
        if index == 0:
            return self.segments[0].before
        if index == len(self.segments):
            return self.segments[-1].after
        pair = self.segments[index - 1 : index + 1]
        before = len(pair[0].before)
        whole, _ = join_with_spans(pair, (left, right), self.language)
        return whole[before + len(left) : len(whole) - len(right) - len(pair[1].after)]


def analyse(text: str, language: str, longest: int) -> Layout:
    """Find the sentences of ``text``.

    Args:
        language: of the translation ("en").
        longest: most wide characters of a sentence, or thrice as many narrow ones.
    """

    def fits(part: str) -> bool:
        return len(part) <= longest or _weight(part) <= longest

    found = [piece for piece in segment(text) if piece.text]
    pieces = [piece for whole in found for piece in _cut(whole, fits(whole.text), fits)]
    return Layout(text, tuple(pieces), language)


def _cut(whole: Segment, fitting: bool, fits: Callable[[str], bool]) -> list[Segment]:
    if fitting:
        return [whole]
    pieces = split_long(whole.text, fits)
    last = len(pieces) - 1
    return [
        Segment(
            whole.before if i == 0 else "",
            piece.text,
            piece.after + (whole.after if i == last else ""),
            whole.start + piece.start,
        )
        for i, piece in enumerate(pieces)
    ]


def _weight(text: str) -> float:
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return wide + (len(text) - wide) / NARROW_PER_WIDE
