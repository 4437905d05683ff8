"""People's names in the place of protected pieces, for versions without copy tokens."""

from __future__ import annotations

import re

from csanmt.protected.finder import Protected
from csanmt.protected.restore import occurrences

# Names that translation models meet everywhere; measured on the default model.
NAMES = ("Tom", "Mary", "Bob", "John", "Alice", "Peter", "Anna", "Jack", "Lucy", "David")
MOST = 5  # in one sentence; beyond it models drop some


def free_names(*texts: str) -> list[str]:
    """Names that none of ``texts`` holds."""
    lower = " ".join(texts).lower()
    return [name for name in NAMES if name.lower() not in lower]


def lost_names(without: str, text: str) -> list[str]:
    """Names that stand in the translation without the pieces and not in ``text``."""
    return [
        name for name in NAMES if len(occurrences(name, text)) < len(occurrences(name, without))
    ]


# Chinese beside a piece that makes it a word of the sentence: a verb or preposition before it, a
# measure word behind what may be a number.
_BEFORE = re.compile(
    r"(?:住在|位于|从|到|给|向|叫|名为|见|看|访问|打开|联系|找到?|告诉|发送|升级)\s?\Z"
)
_BEHIND = re.compile(r"\s?(?:个|条|页|位|名|次|件|张|项|天|年|月|日|小时|分钟|秒|元|人)")
_NO_WORDS = frozenset(
    {"comment", "tag", "element", "entity", "escape", "shortcode", "mnemonic", "option"}
)
_NUMBERS = frozenset({"printf", "brace", "braces", "dollar"})


def argument(sentence: str, piece: Protected) -> bool:
    """By the words beside it ``piece`` is a word of the sentence, such as an object."""
    if piece.family.name in _NO_WORDS:
        return False
    before, behind = sentence[max(0, piece.start - 3) : piece.start], sentence[piece.end :]
    counts = piece.family.name in _NUMBERS and _BEHIND.match(behind)
    return bool(_BEFORE.search(before) or counts)
