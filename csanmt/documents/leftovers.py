"""What of a document stays in Chinese, counted by what it is, so that it can be said."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Part = Literal[
    "text", "code", "marked", "attributes", "keys", "formulas", "named", "names", "number_formats",
    "charts", "images", "embedded", "properties", "fuzzy",
]  # fmt: skip
# One, several.
_WORDS: dict[Part, tuple[str, str]] = {
    "text": ("text", "texts"),
    "code": ("piece of code", "pieces of code"),
    "marked": ("text marked as not to be translated", "texts marked as not to be translated"),
    "attributes": ("attribute", "attributes"),
    "keys": ("key", "keys"),
    "formulas": ("formula or its result", "formulas or their results"),
    "named": (
        "cell that a formula, filter or list names", "cells that formulas, filters or lists name",
    ),
    "names": ("name of a sheet, column or range", "names of sheets, columns or ranges"),
    "number_formats": ("number format", "number formats"),
    "charts": ("text of a chart", "texts of charts"),
    "images": ("text in an image", "texts in images"),
    "embedded": ("embedded document", "embedded documents"),
    "properties": ("property of the document", "properties of the document"),
    "fuzzy": ("fuzzy entry", "fuzzy entries"),
}  # fmt: skip
PARTS: tuple[Part, ...] = tuple(_WORDS)
# Elements of XML whose text nobody reads: readings, what was deleted or moved away, formulas
# (which are counted by what they name), programs, names of persons and houses.
_UNSEEN = frozenset({
    "rt", "rPh", "ruby-text", "delText", "delInstrText", "instrText", "moveFrom", "f", "formula",
    "formula1", "formula2", "definedName", "calculatedColumnFormula", "totalsRowFormula",
    "author", "creator", "contributor", "publisher", "lastModifiedBy", "initial-creator",
    "printed-by", "docAuthor", "annotation-xml", "script", "style", "ClientData", "Company",
    "Manager", "TitlesOfParts", "HeadingPairs", "Application", "Template",
})  # fmt: skip
_COUNTED_AS: dict[str, Part] = {
    "fld": "formulas", "oMath": "formulas", "math": "formulas", "formatCode": "number_formats",
    **dict.fromkeys(("number-style", "currency-style", "percentage-style", "date-style",
                     "time-style", "text-style", "boolean-style"), "number_formats"),
}  # fmt: skip
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
