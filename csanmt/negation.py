"""Whether a Chinese sentence negates, and whether its English does.

Both sides are read cautiously: a sentence counts as negated only where that is plain (不, 没,
无法 outside fixed words such as 不过, 非常, 未来), and as free of negation only where nothing
in it could bring a "not" about. What is unclear is left alone.
"""

from __future__ import annotations

import re
from pathlib import Path

from csanmt.tables import read_toml

_WORDS = read_toml(Path(__file__).with_name("negation.toml"))
_FIXED = re.compile("不(?:{})|{}".format(*("|".join(_WORDS[k]) for k in ("behind_not", "fixed"))))
_EITHER = re.compile(r"([^\W\d_]{1,2})[不没]\1")  # 喜欢不喜欢: whether
_PLAIN = re.compile("|".join(_WORDS["plain"]))
_COULD = re.compile(  # anything that an English "not" may come from
    "[不没未无非别勿莫否免缺拒禁防避除反难少差失停绝弃漏忘误错怎哪谁岂才只仅很过尚还再早晚空虚假暂"
    "罢废止亏欠孤独单零哑盲聋瞎笨坏疑惜阻抗抵挡戒忌怕烦毋休甭何吗？?么…]|放心"
)
_QUOTED = re.compile('[“"「][^”"」]{0,4}[”"」]')
EXPLICIT = re.compile(
    r"\b(?:not(?!\s+(?:only|just|merely|to\s+mention|least|until|bad|as\s+much))|cannot|never|"
    r"(?<!to )none|nothing|nobody|nowhere|neither|nor|without|"
    r"no(?!\.?\s?\d|\s+(?:matter\b(?!\s*[.!])|doubt|wonder|longer than)))\b|"
    r"n[’']t\b(?!\s+(?:worry\b|(?:it|he|she|they|we|you|i|there)\?))",
    re.IGNORECASE,
)
_IMPLIED = re.compile(r"\b(?:" + "|".join(_WORDS["implied"]) + r")\b", re.IGNORECASE)


def negated(source: str) -> bool | None:
    """True: the sentence negates; False: nothing in it could; None: it is not plain."""
    if count_negations(source):
        return True
    return None if _COULD.search(source) else False


def denials(text: str) -> tuple[int, frozenset[str]]:
    """Of an English text: how often it says "not", and its words that may say so otherwise."""
    implied = frozenset(word.lower() for word in _IMPLIED.findall(text))
    return len(EXPLICIT.findall(text)), implied


def count_negations(source: str) -> int:
    """How often a Chinese text plainly negates."""
    return len(_PLAIN.findall(_FIXED.sub("", _EITHER.sub("", _QUOTED.sub("", source)))))


def changed_negation(source: str, output: str) -> str | None:
    """What is wrong with the negation of an output, or None."""
    wanted = negated(source)
    explicit = EXPLICIT.search(output)
    if wanted is True and not explicit and not _IMPLIED.search(output):
        return "the negation of the source is lost"
    if wanted is False and explicit:
        return f"negated, which the source is not: {explicit.group()}"
    return None
