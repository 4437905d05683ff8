"""Terminals for digits that name or measure: phone numbers, codes, scores, readings."""

from __future__ import annotations

import random
from decimal import Decimal

from training.synthetic.grammar import Phrase, Terminal
from training.synthetic.numerals import han


def number_code(length: int) -> Terminal:
    """Digits that name and do not count: they come through as they stand."""

    def terminal(chance: random.Random) -> Phrase:
        first = str(chance.randint(1, 9))
        code = first + "".join(str(chance.randint(0, 9)) for _ in range(length - 1))
        return Phrase(code, code)

    return terminal


def letter_code(chance: random.Random) -> Phrase:
    """A1203, KX-48: codes of orders, parts, flights."""
    letters = "".join(chance.choice("ABCDEFGHKLMNPRSTWXZ") for _ in range(chance.choice((1, 2, 2))))
    code = letters + chance.choice(("", "", "-")) + str(chance.randint(10, 99999))
    return Phrase(code, code)


def phone(chance: random.Random) -> Phrase:
    """A Chinese number of a mobile, a landline or a service line."""
    digits = "".join(str(chance.randint(0, 9)) for _ in range(8))
    kind = chance.random()
    if kind < 0.45:
        prefix = chance.choice(
            ("130", "133", "135", "136", "138", "139", "150", "158", "177", "186")
        )
        separator = chance.choice(("", "", "", " ", "-"))
        number = separator.join((prefix, digits[:4], digits[4:]))
    elif kind < 0.8:
        area = chance.choice(("010", "021", "020", "0755", "0571", "028", "025", "027", "0512"))
        number = f"{area}-{chance.randint(2, 8)}{digits[1:]}"
    elif kind < 0.9:
        number = f"400-{digits[:3]}-{digits[3:7]}"
    else:
        number = f"+86 {chance.randint(130, 189)} {digits[:4]} {digits[4:]}"
    return Phrase(number, number)


def score(chance: random.Random) -> Phrase:
    """3比2, 98比87: the result of a game, the higher number first."""
    high = chance.choice((5, 5, 5, 120))
    one = chance.randint(1, high)
    other = chance.randint(one // 2, one - 1)
    spelled = high == 5 and chance.random() < 0.3
    zh = f"{han(one)}比{han(other)}" if spelled else f"{one}{chance.choice('比比比:')}{other}"
    return Phrase(zh, f"{one}-{other}", {"zh_loss": f"{other}比{one}", "loss": f"{other}-{one}"})


def reach(low: int, high: int) -> Terminal:
    """Plain digits from ``low`` to ``high``: heights, temperatures."""

    def terminal(chance: random.Random) -> Phrase:
        value = str(chance.randint(low, high))
        return Phrase(value, value)

    return terminal


def memory(chance: random.Random) -> Phrase:
    """Gigabytes."""
    value = str(chance.choice((4, 8, 16, 32, 64, 128, 256, 512)))
    return Phrase(value, value)


def kilograms_at_birth(chance: random.Random) -> Phrase:
    """2.1 … 4.9."""
    value = f"{chance.randint(2, 4)}.{chance.randint(1, 9)}"
    return Phrase(value, value)


def points_of_index(chance: random.Random) -> Phrase:
    """3,215.37: where an index of shares stands."""
    value = Decimal(chance.randint(100_000, 4_500_000)).scaleb(-2)
    return Phrase(f"{value:f}", f"{value:,.2f}")


def magnitude_of_quake(chance: random.Random) -> Phrase:
    """3.1 … 8.9."""
    value = f"{chance.randint(3, 8)}.{chance.randint(1, 9)}"
    return Phrase(value, value)


TERMINALS: dict[str, Terminal] = {
    "code_b": number_code(3),
    "code_c": number_code(4),
    "code_d": number_code(6),
    "code_h": number_code(10),
    "code_k": number_code(16),
    "letters": letter_code,
    "phone": phone,
    "score": score,
    "old": reach(60, 96),
    "teen": reach(3, 21),
    "years_long": reach(15, 90),
    "tall": reach(150, 195),
    "temp": reach(3, 38),
    "oven": reach(120, 240),
    "fever": reach(37, 40),
    "gb": memory,
    "shoe": reach(35, 46),
    "decimal_index": points_of_index,
    "tenth": reach(1, 9),
    "systolic": reach(95, 180),
    "diastolic": reach(55, 110),
    "decimal_kg": kilograms_at_birth,
    "quake": magnitude_of_quake,
}
