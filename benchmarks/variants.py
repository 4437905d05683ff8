"""One way of writing what English writes in several: spelling, quotes, numbers, percentages.

A loss that is gone once candidate, baseline and reference are all written the same way is
no loss, so the rules on scores want to see it here too. The scores that are shown are of
the texts as they are: nothing is ever normalised for BLEU, chrF or TER.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

Replacement = str | Callable[[re.Match[str]], str]
_CHARACTERS = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
    "–": "-", "—": "-", "‑": "-", "−": "-", "…": "...", "\u00a0": " ", "\u202f": " ", "％": "%",
})  # fmt: skip
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
        (r"(?<=\d),(?=\d{3}(?!\d))", ""),
        (r"(?<=\d)\s?%", " percent"),
        *_SPELLING,
        (r"\s+", " "),
    )
)


@lru_cache(maxsize=100_000)
def canonical(text: str) -> str:
    """The text with every such variant written one way."""
    text = text.translate(_CHARACTERS)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text.strip()


def canonical_lines(lines: Sequence[str]) -> list[str]:
    return [canonical(line) for line in lines]
