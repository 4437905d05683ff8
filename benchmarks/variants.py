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

from csanmt.quantities import ENGLISH

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
# Endings that British and American English write differently. What they make of other words
# (called: caled) does not matter: all three texts are written so.
_SPELLING: tuple[tuple[str, Replacement], ...] = (
    (r"\b(def|off|lic|pret)en[cs]e(?=s?\b|d\b)", r"\1ense"),
    (r"\bpractis(?=e[sd]?\b|ing\b)", "practic"),
    (r"(?<=\w{3})our(?=s?\b|ed\b|ing\b|able\b|ably\b|ite|ful|less|hood|ly\b|ist|al|er)", "or"),
    (r"(?<=\w{2})is(?=e[sdr]?\b|ers\b|ing\b|ation)", "iz"),
    (r"(?<=\w{2})ys(?=e[sdr]?\b|ers\b|ing\b)", "yz"),
    (r"\b(cent|theat|met|lit|fib|calib|lust|somb|spect|manoeuv|\w+met|\w+lit)re(?=s?\b|d\b)",
     r"\1er"),
    (r"(?<=[aeiou])ll(?=ed\b|ing\b|ers?\b|ors?\b|ous|ery)", "l"),
    (r"(?<=\w{2}og)ue(?=s?\b|d\b)", ""), (r"\bprogramme(?=s?\b)", "program"),
    (r"\bgrey", "gray"), (r"\bcheque", "check"), (r"\btyre", "tire"), (r"\bplough", "plow"),
    (r"\bsceptic", "skeptic"), (r"\bmould", "mold"), (r"\bkerb", "curb"), (r"\bcosy", "cozy"),
    (r"\bageing", "aging"), (r"dgement", "dgment"), (r"\baluminium", "aluminum"),
    (r"\b(enro|fulfi|insta|ski|wi|appa|disti)ll?(?=s?\b|ful|ment)", r"\1l"),
    (r"(?<=\w)ae(?=m|st|di|co|ca)|(?<=\b)ae(?=sth|tio|on)", "e"), (r"paed", "ped"),
    (r"oe(?=soph|dema|st[ro])|(?<=\bf)oe(?=t)|(?<=rh)oe(?=a)|(?<=man)oe(?=u)", "e"),
    (r"(?<=ward)s\b", ""), (r"\bamongst\b", "among"), (r"\bwhilst\b", "while"),
    (r"\b(learn|spel|burn|dream|smel|spoil)t\b", r"\1ed"), (r"\bper cent\b", "percent"),
    (r"\bmum", "mom"), (r"\bpyjama", "pajama"), (r"\bsulph", "sulf"), (r"\bmoustache", "mustache"),
)  # fmt: skip
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
