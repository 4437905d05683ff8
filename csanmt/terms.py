"""Terms of a glossary: where they occur, and in which forms they may be answered."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from csanmt.simplification import simplified

Term = tuple[str, str]  # a source and its target

_SIBILANT = ("s", "x", "z", "ch", "sh")
# Chinese that says "more than one" right before a noun, perhaps with a measure word between.
_MANY_BEFORE = re.compile(
    r"(?:[两二三四五六七八九十百千万亿几数]|[2-9]|[0-9]{2,}|许多|很多|多个|一些|这些|那些|哪些|有些|各|所有|大量)"
    r"[个只条张本台名位种项家辆块片件份座所支颗棵]?\Z"
)


@dataclass(frozen=True, slots=True)
class Demand:
    """Something a translation must contain.

    Attributes:
        start, end: what it translates, in the source sentence.
        target: its form as the glossary has it.
        inflected: it may be capitalised and, a common noun, be in the plural.
        many: the source says that it is more than one.
    """

    start: int
    end: int
    target: str
    inflected: bool = False
    many: bool = False

    def forms(self) -> tuple[str, ...]:
        """Every form that answers the demand; the one to be preferred stands first."""
        if not self.inflected or not self.target:
            return (self.target,)
        more = plural(self.target)
        forms = (more, self.target) if self.many else (self.target, more)
        return tuple(dict.fromkeys([*forms, *(capitalised(form) for form in forms)]))


class TermIndex:
    """Finds the terms of a glossary in a text: from left to right, the longest first."""

    def __init__(self, pairs: Iterable[Term]) -> None:
        self.targets = dict(pairs)
        kinds = {(source[0], len(source)) for source in self.targets if source}
        self._lengths: dict[str, list[int]] = {}  # by first character, the longest first
        for first, length in sorted(kinds, reverse=True):
            self._lengths.setdefault(first, []).append(length)

    def find(self, text: str) -> list[tuple[int, int, str]]:
        """(start, end, target) of every occurrence; none overlaps another."""
        found = []
        at = 0
        while at < len(text):
            length = self._length_at(text, at)
            if length:
                found.append((at, at + length, self.targets[text[at : at + length]]))
            at += length or 1
        return found

    def _length_at(self, text: str, at: int) -> int:
        for end in self.ends(text, at):
            if text[at:end] in self.targets and _whole_word(text, at, end):
                return end - at
        return 0

    def ends(self, text: str, at: int) -> list[int]:
        """Where a term that begins at ``at`` could end, the last place first."""
        return [at + n for n in self._lengths.get(text[at], ()) if at + n <= len(text)]

    def used_in(self, texts: Iterable[str]) -> tuple[Term, ...]:
        """The pairs whose source may occur in ``texts``, in the order of the glossary.

        Whether traditional and simplified characters are one thing is for the model's
        tokenizer to say (``read``); here they are.
        """
        index = TermIndex((simplified(source), "") for source in self.targets)
        read = [simplified(text) for text in texts]
        seen = {text[a:b] for text in read for a, b, _ in index.find(text)}
        return tuple((s, t) for s, t in self.targets.items() if simplified(s) in seen)


term_index = lru_cache(maxsize=64)(TermIndex)


def demands(sentence: str, pairs: tuple[Term, ...]) -> list[Demand]:
    """What a translation of ``sentence`` must contain."""
    found = []
    for start, end, target in term_index(pairs).find(sentence):
        inflected = _is_common(target)
        many = inflected and (
            sentence[end : end + 1] == "们" or bool(_MANY_BEFORE.search(sentence[:start]))
        )
        found.append(Demand(start, end, target, inflected, many))
    return found


def _whole_word(text: str, start: int, end: int) -> bool:
    """Not in the midst of a word of letters; Han needs no boundary."""
    left, right = text[start - 1 : start] if start else "", text[end : end + 1]
    return not (_letters(left, text[start]) or _letters(text[end - 1], right))


def _letters(left: str, right: str) -> bool:
    return all(c and c.isascii() and c.isalnum() for c in (left, right))


def _is_common(target: str) -> bool:
    """Lower-case words: not a name, a code or an abbreviation."""
    return bool(target) and target.isascii() and target == target.lower() and target[-1].isalpha()


def capitalised(term: str) -> str:
    return term[:1].upper() + term[1:]


def plural(term: str) -> str:
    """The regular English plural of a term's last word; itself if it looks plural already."""
    if term.endswith("s") and not term.endswith(("ss", "us", "is")):
        return term
    if term.endswith(_SIBILANT):
        return term + "es"
    if term.endswith("y") and term[-2:-1] not in "aeiou":
        return term[:-1] + "ies"
    return term + "s"


def count_forms(text: str, demand: Demand) -> int:
    """How often ``text`` holds the demanded term as words of their own."""
    found: set[int] = set()
    for form in demand.forms():
        for match in re.finditer(re.escape(form), text):
            if _whole_word(text, *match.span()):
                found.add(match.start())
    return len(found)
