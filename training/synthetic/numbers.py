"""Terminals for numbers: counts, 万 and 亿, percentages, 成, 折, 倍, ranks, codes, readings.

A number is drawn first, as an exact ``int`` or ``Decimal``, and then written in both
languages; no spelling is ever parsed back here (the tests do that, on their own).
"""

from __future__ import annotations

import random
from decimal import Decimal
from math import gcd

from training.synthetic.grammar import Phrase
from training.synthetic.numerals import (
    HAN_DIGITS,
    colloquial,
    grouped,
    han,
    han_decimal,
    magnitude,
    mixed,
    ordinal,
    ordinal_word,
    plain,
    scaled,
    words,
)


def _significant(chance: random.Random, low: int, high: int, digits: int) -> int:
    """A number of ``digits`` significant digits with an exponent from ``low`` to ``high``."""
    exponent = chance.randint(low, high)
    lead = chance.randint(10 ** (digits - 1), 10**digits - 1)
    return int(Decimal(lead).scaleb(exponent - digits + 1))


def write_count(value: int, chance: random.Random, measured: bool = True) -> Phrase:
    """A number below 10,000 in one of its usual spellings.

    Args:
        measured: a measure word follows, so that a bare 2 in numerals is 两.
    """
    numerals = chance.random() < (0.4 if value <= 10 else 0.12)
    zh = han(value) if numerals else str(value)
    if numerals and value == 2 and measured:
        zh = "两"
    elif numerals:
        zh = colloquial(zh)
    spelled = chance.random() < (0.6 if value <= 10 else 0.2 if numerals and value <= 100 else 0)
    if value >= 1000 and not numerals and chance.random() < 0.2:
        zh = grouped(value)
    english = words(value) if spelled else grouped(value)
    return Phrase(zh, english, {"digits": str(value), "ordinal": ordinal(value)})


