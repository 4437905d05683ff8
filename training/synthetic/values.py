"""Terminals of the grammars: one value, drawn exactly, with its spellings in both languages.

A number is an ``int`` or a ``Decimal`` before it is written; no spelling is ever parsed back
here (the tests do that, on their own). How values stand in a phrase is the grammars' matter
(``grammars/shared-values.txt``), from where to where they are drawn that of ``words.toml``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

from training.synthetic.grammar import WORDS, Phrase
from training.synthetic.numerals import (
    colloquial,
    grouped,
    han,
    han_decimal,
    han_digits,
    magnitude,
    mixed,
    ordinal,
    ordinal_word,
    plain,
    scaled,
    words,
)

LETTERS = "ABCDEFGHKLMNPRSTWXZ"
LARGE = (("万", 10**4, 10**8), ("亿", 10**8, 10**13), ("万亿", 10**12, 10**16))


def spellings(value: Decimal, chance: random.Random) -> dict[str, str]:
    """Every way to write a number; ``less`` is a smaller one, ``s`` the English plural's."""
    digits = plain(value)
    point = Decimal(1).scaleb(-len(digits.partition(".")[2]))
    steps = int(value / point)
    found = {
        "digits": digits,
        "grouped": grouped(value),
        "money": grouped(value) if value == value.to_integral() else f"{value:,.2f}",
        "han": han_decimal(value),
        "less": plain(chance.randint(steps // 3, max(steps - 1, 0)) * point),
        "s": "" if value == 1 else "s",
    }
    if value == value.to_integral():
        whole = int(value)
        found["liang"] = "两" if whole == 2 else colloquial(han(whole))
        found["words"], found["ordinal"] = words(whole), ordinal(whole)
        found["nth"] = ordinal_word(whole) if whole < 100 else ordinal(whole)
    return found


def figures(chance: random.Random, low: int, high: int, step: int = 1) -> Phrase:
    """A whole number in digits."""
    value = chance.randrange(low, high + 1, step)
    return Phrase(str(value), str(value), spellings(Decimal(value), chance))


def decimal(chance: random.Random, low: int, high: int, places: Sequence[int]) -> Phrase:
    """A number above 0 in digits, with one of these numbers of decimal places."""
    size = 10 ** chance.choice(places)
    value = Decimal(chance.randint(max(low * size, 1), high * size)) / size
    return Phrase(plain(value), plain(value), spellings(value, chance))


def count(chance: random.Random, low: int, high: int) -> Phrase:
    """A count in figures or words, small ones as likely as large ones; 2 is 两."""
    length = chance.randint(len(str(low)), len(str(high)))
    value = chance.randint(max(low, 10 ** (length - 1)), min(high, 10**length - 1))
    if value > 100 and chance.random() < 0.5:
        value = max(low, value // 10 * 10 if value < 1000 else value // 100 * 100)
    found = spellings(Decimal(value), chance)
    numerals = chance.random() < (0.4 if value <= 10 else 0.12)
    spelled = chance.random() < (0.6 if value <= 10 else 0.2 if numerals and value <= 100 else 0)
    zh = found["liang" if numerals else "grouped" if chance.random() < 0.2 else "digits"]
    return Phrase(zh, found["words" if spelled else "grouped"], found)


def large(chance: random.Random, low: int, high: int) -> Phrase:
    """350万, 三亿, 12,500: 10^low … 10^(high + 1), mostly of few significant digits.

    The attribute ``figure`` is English without a word for the number.
    """
    digits, exponent = chance.choice((1, 1, 2, 2, 2, 3, 3, 4)), chance.randint(low, high)
    value = chance.randint(10 ** (digits - 1), 10**digits - 1) * 10 ** (exponent - digits + 1)
    short = len(str(value).rstrip("0")) <= 3
    zh = colloquial(han(value)) if short and chance.random() < 0.18 else _large(value, chance)
    english = magnitude(value)
    if english is None or (value < 10**8 and not short):
        english = grouped(value)
    lead, _, scale = english.partition(" ")
    spelled = scale and lead.isdigit() and int(lead) <= 10 and chance.random() < 0.2
    return Phrase(zh, words(value) if spelled else english, {"figure": english})


def _large(value: int, chance: random.Random) -> str:
    forms = [grouped(value), str(value)] if value < 10**6 else []
    for scale, low, high in LARGE:
        if low <= value < high and (form := scaled(value, scale)):
            forms += [form] * 6
    if form := mixed(value):
        forms += [form] * 2
    return chance.choice(forms or [grouped(value)])


def pattern(chance: random.Random, *patterns: str) -> Phrase:
    """What comes through as it stands: # is a digit, % one from 1, @ a letter."""
    kinds: dict[str, Sequence[str]] = {"#": "0123456789", "%": "123456789", "@": LETTERS}
    text = "".join(chance.choice(kinds.get(sign, [sign])) for sign in chance.choice(patterns))
    return Phrase(text, text)


def day(chance: random.Random, first: int, last: int) -> Phrase:
    """A day of these years."""
    span = date(first, 1, 1).toordinal(), date(last, 12, 31).toordinal()
    drawn = date.fromordinal(chance.randint(*span))
    found = {
        "year": str(drawn.year),
        "zh_year": han_digits(str(drawn.year)).replace("零", chance.choice("零〇")),
        "month": str(drawn.month),
        "zh_month": han(drawn.month),
        "name": f"{drawn:%B}",
        "day": str(drawn.day),
        "zh_day": han(drawn.day),
        "ordinal": ordinal(drawn.day),
        "weekday": f"{drawn:%A}",
        "zh_weekday": "一二三四五六日"[drawn.weekday()],
        "iso": drawn.isoformat(),
    }
    return Phrase(drawn.isoformat(), drawn.isoformat(), found)


def time(chance: random.Random, first: int, last: int) -> Phrase:
    """A time of day at one of these minutes."""
    zh_part, begins, ends, part = chance.choice(WORDS["clock"]["parts_of_day"])
    hour, minute = chance.randrange(begins, ends), chance.randint(first, last)
    twelve = (hour - 1) % 12 + 1
    found = {
        "hour": str(hour),
        "minute": f"{minute:02}",
        "zh_minute": ("" if minute > 9 else "零") + han(minute),
        "zh_words": f"{zh_part}{'两' if twelve == 2 else han(twelve)}",
        "words": words(twelve),
        "half": "a.m." if hour < 12 else "p.m.",
        "am": "am" if hour < 12 else "pm",
        "part": "at night" if hour >= 21 else part,
    }
    return Phrase(f"{zh_part}{twelve}", str(twelve), found)


DRAWN: dict[str, Callable[..., Phrase]] = {
    "figures": figures,
    "decimal": decimal,
    "count": count,
    "large": large,
    "pattern": pattern,
    "day": day,
    "time": time,
}
