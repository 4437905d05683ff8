"""Where the sentences of a text are, and how their translations are put back.

The rules are those of ``csanmt.document``, so that a server and the library give the
same answer: layout comes back as it went in, a sentence too long for the model is
cut into pieces, and one without anything of the source language stays as it is.
Here they are taken apart, so that sentences of many requests can share a batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from csanmt.document import DEFAULT_MAX_TOKENS, translatable
from csanmt.segmentation import Segment, join_with_spans, segment, split_long

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Layout:
    """A text and its sentences, in order.

    Attributes:
        segments: sentence, its place, and the layout around it; none if the text is blank.
        languages: of the text and of its translation, ISO 639-1.
    """

    text: str
    segments: tuple[Segment, ...]
    languages: tuple[str, str]

    @property
    def sentences(self) -> list[str | None]:
        """What the translator gets for each segment; None where the segment stays as it is.

        Control characters (NUL) are made spaces, so that places stay the same.
        """
        source, _ = self.languages
        return [
            CONTROL.sub(" ", piece.text) if translatable(piece.text, source) else None
            for piece in self.segments
        ]

    def join(self, translations: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
        """The translated text (one translation a sentence) and where each stands in it."""
        if not self.segments:
            return self.text, []
        return join_with_spans(self.segments, translations, self.languages[1])

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
        whole, _ = join_with_spans(pair, (left, right), self.languages[1])
        return whole[before + len(left) : len(whole) - len(right) - len(pair[1].after)]


def analyse(text: str, languages: tuple[str, str], count_tokens: CountTokens) -> Layout:
    """Find the sentences of ``text``, none longer than ``DEFAULT_MAX_TOKENS`` tokens."""

    def fits(part: str) -> bool:
        # No tokenizer makes more than one token of a byte (and one of the start).
        short = len(part.encode("utf-8", "surrogatepass")) < DEFAULT_MAX_TOKENS
        return short or count_tokens(part) <= DEFAULT_MAX_TOKENS

    found = [piece for piece in segment(text) if piece.text]
    pieces = [piece for whole in found for piece in _cut(whole, fits(whole.text), fits)]
    return Layout(text, tuple(pieces), languages)


def _cut(whole: Segment, fitting: bool, fits: Callable[[str], bool]) -> list[Segment]:
    if fitting:
        return [whole]
    pieces = split_long(whole.text, fits)
    last = len(pieces) - 1
    return [
        Segment(
            whole.before if i == 0 else "",
            piece.text,
            whole.after if i == last else piece.after,
            whole.start + piece.start,
        )
        for i, piece in enumerate(pieces)
    ]
