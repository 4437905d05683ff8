"""Glossaries: parsed, checked for conflicts, and what is wrong with them said."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from csanmt.errors import InvalidInputError
from csanmt.terms import Term, TermIndex

MAX_TERMS = 10_000
MAX_TERM = 200  # characters
_BAD = "\\x00-\\x1f\\x7f\\u2028\\u2029"
TERM_PATTERN = f"^[^{_BAD}]*[^\\s{_BAD}][^{_BAD}]*$"  # not blank, no control character
_NO_TERM = re.compile(f"[{_BAD}\\ud800-\\udfff]")
MOST_COMPARISONS = 1_000_000  # of pieces of terms with other terms: about a second


@dataclass(frozen=True, slots=True)
class Overlap:
    """A term within a longer one: where the longer one stands, the shorter has no effect."""

    shorter: str
    longer: str

    def __str__(self) -> str:
        return f"{self.shorter!r} lies within {self.longer!r}, which is preferred where it stands"


def checked(pairs: Iterable[Sequence[str]]) -> tuple[Term, ...]:
    """The pairs of a glossary, white space at their ends taken off, exact repetitions dropped.

    Raises:
        InvalidInputError: a term is empty, too long or holds a control character; one source
            has two targets; too many terms. Names the term.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        if len(pair) != 2 or not all(isinstance(term, str) for term in pair):
            raise InvalidInputError("a glossary entry must be a source term and a target term")
        source, target = _term(pair[0], "source"), _term(pair[1], "target")
        if found.get(source, target) != target:
            raise InvalidInputError(
                f"conflict: the source term {source!r} has two targets, "
                f"{found[source]!r} and {target!r}"
            )
        found[source] = target
        if len(found) > MAX_TERMS:
            raise InvalidInputError(f"more than {MAX_TERMS} terms in a glossary")
    return tuple(found.items())


def _term(term: str, side: str) -> str:
    if not term.strip():
        raise InvalidInputError(f"a {side} term is empty")
    if len(term) > MAX_TERM:
        raise InvalidInputError(f"a {side} term has {len(term)} characters; allowed is {MAX_TERM}")
    inner = term.removesuffix("\n")  # what `$` of the pattern allows
    if _NO_TERM.search(inner):
        raise InvalidInputError(f"the {side} term {term!r} holds a control character")
    return term.strip()


def overlaps(pairs: Iterable[Term], most: int = 100) -> list[Overlap]:
    """Source terms that lie within others: at most ``most``, the shortest terms first.

    What ``MOST_COMPARISONS`` do not find in a huge glossary is not told.
    """
    index = TermIndex(pairs)
    sources = index.targets.keys()
    found: list[Overlap] = []
    comparisons = 0
    for longer in sorted(sources, key=lambda s: (len(s), s)):
        inner: set[str] = set()
        for at in range(len(longer)):
            ends = index.ends(longer, at)
            comparisons += len(ends)
            inner |= sources & {longer[at:end] for end in ends}
        found += [Overlap(shorter, longer) for shorter in sorted(inner - {longer})]
        if len(found) >= most or comparisons > MOST_COMPARISONS:
            break
    return found[:most]


def parse_entries(text: str, form: str) -> tuple[Term, ...]:
    """Entries as ``tsv`` or ``csv``: one pair a line.

    In CSV the third and fourth columns (DeepL's languages) are ignored.

    Raises:
        InvalidInputError: a line is not a pair, or as ``checked``. Names the line.
    """
    if form not in ("tsv", "csv"):
        raise InvalidInputError(f"entries are in the format {form!r}; allowed are tsv and csv")
    if form == "csv":
        try:
            rows = [row[:2] for row in csv.reader(io.StringIO(text, newline=""), strict=True)]
        except csv.Error as error:
            raise InvalidInputError(f"the entries are not CSV: {error}") from None
    else:
        rows = [line.split("\t") for line in text.replace("\r\n", "\n").split("\n")]
    numbered = [(n, row) for n, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    for number, row in numbered:
        if len(row) != 2:
            raise InvalidInputError(
                f"line {number}: {len(row)} columns; a source and a target term"
            )
    return checked(row for _, row in numbered)


def as_tsv(pairs: Iterable[Term]) -> str:
    return "\n".join(f"{source}\t{target}" for source, target in pairs)
