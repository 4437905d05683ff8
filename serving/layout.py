"""Where the sentences of a text are, and how their translations are put back.

The rules are those of ``csanmt.texts``, so that a server and the library give the
same answer: layout comes back as it went in, a sentence too long for the model is
cut into pieces, and one without anything of the source language stays as it is.
Here they are taken apart, so that sentences of many requests can share a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from csanmt.clauses import as_part
from csanmt.segmentation import Segment, join_with_spans
from csanmt.texts import DEFAULT_MAX_TOKENS, CountTokens, pieces, translatable
from csanmt.translator import Translation


@dataclass(slots=True)
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
        """What the translator gets for each segment; None where the segment stays as it is."""
        source, _ = self.languages
        return [p.text if translatable(p.text, source) else None for p in self.segments]

    def join(self, translations: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
        """The translated text (one translation a sentence) and where each stands in it."""
        if not self.segments:
            return self.text, []
        return join_with_spans(self.segments, translations, self.languages[1])

    def part(self, index: int, translation: Translation) -> Translation:
        """Translation ``index`` as it stands in the translated text, whatever its neighbours."""
        return as_part(translation, self.segments, index, self.languages[1])

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


def analyse(
    text: str,
    languages: tuple[str, str],
    count_tokens: CountTokens,
    *,
    max_tokens: int | None = None,
    whole: bool = False,
    protect: tuple[str, ...] = (),
) -> Layout:
    """Find the sentences of ``text``, none longer than ``max_tokens`` tokens.

    Args:
        max_tokens: None stands for ``DEFAULT_MAX_TOKENS``.
        whole: the text is one sentence (unless it is longer than that).
        protect: strings that come through untouched.
    """
    most = max_tokens or DEFAULT_MAX_TOKENS
    found = pieces(text, count_tokens, most, whole=whole, protect=protect)
    return Layout(text, tuple(piece for piece in found if piece.text), languages)