def count(chance: random.Random, low: int, high: int) -> Phrase:
    """A count, small ones as likely as large ones."""
    length = chance.randint(len(str(low)), len(str(high)))
    bottom, top = max(low, 10 ** (length - 1)), min(high, 10**length - 1)
    value = chance.randint(bottom, top)
    if value > 100 and chance.random() < 0.5:
        value = max(low, value // 10 * 10 if value < 1000 else value // 100 * 100)
    return write_count(value, chance)


def large_value(chance: random.Random, low: int, high: int) -> int:
    """10^low … 10^(high + 1), mostly of one to three significant digits."""
    return _significant(chance, low, high, chance.choice((1, 1, 2, 2, 2, 3, 3, 4)))


def write_large(value: int, chance: random.Random) -> Phrase:
    """A number from 10,000 in one of its usual spellings: 3.2亿 = 320 million."""
    lead = str(value).rstrip("0")
    spelled = len(lead) <= 3 and chance.random() < 0.18
    zh = colloquial(han(value)) if spelled else _large_digits(value, chance)
    english = magnitude(value)
    if english is None or (value < 10**8 and len(lead) > 2 and chance.random() < 0.25):
        return Phrase(zh, grouped(value))
    count = int(value // 10 ** (3 * ((len(str(value)) - 1) // 3)))
    if "." not in english and count <= 10 and chance.random() < (0.5 if spelled else 0.15):
        return Phrase(zh, words(value))
    return Phrase(zh, english)


def large(chance: random.Random, low: int, high: int) -> Phrase:
    """350万, 三亿, 12,500: from 10,000 to trillions."""
    return write_large(large_value(chance, low, high), chance)


def _large_digits(value: int, chance: random.Random) -> str:
    forms = []
    if value < 10**6:
        forms += [grouped(value), str(value)]
    for scale, low, high in (("万", 10**4, 10**8), ("亿", 10**8, 10**12), ("万亿", 10**12, 10**16)):
        if low <= value < high and (form := scaled(value, scale)):
            forms += [form] * 6
    if 10**12 <= value < 10**13 and (form := scaled(value, "亿")):
        forms += [form] * 2
    if form := mixed(value):
        forms += [form] * 2
    if value % 10**7 == 0 and value < 10**8:
        forms.append(f"{value // 10**7}千万")
    return chance.choice(forms) if forms else grouped(value)


def more_people(chance: random.Random) -> Phrase:
    """30多万, 200余: an open number above a round one."""
    scale, size = chance.choice((("万", 10**4), ("", 1)))
    over = chance.choice(("more than", "over"))
    if scale and chance.random() < 0.4:
        lead = chance.randint(1, 9)
        zh = f"{lead}{scale}{chance.choice('多余')}"
        if chance.random() < 0.3:
            zh = f"{colloquial(han(lead) + scale)}多"
    else:
        lead = chance.randint(1, 9) * chance.choice((10, 10, 100))
        zh = f"{han(lead) if chance.random() < 0.3 else lead}{chance.choice('多余')}{scale}"
    value = lead * size
    english = magnitude(value)
    return Phrase(zh, f"{over} {english or grouped(value)}")


def _percentage(chance: random.Random, high: int = 99) -> Decimal:
    """0.1 … high, with up to two decimals."""
    places = chance.choice((0, 0, 0, 1, 1, 1, 2))
    number = Decimal(chance.randint(1 if places else 2, high * 10**places))
    return number.scaleb(-places)


def write_percent(value: Decimal, chance: random.Random) -> Phrase:
    """12.5% or 百分之十二点五."""
    if chance.random() < 0.15:
        word = " percent" if chance.random() < 0.4 else "%"
        return Phrase(f"百分之{han_decimal(value)}", f"{plain(value)}{word}")
    return Phrase(
        f"{plain(value)}%", f"{plain(value)}{'%' if chance.random() < 0.9 else ' percent'}"
    )


def percent(chance: random.Random) -> Phrase:
    """A share or a change, below 100%."""
    return write_percent(_percentage(chance), chance)


def growth(chance: random.Random) -> Phrase:
    """A rise in per cent: may be above 100%."""
    if chance.random() < 0.1:
        return write_percent(Decimal(chance.randint(10, 50) * 10), chance)
    return write_percent(_percentage(chance, 60), chance)


def rate(chance: random.Random) -> Phrase:
    """A rate: below 20 per cent."""
    return write_percent(_percentage(chance, 19), chance)


def rate_fall(chance: random.Random) -> Phrase:
    """A rate and, as the attribute ``low``, a lower one: 5.2% → 4.8%."""
    high = chance.randint(20, 199)
    low = chance.randint(high // 3, high - 1)
    return Phrase(
        *(f"{plain(Decimal(high).scaleb(-1))}%",) * 2, {"low": f"{plain(Decimal(low).scaleb(-1))}%"}
    )


def points(chance: random.Random) -> Phrase:
    """0.3个百分点."""
    value = _percentage(chance, 9)
    unit = "percentage point" if value == 1 else "percentage points"
    return Phrase(f"{plain(value)}个百分点", f"{plain(value)} {unit}")


def tenths(chance: random.Random) -> Phrase:
    """成: 三成 is 30%, 两成五 25%."""
    tenth, half = chance.randint(1, 9), chance.random() < 0.2
    zh = "两" if tenth == 2 else HAN_DIGITS[tenth]
    share = tenth * 10 + (5 if half else 0)
    english = f"{share} percent" if chance.random() < 0.25 else f"{share}%"
    return Phrase(f"{zh}成{'五' if half else ''}", english)


def discount(chance: random.Random) -> Phrase:
    """折: 八折 is 20% off, 七五折 25% off; the attribute ``price`` says what is left."""
    tens = chance.randint(1, 9)
    half = tens >= 5 and chance.random() < 0.35
    rest = tens * 10 + (chance.choice((5, 5, 8)) if half else 0)
    digits = chance.random() < 0.4
    written = f"{tens}.{rest % 10}" if half else str(tens)
    numerals = HAN_DIGITS[tens] + (HAN_DIGITS[rest % 10] if half else "")
    zh = f"{written if digits else numerals}折"
    return Phrase(zh, f"{100 - rest}% off", {"price": f"{rest}%", "cut": f"{100 - rest}%"})


def times(chance: random.Random) -> Phrase:
    """倍: 3倍 is three times, 两倍 twice."""
    if chance.random() < 0.3:
        tenths = plain(Decimal(chance.randint(11, 99)) / 10)
        return Phrase(f"{tenths}倍", f"{tenths} times")
    value = chance.choice((2, 2, 3, 3, 4, 5, 6, 8, 10, 12, 15, 20, 50, 100))
    zh = "两" if value == 2 and chance.random() < 0.7 else han(value)
    zh = str(value) if chance.random() < 0.5 else zh
    if value == 2:
        return Phrase(f"{zh}倍", "twice")
    return Phrase(f"{zh}倍", f"{words(value) if value <= 10 else value} times")


def fraction(chance: random.Random) -> Phrase:
    """三分之二 is two thirds."""
    under = chance.choice((3, 3, 3, 4, 4, 4, 5, 5, 6, 7, 8, 10))
    over = chance.choice([n for n in range(1, min(under, 8)) if gcd(n, under) == 1])
    if under == 4:
        names = ("quarter", "quarters")
    else:
        names = (ordinal_word(under), ordinal_word(under) + "s")
    english = (
        f"{chance.choice(('one', 'a'))} {names[0]}" if over == 1 else f"{words(over)} {names[1]}"
    )
    return Phrase(f"{han(under)}分之{han(over)}", english.replace("a eighth", "an eighth"))


def decimal(chance: random.Random) -> Phrase:
    """0.05 … 99.99."""
    value = Decimal(chance.randint(5, 9999)).scaleb(-chance.choice((1, 1, 2)))
    return _same(plain(value))


def rank(chance: random.Random) -> Phrase:
    """第三 is third, 第21 21st."""
    value = chance.choice((*range(1, 13), *range(1, 60)))
    zh = f"第{han(value) if chance.random() < 0.6 else value}"
    english = ordinal_word(value) if value <= 10 or chance.random() < 0.3 else ordinal(value)
    return Phrase(zh, english, {"largest": "largest" if value == 1 else f"{english} largest"})


def code(chance: random.Random, length: int) -> Phrase:
    """Digits that name and do not count: they come through as they stand."""
    first = str(chance.randint(1, 9))
    return _same(first + "".join(str(chance.randint(0, 9)) for _ in range(length - 1)))


def figures(chance: random.Random, low: int, high: int) -> Phrase:
    """Plain digits from ``low`` to ``high``: heights, temperatures."""
    return _same(str(chance.randint(low, high)))


def _same(text: str) -> Phrase:
    return Phrase(text, text)


def letters(chance: random.Random) -> Phrase:
    """A1203, KX-48: codes of orders, parts, flights."""
    letters = "".join(chance.choice("ABCDEFGHKLMNPRSTWXZ") for _ in range(chance.choice((1, 2, 2))))
    return _same(letters + chance.choice(("", "", "-")) + str(chance.randint(10, 99999)))


def phone(chance: random.Random) -> Phrase:
    """A Chinese number of a mobile, a landline or a service line."""
    digits = "".join(str(chance.randint(0, 9)) for _ in range(8))
    kind = chance.random()
    if kind < 0.45:
        prefix = chance.choice((130, 133, 135, 136, 138, 139, 150, 158, 177, 186))
        separator = chance.choice(("", "", "", " ", "-"))
        number = separator.join((str(prefix), digits[:4], digits[4:]))
    elif kind < 0.8:
        area = chance.choice(["010", "021", "020", "0755", "0571", "028", "025", "027", "0512"])
        number = f"{area}-{chance.randint(2, 8)}{digits[1:]}"
    elif kind < 0.9:
        number = f"400-{digits[:3]}-{digits[3:7]}"
    else:
        number = f"+86 {chance.randint(130, 189)} {digits[:4]} {digits[4:]}"
    return _same(number)


def score(chance: random.Random) -> Phrase:
    """3比2, 98比87: the result of a game, the higher number first."""
    high = chance.choice((5, 5, 5, 120))
    one = chance.randint(1, high)
    other = chance.randint(one // 2, one - 1)
    spelled = high == 5 and chance.random() < 0.3
    zh = f"{han(one)}比{han(other)}" if spelled else f"{one}{chance.choice('比比比:')}{other}"
    return Phrase(zh, f"{one}-{other}", {"zh_loss": f"{other}比{one}", "loss": f"{other}-{one}"})


def gb(chance: random.Random) -> Phrase:
    """Gigabytes."""
    return _same(str(chance.choice((4, 8, 16, 32, 64, 128, 256, 512))))


def decimal_kg(chance: random.Random) -> Phrase:
    """2.1 … 4.9."""
    return _same(f"{chance.randint(2, 4)}.{chance.randint(1, 9)}")


def decimal_index(chance: random.Random) -> Phrase:
    """3,215.37: where an index of shares stands."""
    value = Decimal(chance.randint(100_000, 4_500_000)).scaleb(-2)
    return Phrase(f"{value:f}", f"{value:,.2f}")


def quake(chance: random.Random) -> Phrase:
    """3.1 … 8.9."""
    return _same(f"{chance.randint(3, 8)}.{chance.randint(1, 9)}")
