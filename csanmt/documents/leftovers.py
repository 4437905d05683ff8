"""What of a document stays in Chinese, counted by what it is, so that it can be said."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from csanmt.tables import read_toml

Part = Literal[
    "text", "code", "marked", "attributes", "keys", "formulas", "named", "names", "number_formats",
    "charts", "images", "embedded", "properties", "fuzzy",
]  # fmt: skip
_TABLE = read_toml(Path(__file__).with_name("leftovers.toml"))
_WORDS: dict[Part, list[str]] = _TABLE["words"]
_COUNTED_AS: dict[str, Part] = _TABLE["counted_as"]
_UNSEEN = frozenset(_TABLE["unseen"])
PARTS: tuple[Part, ...] = tuple(_WORDS)
_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


@dataclass(frozen=True, slots=True)
class Left:
    """So many pieces of one kind stay in Chinese; ``str`` says it in English."""

    part: Part
    count: int

    def __str__(self) -> str:
        one, several = _WORDS[self.part]
        words, verb = (one, "stays") if self.count == 1 else (several, "stay")
        return f"{self.count} {words} {verb} in Chinese"


def found(counts: Counter[Part]) -> tuple[Left, ...]:
    """In the order of ``PARTS``."""
    return tuple(Left(part, counts[part]) for part in PARTS if counts[part])


def chinese(text: str) -> bool:
    """There is a Chinese character in it."""
    return _CHINESE.search(text) is not None


def unread(names: Sequence[str], usual: Part) -> Counter[Part]:
    """What a text that no unit reads counts as, by the elements around it; else as ``usual``."""
    if not _UNSEEN.isdisjoint(names):
        return Counter()
    return Counter({next((_COUNTED_AS[n] for n in names if n in _COUNTED_AS), usual): 1})


def count(part: Part, texts: Iterable[str]) -> Counter[Part]:
    """How many of these are Chinese."""
    number = sum(map(chinese, texts))
    return Counter({part: number}) if number else Counter()
