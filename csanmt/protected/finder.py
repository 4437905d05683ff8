"""Find what must come through untouched in a text of any format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from csanmt.errors import InvalidInputError
from csanmt.protected.families import FAMILIES, Family

MOST_LITERALS = 64
LONGEST_LITERAL = 500
LITERAL = Family("literal", "what a caller names: `protect`")
# Plane 16's private use area, which no font and no text uses: one character for something
# that a caller keeps whole (csanmt.markup), in the place of a word or between two.
FIRST_POINT, LAST_POINT = "\U00100000", "\U0010efff"
FIRST_ATOM, LAST_ATOM = "\U0010f000", "\U0010feff"
ATOM = Family("atom", "elements kept whole", (f"[{FIRST_ATOM}-{LAST_ATOM}]",))
POINT = Family("point", "tags without a partner", (f"[{FIRST_POINT}-{LAST_POINT}]",))

_ALL = (ATOM, POINT, *FAMILIES)
_PATTERN = "|".join(f"(?P<f{i}>{family.expression})" for i, family in enumerate(_ALL))
# Every family begins with a visible ASCII character, « or ©; most of a Chinese text are others.
_START = rf"(?=[!-~«©{FIRST_POINT}-{LAST_ATOM}])"
# No family does without one of these.
_HINT = re.compile(
    rf"[@%{{<&#$^\[\\/`_:;~=>*|«©\u20e3{FIRST_POINT}-{LAST_ATOM}\u2070-\u209c\u00b2\u00b3\u00b9]"
    r"|\.[A-Za-z0-9]|(?<![A-Za-z0-9_])[a-z]{2,20}[A-Z]|[A-Za-z0-9_]\(|\(0"
    r"|[0-9][A-Za-z-]|[A-Za-z+-][0-9]|[0-9]{4} [0-9]|[0-9]{10}|[A-Za-z]{40}"
    r"|(?<![A-Za-z0-9])-[-A-Za-z]",
    re.ASCII,
)
_TRIM = re.compile(r"[.,;:!?'*~|]{1,20}\Z")
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_GLUED_LEFT = re.compile(
    r"[A-Za-z0-9_](?:[./:@#-]{0,2}[A-Za-z0-9_]){0,63}[./:@#-]{0,2}\Z", re.ASCII
)
_GLUED_RIGHT = re.compile(r"(?:[./:@#-]{0,2}[A-Za-z0-9_]){1,64}", re.ASCII)
_REACH = 130  # characters that glued expressions look at


@dataclass(frozen=True, slots=True)
class Protected:
    """A piece of a text, ``text[start:end]``, and why it is protected."""

    start: int
    end: int
    family: Family


def is_point(character: str) -> bool:
    """Stands for something between two words."""
    return FIRST_POINT <= character <= LAST_POINT


def find(text: str, literals: tuple[str, ...] = ()) -> list[Protected]:
    """The protected pieces of ``text`` in order; what touches another is one with it.

    But for what stands at the ends of ``text`` between no two words, which stays there.

    Args:
        literals: strings that a caller protects (``checked_literals``).
    """
    pieces = find_each(text, literals)
    first, last = _inner(text) if any(piece.family is POINT for piece in pieces) else (0, len(text))
    found: list[Protected] = []
    for piece in pieces:
        if found and found[-1].end == piece.start not in (first, last):
            kind = found[-1].family
            family = piece.family if kind is POINT else kind
            found[-1] = Protected(found[-1].start, piece.end, family)
        else:
            found.append(piece)
    return found


def _inner(text: str) -> tuple[int, int]:
    """Where ``text`` begins and ends without points and blanks at its ends."""
    outer = [is_point(c) or c.isspace() for c in text]
    if all(outer):
        return 0, len(text)
    return outer.index(False), len(outer) - outer[::-1].index(False)


def find_each(text: str, literals: tuple[str, ...] = ()) -> list[Protected]:
    """``find``, with pieces that touch apart."""
    if not literals and not _HINT.search(text):
        return []
    found: list[Protected] = []
    at = 0
    pattern = _pattern(literals)
    while match := pattern.search(text, at):
        family = (
            LITERAL if match.lastgroup == "literal" else _ALL[int((match.lastgroup or "f0")[1:])]
        )
        start, end = match.span()
        if family.trimmed:
            end = _trimmed(text, start, end)
        if family.glued:
            start, end = _with_neighbours(text, start, end, found[-1].end if found else 0)
        found.append(Protected(start, end, family))
        at = end
    return found


def checked_literals(literals: Sequence[str]) -> tuple[str, ...]:
    """What a caller may protect, without repeats.

    Raises:
        InvalidInputError: more than 64, or one is blank or too long.
    """
    kept = tuple(dict.fromkeys(literals))
    if len(kept) > MOST_LITERALS:
        raise InvalidInputError(f"protect has {len(kept)} strings; allowed is {MOST_LITERALS}")
    for literal in kept:
        if not literal.strip() or len(literal) > LONGEST_LITERAL:
            raise InvalidInputError(
                f"protect holds {literal[:20]!r} of {len(literal)} characters; "
                f"allowed is 1 to {LONGEST_LITERAL} that are not blank"
            )
    return kept


@lru_cache(maxsize=64)
def _pattern(literals: tuple[str, ...]) -> re.Pattern[str]:
    if not literals:
        return re.compile(f"{_START}(?:{_PATTERN})", re.ASCII)
    named = "|".join(map(_bounded, sorted(literals, key=len, reverse=True)))
    return re.compile(f"(?P<literal>{named})|{_START}(?:{_PATTERN})", re.ASCII)


def _bounded(literal: str) -> str:
    """A literal as an expression; one of letters is a word of its own."""
    left = r"(?<![A-Za-z0-9])" if _is_word(literal[0]) else ""
    right = r"(?![A-Za-z0-9])" if _is_word(literal[-1]) else ""
    return left + re.escape(literal) + right


def _is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _trimmed(text: str, start: int, end: int) -> int:
    """Without the sentence's own punctuation at its end: ``(see www.a.com/b).``"""
    while end > start + 1:
        last = text[end - 1]
        tail = _TRIM.search(text, max(start, end - 20), end)
        if tail:
            end = max(tail.start(), start + 1)
        elif last in _BRACKETS and text.count(last, start, end) > text.count(
            _BRACKETS[last], start, end
        ):
            end -= 1
        else:
            break
    return end


def _with_neighbours(text: str, start: int, end: int, after: int) -> tuple[int, int]:
    """With the letters and digits that stand right beside it, as in ``file_{name}.txt``."""
    left = _GLUED_LEFT.search(text, max(after, start - _REACH), start)
    right = _GLUED_RIGHT.match(text, end, end + _REACH)
    return left.start() if left else start, right.end() if right else end
