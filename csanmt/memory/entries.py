"""What a memory holds and what it finds."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from csanmt.protected.texts import cut_text
from csanmt.segmentation import segment

ANY_MODEL = ""  # an entry that holds whatever model translates
MAX_TEXT = 5000  # characters of a source or a translation
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Direction:
    """Languages (ISO 639-1) and the model version that entries are for, or ``ANY_MODEL``."""

    source: str
    target: str
    model: str = ANY_MODEL


@dataclass(frozen=True, slots=True)
class TranslationUnit:
    """A sentence and its translation, and where it comes from (``suggestion``, a file's name)."""

    source: str
    target: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored pair. Times are seconds since the epoch; ``hits`` counts exact matches."""

    id: int
    direction: Direction
    pair: TranslationUnit
    created: float
    used: float
    hits: int


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that is like a sentence: ``similarity`` is 1.0 for the same one, else below."""

    similarity: float
    pair: TranslationUnit

    @property
    def exact(self) -> bool:
        return self.similarity == 1.0


def normalised(text: str) -> str:
    """What two sentences have in common that count as the same one.

    >>> normalised(" 你好 \\u3000 世界。")
    '你好 世界。'
    """
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", text)).strip()


def by_sentence(pair: TranslationUnit) -> list[TranslationUnit]:
    """The pairs of sentences of a pair of texts: the service looks sentences up.

    A text whose translation has another number of sentences stays whole.
    """
    sources = [piece.text for piece in cut_text(pair.source, segment) if piece.text]
    targets = [piece.text for piece in cut_text(pair.target, segment) if piece.text]
    if len(sources) != len(targets):
        return [TranslationUnit(pair.source.strip(), pair.target.strip(), pair.origin)]
    return [TranslationUnit(s, t, pair.origin) for s, t in zip(sources, targets, strict=True)]


def storable(pair: TranslationUnit) -> bool:
    """Both sides are texts of a sensible length."""
    return all(
        side.strip() and len(side) <= MAX_TEXT and not any("\ud800" <= c <= "\udfff" for c in side)
        for side in (pair.source, pair.target)
    )
