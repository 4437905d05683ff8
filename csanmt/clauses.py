"""Translations of the clauses of a long sentence, put together as one sentence again.

A clause that the model saw alone comes back like a sentence: with a capital, with a full stop
or with nothing where the source has a comma. Each is mended by itself, from the source alone,
so that a stream can show it before its neighbours are there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from csanmt.segmentation import Segment
from csanmt.translator import Translation

# What a clause of the source may end in, and what its English ends in then.
MARKS = {"，": ",", ",": ",", "、": ",", "：": ":", ":": ":", ";": ";", "—": " -"}
_SPACES = " \t\u00a0\u3000"  # a line's end is the sentence's
_CLOSED = re.compile(r"[.,;:!?\-][\"')\]]*$")
_FULL_STOP = re.compile(r"(?<![.\s])\.$")
_ABBREVIATION = re.compile(r"\b(?:[A-Za-z]|etc|Inc|Ltd|Co|Corp|No|Mr|Mrs|Ms|Dr|St|Jr|vs|al)\.$")
_FIRST_WORD = re.compile(r"([A-Z][a-z]*)(?=[ ,]|$)")
# Only these lose a capital within a sentence: any other word may be a name.
_WORDS = (
    "A After All Also Although An And As At Because Before But By During Each Even For From He "
    "Her His How However If In Is It Its Many Most My No Not Of On Only Or Our She Since So Some "
    "Such That The Their Them Then There Therefore These They This Those Through Thus To Under "
    "Until We What When Where Whether Which While Who Why With Without You Your"
)
_FUNCTION_WORDS = frozenset(_WORDS.split())


def as_part(
    translation: Translation, segments: Sequence[Segment], index: int, language: str
) -> Translation:
    """The translation of segment ``index`` as it stands in that of the whole text.

    Args:
        segments: of the whole; neighbours decide whether one is a clause.
        language: of the translation; only English is mended.
    """
    if language != "en" or len(segments) < 2:
        return translation
    before, after = (
        _mark_between(segments[k], segments[k + 1]) if 0 <= k < len(segments) - 1 else None
        for k in (index - 1, index)
    )
    if before is None and after is None:
        return translation
    hypotheses = tuple(h.ending(as_clause(h.text, before, after)) for h in translation.hypotheses)
    return replace(translation, hypotheses=hypotheses)


def _mark_between(left: Segment, right: Segment) -> str | None:
    """The mark at which a sentence was cut between two segments.

    Empty where it was cut between two words; None where a sentence ended.
    """
    if not left.text or not right.text or left.after.strip(_SPACES):
        return None
    last = left.text[-1]
    if last in MARKS:
        return last
    return "" if unicodedata.category(last)[0] in "LN" else None


def as_clause(translation: str, before: str | None, after: str | None) -> str:
    """An English translation as one clause of a sentence.

    Args:
        before, after: the marks towards its neighbours, empty between two words, None where a
            sentence begins or ends.
    """
    if before is not None:
        first = _FIRST_WORD.match(translation)
        if first and first[1] in _FUNCTION_WORDS:
            translation = translation[0].lower() + translation[1:]
    if after is None or not translation:
        return translation
    if not _ABBREVIATION.search(translation):
        translation = _FULL_STOP.sub("", translation)
    if after == "" or _CLOSED.search(translation):
        return translation
    return translation + MARKS[after]
