"""Terminals for people: Chinese names in pinyin, foreign names, forms of address.

Characters with more than one reading in names are left out. The attributes ``he``, ``his``
and ``him`` are English pronouns, ``ta`` the Chinese one.
"""

from __future__ import annotations

import random

from training.synthetic.grammar import WORDS, Phrase

HE = {"he": "he", "his": "his", "him": "him", "ta": "他"}
SHE = {"he": "she", "his": "her", "him": "her", "ta": "她"}


def _pairs(table: str) -> list[tuple[str, str]]:
    items = (item.partition(":") for item in WORDS["people"][table].split())
    return [(zh, en) for zh, _, en in items]


_FIRST = [(*name, HE) for name in _pairs("first_his")]
_FIRST += [(*name, SHE) for name in _pairs("first_her")]
_LAST, _JAPANESE, TITLES = _pairs("last"), _pairs("japanese"), _pairs("titles")
_SURNAMES = dict(_pairs("surnames"))
_GIVEN_HIS, _GIVEN_HER = dict(_pairs("given_his")), dict(_pairs("given_her"))


def chinese_name(chance: random.Random) -> Phrase:
    """张伟, 李晓静: surname first in both languages; two characters are one English word."""
    given, pronouns = chance.choice(((_GIVEN_HIS, HE), (_GIVEN_HER, SHE)))
    surname = chance.choice(list(_SURNAMES))
    length = 1 if chance.random() < 0.4 else 2
    characters = chance.sample(list(given), length)
    joint = given[characters[0]]
    for character in characters[1:]:
        reading = given[character]
        joint += f"'{reading}" if reading[0] in "aeo" else reading
    english = f"{_SURNAMES[surname]} {joint.capitalize()}"
    return Phrase(surname + "".join(characters), english, {**pronouns, "pinyin": english})


def foreign_name(chance: random.Random) -> Phrase:
    """约翰·史密斯: John Smith."""
    zh, en, pronouns = chance.choice(_FIRST)
    last_zh, last_en = chance.choice(_LAST)
    return Phrase(f"{zh}·{last_zh}", f"{en} {last_en}", pronouns)


def first_name(chance: random.Random) -> Phrase:
    """汤姆, 玛丽."""
    zh, en, pronouns = chance.choice(_FIRST)
    return Phrase(zh, en, pronouns)


def _surname(chance: random.Random) -> tuple[str, str]:
    kind = chance.random()
    if kind < 0.7:
        zh = chance.choice(list(_SURNAMES))
        return zh, _SURNAMES[zh]
    return chance.choice(_LAST if kind < 0.93 else _JAPANESE)


def addressed(chance: random.Random) -> Phrase:
    """王先生, 史密斯女士: Mr. Wang, Ms. Smith."""
    zh, en = _surname(chance)
    title, english, pronouns = chance.choice(
        (("先生", "Mr.", HE),) * 2
        + (("女士", "Ms.", SHE), ("太太", "Mrs.", SHE), ("小姐", "Miss", SHE))
    )
    return Phrase(f"{zh}{title}", f"{english} {en}", pronouns)


def titled(chance: random.Random) -> Phrase:
    """张医生, 陈教授: Dr. Zhang, Professor Chen."""
    zh, en = _surname(chance)
    title, english = chance.choice(TITLES[:5]) if chance.random() < 0.75 else chance.choice(TITLES)
    return Phrase(f"{zh}{title}", f"{english} {en}", chance.choice((HE, SHE)))


def teacher(chance: random.Random) -> Phrase:
    """王老师: Mr. or Ms. Wang, as English has it."""
    surname = chance.choice(list(_SURNAMES))
    english, pronouns = chance.choice((("Mr.", HE), ("Ms.", SHE)))
    if chance.random() < 0.3:
        english = "Teacher"
    return Phrase(f"{surname}老师", f"{english} {_SURNAMES[surname]}", pronouns)


def familiar(chance: random.Random) -> Phrase:
    """小李, 老王: Xiao Li, Lao Wang."""
    surname = chance.choice([zh for zh in _SURNAMES if len(zh) == 1])
    zh, en = chance.choice((("小", "Xiao"), ("小", "Xiao"), ("老", "Lao")))
    return Phrase(f"{zh}{surname}", f"{en} {_SURNAMES[surname]}", chance.choice((HE, SHE)))


def person(chance: random.Random) -> Phrase:
    """Anybody by name."""
    return chance.choice(
        (chinese_name, chinese_name, chinese_name, first_name, first_name, foreign_name)
    )(chance)


def somebody(chance: random.Random) -> Phrase:
    """Anybody by name or form of address."""
    return chance.choice((person, person, addressed, titled, teacher, familiar))(chance)
