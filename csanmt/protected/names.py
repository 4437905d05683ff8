"""Which protected pieces are words of their sentence, and people's names that stand for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from csanmt.protected.finder import Protected
from csanmt.protected.restore import occurrences
from csanmt.tables import read_toml

_TABLE = read_toml(Path(__file__).with_name("names.toml"))
NAMES: tuple[str, ...] = tuple(_TABLE["names"])
MOST = 5  # in one sentence; beyond it models drop some
_PRONOUNS = tuple(
    (chinese, re.compile(rf"\b(?:{'|'.join(english)})\b", re.IGNORECASE))
    for chinese, english in _TABLE["pronouns"].items()
)
_BEFORE = re.compile(rf"(?:{'|'.join(_TABLE['object_of'])})\s?\Z")
_BEHIND = re.compile(rf"\s?(?:{'|'.join(_TABLE['measures'])})")
_BESIDE, _TAGS, _NUMBERS = (frozenset(_TABLE[kind]) for kind in ("beside", "tags", "numbers"))
_TAG = re.compile(r"</?([A-Za-z0-9][\w:.-]{0,40})")
_DATE = re.compile(r"\s?[年月日]")
_NUMERALS = ("35", "46", "57", "68", "79")
_PRONOUN = re.compile(r"\s?(?:[我你您她他它咱这那哪谁每某各]|一[个位条只本张])")


def free_names(*texts: str) -> list[str]:
    """Names that none of ``texts`` holds."""
    lower = " ".join(texts).lower()
    return [name for name in NAMES if name.lower() not in lower]


def stand_ins(
    sentence: str, words: Sequence[Protected], without: str, attempt: int
) -> Sequence[str]:
    """A name for each word, other names in each attempt; none if there are too few.

    At first a number for what stands where one does, as ``numerals`` has it.
    """
    count, names = len(words), free_names(sentence, without)
    if len(names) < count:
        return []
    if len(names) > count:
        names = [*names[attempt * count :], *names[: attempt * count]]
    numbers = {} if attempt else numerals(sentence, words, without)
    return [numbers.get(i, name) for i, name in zip(range(count), names, strict=False)]


def numerals(sentence: str, words: Sequence[Protected], without: str) -> dict[int, str]:
    """A number for each of the words that stand where one does (``第{page}页``), but in a date."""
    free = [n for n in _NUMERALS if n not in sentence + without]
    places = (
        i
        for i, word in enumerate(words)
        if _counts(sentence, word) and not _DATE.match(sentence, word.end)
    )
    return dict(zip(places, reversed(free), strict=False))


def _counts(sentence: str, piece: Protected) -> bool:
    return piece.family.name in _NUMBERS and bool(_BEHIND.match(sentence, piece.end))


def lost_names(without: str, text: str) -> list[str]:
    """Names that stand in the translation without the pieces and not in ``text``."""
    return [
        name for name in NAMES if len(occurrences(name, text)) < len(occurrences(name, without))
    ]


def lost_pronouns(source: str, without: str, text: str) -> bool:
    """Somebody of the source whom the translation without the pieces has, and not ``text``."""
    return any(
        chinese in source and english.search(without) and not english.search(text)
        for chinese, english in _PRONOUNS
    )


def is_word(piece: Protected) -> bool:
    """Whether ``piece`` may be a word of its sentence."""
    return piece.family.name not in _BESIDE


def words_of(sentence: str, pieces: Sequence[Protected]) -> list[Protected]:
    """Those that may be its words: no line break, and no tag around words."""
    return [p for p in pieces if is_word(p) and not _is_layout(sentence, p)]


def _is_layout(sentence: str, piece: Protected) -> bool:
    tag = _TAG.match(sentence, piece.start, piece.end)
    paired = tag is not None and (tag[1] == "br" or f"</{tag[1]}>" in sentence)
    return paired and piece.family.name == "tag"


def argument(sentence: str, piece: Protected) -> bool:
    """By the words beside it ``piece`` is a word of the sentence, such as an object.

    Before a pronoun it is none.
    """
    before, behind = sentence[max(0, piece.start - 3) : piece.start], sentence[piece.end :]
    if piece.family.name in _TAGS or _PRONOUN.match(behind):
        return False
    return bool(_BEFORE.search(before)) or _counts(sentence, piece)
