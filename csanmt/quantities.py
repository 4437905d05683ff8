"""Which quantities a Chinese text names, and whether an English text names them too.

Values are compared, not spellings: 3.5万 is kept by "35,000", "35 thousand" and
"thirty-five thousand"; 5月 by "May"; 15点 by "3 p.m.".
"""

from __future__ import annotations

import re
import unicodedata

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_SCALES = {"百": 1e2, "千": 1e3, "万": 1e4, "亿": 1e8}
_MENTION = re.compile(rf"(?:{_NUMBER}\s?[百千万亿]+)+(?:{_NUMBER}(?!\s?[^\W\d]))?|{_NUMBER}")
_PART = re.compile(rf"({_NUMBER})\s?([百千万亿]*)")
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_ORDINALS = (
    "zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
    "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth",
    "sixteenth", "seventeenth", "eighteenth", "nineteenth",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_WORDS: dict[str, float] = {
    **{word: float(i) for i, word in enumerate(_UNITS)},
    **{word: float(i) for i, word in enumerate(_ORDINALS)},
    **{word: 20.0 + 10 * i for i, word in enumerate(_TENS)},
    **{word[:-1] + "ieth": 20.0 + 10 * i for i, word in enumerate(_TENS)},
    "once": 1.0, "twice": 2.0, "a": 1.0, "an": 1.0, "single": 1.0, "double": 2.0, "both": 2.0,
    "pair": 2.0, "dozen": 12.0, "half": 0.5, "couple": 2.0, "triple": 3.0,
}  # fmt: skip
_MONTH_NUMBERS = {
    name: float(number)
    for number, month in enumerate(_MONTHS, start=1)
    for name in (month, month[:3])
}
_MAGNITUDES = {
    "hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "mn": 1e6,
    "billion": 1e9, "bn": 1e9, "b": 1e9, "trillion": 1e12,
    "hundreds": 1e2, "thousands": 1e3, "millions": 1e6, "billions": 1e9,
}  # fmt: skip
_TOKEN = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[a-z]+")


def source_values(text: str) -> list[float]:
    """Every quantity written with digits (万 and 亿 multiplied in), in order."""
    text = unicodedata.normalize("NFKC", text)
    return [_chain_value(match.group()) for match in _MENTION.finditer(text)]


def _chain_value(mention: str) -> float:
    total = 0.0
    for digits, scales in _PART.findall(mention):
        value = float(digits.replace(",", ""))
        for scale in scales:
            value *= _SCALES[scale]
        total += value
    return total


def target_values(text: str) -> set[float]:
    """Every quantity an English text may be naming, in digits or words."""
    tokens = _TOKEN.findall(unicodedata.normalize("NFKC", text).lower())
    values: set[float] = set()
    for start, token in enumerate(tokens):
        values |= _readings(tokens, start)
        if token in _MONTH_NUMBERS:
            values.add(_MONTH_NUMBERS[token])
    return values


def _readings(tokens: list[str], start: int) -> set[float]:
    """Values of the number phrases that begin at ``start``: each prefix of it is one."""
    found: set[float] = set()
    total = current = 0.0
    seen = False
    for token in tokens[start : start + 8]:
        if token[0].isdigit() and not seen:
            current = float(token.replace(",", ""))
        elif token in _WORDS:
            current += _WORDS[token]
        elif token in _MAGNITUDES and seen:
            current *= _MAGNITUDES[token]
            if _MAGNITUDES[token] > 100:
                total, current = total + current, 0.0
        elif token != "and" or not seen:
            break
        seen = True
        found.add(round(total + current, 6))
    return found


def missing_values(source: str, target: str) -> list[float]:
    """Quantities of ``source`` that ``target`` does not name."""
    wanted = source_values(source)
    if not wanted:
        return []
    there = target_values(target)
    digits = re.sub(r"(?<=\d),(?=\d{3})", "", unicodedata.normalize("NFKC", target))
    return [value for value in wanted if not _kept(value, there, digits)]


def _kept(value: float, there: set[float], digits: str) -> bool:
    if round(value, 6) in there or (13 <= value <= 24 and value - 12 in there):
        return True
    written = f"{value:.10g}"
    if len(written) >= 3 and written in digits:
        return True
    if 10 <= value <= 99 and value % 10 == 0:  # 90年代: "the 1990s"
        return f"{1900 + value:.0f}" in digits or f"{2000 + value:.0f}" in digits
    return False
