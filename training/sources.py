"""What every source of training text is: its domain and its licence (``sources.tsv``)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).resolve().parent / "sources.tsv"
FAMILIES = ("permissive", "attribution", "share-alike", "mpl", "lgpl", "gpl", "agpl", "odbl")


@dataclass(frozen=True, slots=True)
class Source:
    """One line of the table.

    domain: what kind of text, for losses by domain; family: the strictest licence family of
    its parts (one of ``FAMILIES``); licence: as found; place: repository or package.
    """

    origin: str
    domain: str
    family: str
    licence: str
    place: str


@cache
def sources() -> dict[str, Source]:
    """Origin → what it is."""
    with TABLE.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["origin"]: Source(**row) for row in rows}


def base(origin: str) -> str:
    """The origin as the table has it: ``lctt:short`` is ``lctt``."""
    return origin.removesuffix(":short")


def source(origin: str) -> Source:
    """What an origin is; text of one's own is of the domain ``other``, of the family ``own``."""
    name = base(origin)
    return sources().get(name) or Source(name, "other", "own", "", "")
