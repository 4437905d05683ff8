"""What to force where an answer lost a quantity of its source."""

from __future__ import annotations

import re

from csanmt.faults import written
from csanmt.quantities import mentions, missing_values
from csanmt.terms import Demand

_TWICE = re.compile(r"\d,\d{3} (?:hundred|thousand|million|billion)", re.IGNORECASE)


def multiplied_twice(answer: str) -> bool:
    """The answer goes on with a magnitude behind a number that is written out."""
    return bool(_TWICE.search(answer))


def lost_quantities(source: str, answer: str) -> list[Demand]:
    """The quantities of ``source`` that ``answer`` does not name, as an answer would write them.

    Digits stay as they are; with 万 or 亿 behind them they are multiplied out.
    """
    missing = missing_values(source, answer)
    found = []
    for start, end, text, value in mentions(source) if missing else ():
        if value in missing:
            missing.remove(value)
            plain = text.replace(",", "").replace(".", "").isdigit()
            found.append(Demand(start, end, text if plain else written(value)))
    return found
