"""Signs of a sick translation that can be seen without a reference.

They are counted, not acted upon: a release whose rate of one of them rises is
stopped by the release analysis. Thresholds are chosen so that good translations
of ordinary Chinese set none of them.
"""

from __future__ import annotations

import re

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
WORD = re.compile(r"\w+")

RESIDUAL_HAN_SHARE = 0.1  # of the translation's characters
LOOP_REPEATS = 4  # the same words this many times in a row
LOOP_LONGEST = 8  # words in the repeated phrase
RATIO_LOW, RATIO_HIGH = 0.8, 10.0  # target characters per Han character of the source
RATIO_LEAST_HAN = 8  # shorter sources say nothing about a ratio
UNITS = tuple("万亿千百十")
SPELLED_OUT = 12


def signals(source: str, translation: str, *, truncated: bool = False) -> list[str]:
    """Names of the signs (``metric_names.SIGNALS``) that this sentence's translation shows."""
    found = []
    content = source.strip()
    han = len(HAN.findall(content))
    if content and not translation.strip():
        found.append("empty")
    elif translation:
        if han and translation.strip() == content:
            found.append("echoed")
        if len(HAN.findall(translation)) > RESIDUAL_HAN_SHARE * len(translation):
            found.append("residual_han")
        if has_loop(translation) and not has_loop(source):
            found.append("repetition_loop")
        if han >= RATIO_LEAST_HAN and not RATIO_LOW <= len(translation) / han <= RATIO_HIGH:
            found.append("length_ratio")
        if missing_numbers(source, translation):
            found.append("missing_number")
    if truncated:
        found.append("truncated")
    return found


def has_loop(text: str) -> bool:
    """A phrase of 1 to ``LOOP_LONGEST`` words stands ``LOOP_REPEATS`` times in a row."""
    words = WORD.findall(text.lower())
    for size in range(1, min(LOOP_LONGEST, len(words) // LOOP_REPEATS) + 1):
        equal = 0  # words in a row that equal the word ``size`` before them
        for here, before in zip(words[size:], words, strict=False):
            equal = equal + 1 if here == before else 0
            if equal >= size * (LOOP_REPEATS - 1):
                return True
    return False


def missing_numbers(source: str, translation: str) -> list[str]:
    """Numbers in digits of the source that the translation lacks.

    Years, amounts and the like keep their digits in English, except before a
    Chinese unit (3万 is 30,000) and up to ``SPELLED_OUT`` (months, small counts).
    """
    present = {_plain(number) for number in NUMBER.findall(translation)}
    missing = []
    for match in NUMBER.finditer(source):
        digits = _plain(match.group())
        unit_follows = source[match.end() : match.end() + 1] in UNITS
        small = len(digits) < 3 and digits.isdigit() and int(digits) <= SPELLED_OUT
        if digits not in present and not unit_follows and not small:
            missing.append(match.group())
    return missing


def _plain(number: str) -> str:
    """Digits without thousands separators and with ASCII digits, so that 1,000 equals 1000."""
    ascii_digits = "".join(str(int(c)) if c.isdigit() else c for c in number)
    return re.sub(r",(?=\d{3}(?:\D|$))", "", ascii_digits)
