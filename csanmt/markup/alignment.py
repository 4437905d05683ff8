"""A whole text, its translation, and which characters became which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from csanmt.document import TextTranslation
from csanmt.translator import Hypothesis

Range = tuple[int, int]
Pair = tuple[Range, Range]  # (in the source, in the translation)

# Han, kana and hangul stand alone; elsewhere a word; any other visible character.
_UNIT = re.compile(
    r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|[^\W\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
    r"(?:['’.,\-][^\W\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+)*"
    r"|\S"
)


@dataclass(frozen=True, slots=True)
class AlignedText:
    """``pairs`` are half-open character ranges in ``source`` and ``text``, in target order."""

    source: str
    text: str
    pairs: tuple[Pair, ...] = ()


def units(text: str) -> list[Range]:
    """The smallest things that formatting is put around: words, ideographs, punctuation."""
    return [found.span() for found in _UNIT.finditer(text)]


def assemble(
    source: str, text: str, parts: Iterable[tuple[Range, Range, Hypothesis | None]]
) -> AlignedText:
    """Of sentences: (place in ``source``, place in ``text``, what the translator said).

    None says that the sentence was copied, so every character stands for itself.
    """
    pairs: list[Pair] = []
    for (start, _), (target, end), hypothesis in parts:
        if hypothesis is None:
            pairs += [
                ((start + a, start + b), (target + a, target + b))
                for a, b in units(text[target:end])
            ]
        else:
            pairs += _moved(hypothesis.alignment or (), start, target)
    return AlignedText(source, text, tuple(pairs))


def _moved(pairs: Sequence[Pair], source: int, target: int) -> list[Pair]:
    return [((a + source, b + source), (c + target, d + target)) for (a, b), (c, d) in pairs]


def of_translation(translation: TextTranslation, rank: int = 0) -> AlignedText:
    """Of what ``csanmt.document`` answers; decode with ``alignment=True``.

    Args:
        rank: 0 is the best translation; others must be asked for with ``n_best``.
    """
    parts: list[tuple[Range, Range, Hypothesis | None]] = []
    shift = 0
    for piece in translation.segments:
        hypotheses = piece.translation.hypotheses
        chosen = hypotheses[min(rank, len(hypotheses) - 1)]
        start = piece.target_span[0] + shift
        shift += len(chosen.text) - len(hypotheses[0].text)
        span = (start, start + len(chosen.text))
        parts.append((piece.source_span, span, None if piece.copied else chosen))
    return assemble(translation.source, translation.alternatives[rank], parts)
