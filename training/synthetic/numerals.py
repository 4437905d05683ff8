"""Writes whole numbers and decimals in Chinese and in English.

Chinese: digits (3250), numerals (三千二百五十), digits with 万 and 亿 (3.2亿, 12万5000).
English: digits with separators, words, a decimal with million, billion or trillion.
Every function takes an exact ``int`` or ``Decimal``: no float ever rounds a number.
"""

from __future__ import annotations

from decimal import Decimal

from csanmt.quantities import ENGLISH

HAN_DIGITS = "零一二三四五六七八九"
HAN_UNITS = (("亿", 10**8), ("万", 10**4), ("千", 1000), ("百", 100), ("十", 10))
SCALES = (("万亿", 10**12), ("亿", 10**8), ("万", 10**4))
MAGNITUDES = (("trillion", 10**12), ("billion", 10**9), ("million", 10**6))
ONES: list[str] = ENGLISH["units"]
TENS: list[str] = ENGLISH["tens"]  # from twenty


def han(value: int) -> str:
    """Chinese numerals below 10^16: 12 → 十二, 205 → 二百零五, 10^5 → 十万."""
    written = _han(value)
    return written.removeprefix("一") if written.startswith("一十") else written


def _han(value: int) -> str:
    for unit, size in HAN_UNITS:
        if value >= size:
            count, rest = divmod(value, size)
            gap = "零" if 0 < rest < size // 10 else ""
            return _han(count) + unit + gap + (_han(rest) if rest else "")
    return HAN_DIGITS[value]


def han_digits(digits: str) -> str:
    """Digit by digit, as years and decimals are read: 2019 → 二零一九."""
    return "".join(HAN_DIGITS[int(digit)] for digit in digits)


def han_decimal(value: Decimal) -> str:
    """12.5 → 十二点五."""
    whole, _, fraction = plain(value).partition(".")
    return han(int(whole)) + (f"点{han_digits(fraction)}" if fraction else "")


def colloquial(numerals: str) -> str:
    """两 where speech has it: before 千, 万 and 亿 at the start (二千三 → 两千三)."""
    return "两" + numerals[1:] if numerals[:2] in {"二千", "二万", "二亿"} else numerals


def plain(value: int | Decimal) -> str:
    """Digits without separators and without trailing zeros behind the point."""
    written = f"{Decimal(value):f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def grouped(value: int | Decimal) -> str:
    """English digits: 1250 → 1,250; 0.5 → 0.5."""
    return f"{Decimal(plain(value)):,f}"


def scaled(value: int, scale: str) -> str | None:
    """``value`` in 万, 亿 or 万亿 with at most two decimals, or None if that is not exact."""
    size = dict(SCALES)[scale]
    quotient = Decimal(value) / size
    exact = quotient == quotient.quantize(Decimal("0.01"))
    return f"{plain(quotient)}{scale}" if exact and quotient >= Decimal("0.1") else None


def mixed(value: int) -> str | None:
    """Digits in two scales: 320,000,000 → 3亿2000万; None where there is only one."""
    for (upper, size), (lower, below) in zip(SCALES[1:], (*SCALES[2:], ("", 1)), strict=True):
        high, rest = divmod(value, size)
        if high and rest and rest % below == 0 and high < 10_000 and rest // below >= 1000:
            return f"{high}{upper}{rest // below}{lower}"
    return None


def words(value: int) -> str:
    """English words of 0 … 10^15 - 1, American: 325 → three hundred twenty-five."""
    if value < 20:
        return ONES[value]
    if value < 100:
        ten, one = divmod(value, 10)
        return TENS[ten - 2] + (f"-{ONES[one]}" if one else "")
    if value < 1000:
        hundred, rest = divmod(value, 100)
        return f"{ONES[hundred]} hundred" + (f" {words(rest)}" if rest else "")
    for name, size in (*MAGNITUDES, ("thousand", 1000)):
        if value >= size:
            count, rest = divmod(value, size)
            return f"{words(count)} {name}" + (f" {words(rest)}" if rest else "")
    raise AssertionError("unreachable")


def magnitude(value: int) -> str | None:
    """``value`` with million, billion or trillion and few decimals, if that is exact."""
    for name, size in MAGNITUDES:
        if value >= size:
            quotient = Decimal(value) / size
            exact = quotient == quotient.quantize(Decimal("0.01" if size == 10**6 else "0.001"))
            return f"{plain(quotient)} {name}" if exact else None
    return None


def ordinal_word(value: int) -> str:
    """1 → first, 21 → twenty-first, 40 → fortieth; up to 99."""
    head, hyphen, last = words(value).rpartition("-")
    if last in ONES:
        return f"{head}{hyphen}{ENGLISH['ordinals'][ONES.index(last)]}"
    return last[:-1] + "ieth"


def ordinal(value: int) -> str:
    """1 → 1st, 12 → 12th, 103 → 103rd."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if 10 <= value % 100 <= 20 else endings.get(value % 10, "th")
    return f"{value}{ending}"
