"""Terminals for money: prices as people say them, amounts as the news reports them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal

from csanmt.tables import build
from training.synthetic.grammar import WORDS, Phrase
from training.synthetic.numbers import large_value, write_large
from training.synthetic.numerals import HAN_DIGITS, colloquial, grouped, han, plain, words


@dataclass(frozen=True)
class Currency:
    """How a currency is written: Chinese names, English singular and plural, its sign."""

    zh: tuple[str, ...]
    one: str
    many: str
    sign: str  # "" where English writes the name
    signed: float  # share of English amounts with the sign

    def english(self, amount: str, chance: random.Random) -> str:
        """The amount with its sign or name."""
        if chance.random() < self.signed:
            return f"{self.sign}{amount}"
        return f"{amount} {self.one if amount in ('1', 'one') else self.many}"


YUAN = Currency(("元", "元", "元", "元人民币"), "yuan", "yuan", "¥", 0.08)
FOREIGN = tuple(build(Currency, entry) for entry in WORDS["currency"])
CENTS = (("美分", "cents"), ("便士", "pence"), ("欧分", "cents"))


def _price_value(chance: random.Random) -> Decimal:
    kind = chance.random()
    if kind < 0.3:
        return Decimal(chance.randint(2, 100))
    if kind < 0.5:
        return Decimal(chance.choice((19, 29, 39, 49, 59, 69, 79, 88, 99, 129, 199, 299, 399, 599)))
    if kind < 0.7:
        return Decimal(chance.randint(1, 99)) + Decimal(chance.choice((5, 8, 9, 90, 99, 50))) / 100
    if kind < 0.85:
        return Decimal(chance.randint(11, 99)) * 10
    return Decimal(chance.randint(1000, 99999))


def _digits(value: Decimal, chance: random.Random) -> str:
    if value >= 1000 and chance.random() < 0.4:
        return grouped(value)
    return plain(value) if value == value.to_integral() or chance.random() < 0.6 else f"{value:.2f}"


def _english_digits(value: Decimal, zh: str) -> str:
    """English amounts of money have two decimals or none."""
    return grouped(value) if value == value.to_integral() else f"{value:,.2f}"


def price(chance: random.Random) -> Phrase:
    """A price in yuan: 299元, 12.5元, ¥59.90."""
    value = _price_value(chance)
    if value == value.to_integral() and value <= 1000 and chance.random() < 0.12:
        return Phrase(f"{colloquial(han(int(value)))}元", f"{words(int(value))} yuan")
    written = _digits(value, chance)
    if chance.random() < 0.08:
        return Phrase(f"¥{written}", f"¥{_english_digits(value, written)}")
    return Phrase(
        f"{written}{chance.choice(YUAN.zh)}", YUAN.english(_english_digits(value, written), chance)
    )


def spoken_price(chance: random.Random) -> Phrase:
    """块 and 毛 as in shops: 12块5, 三块钱, 8毛."""
    kind = chance.random()
    if kind < 0.15:
        tenths = chance.randint(2, 9)
        zh = HAN_DIGITS[tenths] if chance.random() < 0.5 else str(tenths)
        return Phrase(f"{'两' if zh == '二' else zh}毛钱", f"0.{tenths} yuan")
    whole = chance.choice((*range(2, 13), *range(2, 100), 100, 120, 150, 200, 500, 800))
    zh = "两" if whole == 2 else str(whole) if chance.random() < 0.6 else han(whole)
    if kind < 0.4:
        tenths = chance.randint(1, 9)
        tail = str(tenths) if zh.isdigit() else HAN_DIGITS[tenths]
        return Phrase(f"{zh}块{tail}", f"{whole}.{tenths}0 yuan")
    unit = chance.choice(("块", "块钱"))
    spelled = whole <= 10 and chance.random() < 0.5
    return Phrase(f"{zh}{unit}", f"{words(whole) if spelled else whole} yuan")


def foreign_price(chance: random.Random) -> Phrase:
    """A price in another currency."""
    if chance.random() < 0.05:
        name, english = chance.choice(CENTS)
        cents = chance.randint(2, 99)
        return Phrase(f"{cents}{name}", f"{cents} {english}")
    currency, value = chance.choice(FOREIGN[:3] + FOREIGN), _price_value(chance)
    if currency.many in ("yen", "won", "rubles", "rupees"):
        value = Decimal(int(value)) * chance.choice((1, 10, 100))
    written = _digits(value, chance)
    english = currency.english(_english_digits(value, written), chance)
    return Phrase(f"{written}{chance.choice(currency.zh)}", english)


def wage(chance: random.Random) -> Phrase:
    """Wages, rents, tuition: 3500元, 1.2万元."""
    value = chance.randint(10, 300) * chance.choice((50, 100, 100, 500))
    if value >= 10_000 and value % 100 == 0 and chance.random() < 0.6:
        amount = write_large(value, chance)
        return Phrase(f"{amount.zh}元", f"{grouped(value)} yuan")
    zh = colloquial(han(value)) if value % 500 == 0 and chance.random() < 0.15 else str(value)
    return Phrase(f"{zh}{chance.choice(('元', '元', '元', '块钱'))}", f"{grouped(value)} yuan")


def price_fall(chance: random.Random) -> Phrase:
    """A price and, as attributes ``zh_low`` and ``low``, a lower one."""
    high = chance.randint(20, 900) * chance.choice((1, 1, 10))
    low = high * chance.randint(30, 95) // 100
    unit = chance.choice(("元", "元", "块", "块钱"))
    return Phrase(
        f"{high}{unit}", f"{high:,} yuan", {"zh_low": f"{low}{unit}", "low": f"{low:,} yuan"}
    )


def yuan(chance: random.Random, low: int, high: int) -> Phrase:
    """An amount as the news has it: 3.2亿元."""
    amount = write_large(large_value(chance, low, high), chance)
    zh = f"{amount.zh}{chance.choice(YUAN.zh)}"
    if not amount.en[0].isdigit():
        return Phrase(zh, f"{amount.en} yuan")
    return Phrase(zh, YUAN.english(amount.en, chance))


def foreign(chance: random.Random, low: int, high: int) -> Phrase:
    """The same in another currency."""
    currency = chance.choice(FOREIGN[:2] * 3 + FOREIGN)
    amount = write_large(large_value(chance, low, high), chance)
    if not amount.en[0].isdigit():  # "$three million" is not English
        return Phrase(f"{amount.zh}{currency.zh[0]}", f"{amount.en} {currency.many}")
    zh = f"{amount.zh}{chance.choice(currency.zh)}"
    return Phrase(zh, currency.english(amount.en, chance))


def exchange_rate(chance: random.Random) -> Phrase:
    """1美元兑换7.12元人民币."""
    currency = chance.choice((FOREIGN[0], FOREIGN[0], FOREIGN[2], FOREIGN[3], FOREIGN[8]))
    places = chance.choice((1, 2, 3, 4))
    rate = plain(Decimal(chance.randint(4 * 10**places, 10 * 10**places)).scaleb(-places))
    zh = f"1{currency.zh[0]}{chance.choice(('兑', '兑换', '约合', '等于'))}{rate}元人民币"
    verb = chance.choice(("is worth", "equals", "buys"))
    if "约合" in zh:
        verb = "is about"
    return Phrase(zh, f"one {currency.one} {verb} {rate} yuan")
