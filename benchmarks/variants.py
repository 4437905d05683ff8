"""One way of writing what English writes in several: spelling, quotes, numbers, dates, …

A loss that is gone once candidate, baseline and reference are all written the same way is
no loss, so the rules on scores want to see it here too. The scores that are shown are of
the texts as they are: nothing is ever normalised for BLEU, chrF or TER.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from csanmt.quantities import ENGLISH
from csanmt.tables import read_toml

Replacement = str | Callable[[re.Match[str]], str]
_CHARACTERS = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
    "‑": "-", "−": "-", "…": "...",
})  # fmt: skip
_MONTHS = [month.capitalize() for month in ENGLISH["months"]]
_MONTH = f"({'|'.join(_MONTHS)})"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_NUMBERS = [*ENGLISH["units"], "twenty"]
_MAGNITUDES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}


def _acronym(found: re.Match[str]) -> str:
    """U.S. is US; what ends the text ends it still."""
    stop = "." if found.end() == len(found.string) else ""
    return found.group().replace(".", "") + stop


def _iso(found: re.Match[str]) -> str:
    year, month, day = map(int, found.groups())
    return f"{_MONTHS[month - 1]} {day} {year}" if 1 <= month <= 12 else found.group()


def _clock(found: re.Match[str]) -> str:
    hour, minute, half = found.groups()
    return f"{int(hour) % 12 + 12 * (half.lower() == 'p')}:{minute or '00'}"


def _magnitude(found: re.Match[str]) -> str:
    return f"{float(found[1]) * _MAGNITUDES[found[2].lower()]:.15g}"


_WORDING: tuple[tuple[str, Replacement], ...] = (
    # Dashes, quotes, dots.
    (r"(?<=\d)\s?[–—]\s?(?=\d)", "-"), (r"\s?[–—]\s?|\s-{1,3}\s|-{2,3}", " - "),
    (r"\b(?-i:(?:[A-Z]\.){2,})", _acronym), (r"\b[ap]\.m\.", _acronym),
    (r"\b(Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr)\.(?=\s)", r"\1"), (r"\s&\s", " and "),
    (r"\b(?:okay|o\.k\.)", "OK"), (r",(?=\s(?:and|or)\s)", ""),
    # Contractions, before what is left of single quotes.
    (r"\bwon't\b", "will not"), (r"\bcan(?:'t|not)\b", "can not"), (r"n't\b", " not"),
    (r"'ll\b", " will"), (r"'re\b", " are"), (r"'ve\b", " have"), (r"\bI'm\b", "I am"),
    (r"\b(he|she|it|that|there|here|what|who|where|how)'s\b", r"\1 is"),
    (r"\blet's\b", "let us"), (r"(?<!\w)'|'(?!\w)", '"'), (r'"([,.])', r'\1"'),
    # Numbers, dates, amounts.
    (r"(?<![\d.,])\d{1,3}(?:[ ,']\d{3})+(?!\d)", lambda m: re.sub(r"\D", "", m.group())),
    (rf"\b({'|'.join(_NUMBERS)})\b", lambda m: str(_NUMBERS.index(m.group().lower()))),
    (r"\b(\d+(?:\.\d+)?)[ -](thousand|million|billion|trillion)\b", _magnitude),
    (r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b", _iso),
    (rf"\b{_DAY} (?:of )?{_MONTH}\b", r"\2 \1"), (rf"\b{_MONTH} {_DAY}\b,?", r"\1 \2"),
    (rf"\b({_MONTH[1:-1]}) (\d{{1,2}} \d{{4}}),", r"\1 \2"),
    (r"\b(\d{1,2})(?::(\d\d))?\s?([ap])m\b", _clock), (r"(?<=\d)\s?%", " percent"),
    (r"(?:\bUS\s?)?\$\s?(\d[\d.]*\d|\d)", r"\1 dollars"),
    (r"\be-(?=mail|commerce|book)", "e"), (r"(?<=\w)-(?=[a-z])", " "),
)  # fmt: skip
_SPELLING = read_toml(Path(__file__).parent / "english.toml")["spelling"]
_RULES = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r'\s+(?=["\')\]]+(?:\s|$))', ""),  # `. "` at the end of a quotation
        *_WORDING,
        *_SPELLING,
        (r"\s+", " "),
    )
)


@lru_cache(maxsize=100_000)
def canonical(text: str) -> str:
    """The text with every such variant written one way."""
    text = unicodedata.normalize("NFKC", text.translate(_CHARACTERS))
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text.strip()
