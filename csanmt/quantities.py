"""Which quantities a Chinese text names, and whether an English text names them too.

Values are compared, not spellings: 3.5万 is kept by "35,000", "35 thousand" and
"thirty-five thousand"; 5月 by "May"; 15点 by "3 p.m."; 6成 by "60%"; 50% by "half".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from math import isclose
from pathlib import Path

from csanmt.tables import read_toml

_NUMBER = r"(?:(?<!\d)\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_SCALES = {"百": 1e2, "千": 1e3, "万": 1e4, "亿": 1e8}
# 千 before a unit is part of it (千米, 千克, 千瓦时): no multiplier.
_SCALE = r"(?:[百万亿]|千(?!米|克|瓦|卡|兆|赫|帕|伏|焦|字节|比特))"
_ABOUT = r"\s?[多余几来]?\s?"  # 700多万 is 7 million and some
_MENTION = re.compile(  # not what belongs to a Latin word (R0, H1N1)
    rf"(?<![A-Za-z\d.])(?:(?:{_NUMBER}(?:{_ABOUT}{_SCALE})+)+"
    rf"(?:\d{{4}}(?![\d.])|{_NUMBER}(?!\d)(?!\s?[^\W\d]))?|{_NUMBER})"
)
_PART = re.compile(rf"({_NUMBER})((?:{_ABOUT}{_SCALE})*)")
_LIST_NUMBER = re.compile(r"^\s*[(（]?\d{1,2}(?:[、)）]|[.．](?!\d))", re.MULTILINE)
_RANGE_SCALE = re.compile(rf"\s?(?:[-~–—－～至到]|to)\s?{_NUMBER}((?:{_ABOUT}{_SCALE})+)")
_DATE = re.compile(r"(?<!\d)(\d{4})[./-](\d{1,2})[./-](\d{1,2})(?!\d)")
_CENTURY = re.compile(r"\d+(?=\s?世纪(?:\s?\d0|[一二三四五六七八九]+十)\s?年代)")
_CLOCK = re.compile(r"\b(\d{1,2})\.(\d{2})(?=\s?[ap]\.?m)")
_DIGITS = {digit: i for i, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_ONE, _COUNT = "[一二三四五六七八九]", "[一二两三四五六七八九]"
_TENS = rf"{_ONE}?十{_ONE}?"
_HUNDREDS = rf"{_COUNT}百(?:零{_ONE}|{_TENS})?"
_SECTION = (  # up to 9,999
    rf"(?:{_COUNT}千(?:{_HUNDREDS}|零(?:{_TENS}|{_ONE}))?|{_HUNDREDS}|{_TENS})"
)
_WRITTEN = re.compile(  # in characters, of two at least; 一百五 and 二三十 are not of this form
    rf"(?<![零〇一二两三四五六七八九十百千万亿几数半点\d])(?![十百千万亿](?!{_ONE}))"
    rf"(?:(?:{_SECTION}|{_COUNT})亿零?)?(?:(?:{_SECTION}|{_COUNT})万零?)?"
    rf"(?:{_SECTION}|(?<=零){_ONE}|(?<=[万亿]))"
    r"(?![零〇一二两三四五六七八九十百千万亿分]|(?<=千)[米克瓦卡]|世纪\s?[\d一二三四五六七八九])"
)
_EACH = re.compile(r"\b(?:each|every|per|yearly|annual\w*|daily|monthly)\b", re.IGNORECASE)
_WHOLE = re.compile(r"\b(?:all|full|fully|every|entire|entirely)\b", re.IGNORECASE)
ENGLISH = read_toml(Path(__file__).with_name("quantities.toml"))  # number words, months
_WORDS: dict[str, float] = {
    **{word: float(i) for words in ("units", "ordinals") for i, word in enumerate(ENGLISH[words])},
    **{
        form: 20.0 + 10 * i
        for i, word in enumerate(ENGLISH["tens"])
        for form in (word, word[:-1] + "ieth", word[:-1] + "ies")
    },
    **ENGLISH["others"],
}
_MONTH_NUMBERS = {
    name: float(number)
    for number, month in enumerate(ENGLISH["months"], start=1)
    for name in (month, month[:3], month[:4])
}
_MAGNITUDES: dict[str, float] = ENGLISH["magnitudes"]
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:[ '’]\d{3})+(?!\d)")  # 2 000
_TOKEN = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+|[a-z]+")


def source_values(text: str) -> list[float]:
    """Every quantity written with digits (万 and 亿 multiplied in), in order."""
    return [value for value, *_ in _quantities(text)]


def _quantities(text: str) -> list[tuple[float, ...]]:
    """Every value that an English text may keep a quantity by, the one that is written first.

    The numbers of a list are no quantities.
    """
    text = unicodedata.normalize("NFKC", text.replace("，", ", "))
    for dropped in (_LIST_NUMBER, _CENTURY):  # the 1980s name their century
        text = dropped.sub(" ", text)
    text = _DATE.sub(r"\1 \2 \3", text)
    found = []
    for match in _MENTION.finditer(text):
        value = _chain_value(match.group())
        before, after = text[: match.start()][-8:], text[match.end() : match.end() + 12]
        found.append((value, *_other_readings(before, match.group(), value, after)))
    return found


def mentions(text: str) -> list[tuple[int, int, str, float]]:
    """(start, end, how it is written, value) of every quantity that ``source_values`` counts."""
    folded = unicodedata.normalize("NFKC", text)
    if len(folded) != len(text):
        return []
    return [(*m.span(), m.group(), _chain_value(m.group())) for m in _MENTION.finditer(folded)]


def written_mentions(text: str) -> list[tuple[int, int, str, tuple[float, ...]]]:
    """Numbers in characters (四十六, 二十万), of two at least: as ``mentions``, but every value
    that English may keep one by."""
    found = []
    for match in _WRITTEN.finditer(text):
        value = _written_value(match.group())
        before, after = text[: match.start()][-8:], text[match.end() : match.end() + 12]
        readings = (value, *_other_readings(before, match.group(), value, after))
        found.append((*match.span(), match.group(), readings))
    return found


def _written_value(number: str) -> float:
    total = section = digit = 0
    for character in number:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character in "万亿":
            total += (section + digit) * int(_SCALES[character])
            section = digit = 0
        else:
            section += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[character]
            digit = 0
    return float(total + section + digit)


def _chain_value(mention: str) -> float:
    total = 0.0
    for digits, scales in _PART.findall(mention):
        value = float(digits.replace(",", ""))
        for scale in scales:
            value *= _SCALES.get(scale, 1.0)
        total += value
    return total


def _other_readings(before: str, mention: str, value: float, after: str) -> Iterator[float]:
    """What stands around a number says how English may put it too."""
    unit = after.lstrip(" 多余几来")
    for units, readings in _OTHERWISE:
        if unit.startswith(units):
            yield from readings(value)
    if 13 <= value <= 24 and len(mention) == 2:  # 15:30, 15时许
        yield value - 12
    if found := _RANGE_SCALE.match(after):  # 10-20万: the first is 100,000 too
        yield _chain_value(f"{value:.15g}{found.group(1)}")
    if re.search(r"\d{4}\s?[-~–至]\s?$", before):  # 2019-2020: 2019–20
        yield value % 100
    if found := re.match(r"/(\d+)", after):
        yield value / (float(found.group(1)) or 1)
    if found := re.search(r"(\d+)/$", before):
        yield float(found.group(1)) / (value or 1)


def _century(value: float) -> tuple[float, ...]:
    """A year or decade of two digits: 90年代 is the 1990s."""
    return (1900 + value, 2000 + value) if value < 100 else ()


def _discount(value: float) -> tuple[float, ...]:
    """8.5折 (or 85折): 15 % off."""
    tenths = value if value < 10 else value / 10
    return (tenths * 10, 100 - tenths * 10, tenths)


_OTHERWISE: tuple[tuple[str, Callable[[float], tuple[float, ...]]], ...] = (
    ("成", lambda v: (v * 10, v / 10)),
    ("折", _discount),
    ("倍", lambda v: (v + 1, v - 1, v * 100, v * 100 - 100, 1 / (v or 1))),
    ("%", lambda v: (v / 100,)),
    ("年", _century),
    ("年", lambda v: (v / 10,)),  # 30多年: three decades
    ("个月", lambda v: (v / 12,)),
    ("周年", lambda v: (v / 10,)),
    ("世纪", lambda v: (v * 100, v * 100 - 100)),
)


def target_values(text: str) -> set[float]:
    """Every quantity an English text may be naming, in digits or words."""
    lowered = _CLOCK.sub(r"\1:\2", unicodedata.normalize("NFKC", text).lower())
    lowered = _DATE.sub(r"\1 \2 \3", lowered)
    tokens = _TOKEN.findall(lowered)
    values = {float(re.sub(r"\D", "", m)) for m in _GROUPED.findall(lowered)}
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
        if token[0] in ".0123456789" and not seen:
            current = float(token.replace(",", ""))
        elif token in ("a", "an") and seen:  # half a million
            continue
        elif token == "a" and tokens[start + 1 : start + 2] and tokens[start + 1] in _MAGNITUDES:
            current = 1.0
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
    return [readings[0] for readings in _not_kept(_quantities(source), target)]


def missing_written(source: str, target: str) -> list[tuple[int, int, float]]:
    """(start, end, value) of the numbers in characters that ``target`` does not name."""
    wanted = {readings: (start, end) for start, end, _, readings in written_mentions(source)}
    return [(*wanted[readings], readings[0]) for readings in _not_kept(list(wanted), target)]


def _not_kept(wanted: list[tuple[float, ...]], target: str) -> list[tuple[float, ...]]:
    if not wanted:
        return []
    there = target_values(target)
    digits = re.sub(r"(?<=\d),(?=\d{3})", "", unicodedata.normalize("NFKC", target))
    return [readings for readings in wanted if not _kept(readings, there, digits)]


def _kept(readings: tuple[float, ...], there: set[float], digits: str) -> bool:
    for value in readings:
        if any(isclose(value, other, rel_tol=1e-6) for other in there):
            return True
        written = f"{value:.10g}"
        if len(written) >= 3 and re.search(rf"(?<!\d){re.escape(written)}(?!\d)", digits):
            return True
    if readings[0] == 1:
        return _EACH.search(digits) is not None
    return readings[0] == 100 and _WHOLE.search(digits) is not None
