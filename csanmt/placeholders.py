"""What stands for a word and must come through untouched: ``{name}``, ``%s``, kept elements.

A model drops or mangles such things, but copies a person's name. So each is shown to it
as a name that the sentence does not hold (`请打开{file}。` → `请打开Tom。`), the answer is
made to contain that name (``csanmt.forcing``), and the name is exchanged again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from csanmt.translator import Hypothesis

# Plane 16's private use area, which no font and no text uses: one character for something
# that a caller keeps whole (csanmt.markup).
FIRST_ATOM, LAST_ATOM = "\U0010f000", "\U0010feff"
ATOM = f"[{FIRST_ATOM}-{LAST_ATOM}]"
_PLACEHOLDER = re.compile(
    r"[\w./:@#-]{0,64}(?:"
    r"\$?\{\{?[^{}\n]{0,60}\}\}?"  # {x}, {{x}}, ${x}
    r"|(?<![0-9])%(?:\([\w.]{1,40}\)|[0-9]{1,2}\$)?[-+0#]?[0-9]{0,3}(?:\.[0-9]{1,2})?l{0,2}[sdiufgx@](?![a-z])"
    r"|\[X[0-9]{1,6}X\]"  # as Weblate marks them in plain text
    r"|<x id=[\"'][^\"'<>]{0,40}[\"']\s?/?>(?:</x>)?"
    r")[\w./:@#-]{0,64}",
    re.ASCII,
)
_WHOLE = re.compile(f"{_PLACEHOLDER.pattern}|{ATOM}", re.ASCII)
# Names that translation models meet everywhere; measured on the default model.
_NAMES = ("Tom", "Mary", "Bob", "John", "Alice", "Peter", "Anna", "Jack", "Lucy", "David")


@dataclass(frozen=True, slots=True)
class StandIn:
    """``name`` stands in the place of ``surface``; ``start`` is where, in the text with names."""

    surface: str
    name: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.name)


def placeholders(sentence: str) -> list[tuple[int, int]]:
    """Ranges of what must come through untouched, in order."""
    if not any(c in sentence for c in "{%[<") and max(sentence, default="") < FIRST_ATOM:
        return []
    return [found.span() for found in _WHOLE.finditer(sentence)]


def free_names(sentence: str) -> list[str]:
    """Names that can stand for something in this sentence."""
    lower = sentence.lower()
    return [name for name in _NAMES if name.lower() not in lower]


def occurrences(name: str, text: str) -> list[tuple[int, int]]:
    """Where ``name`` stands in ``text`` as a word of its own."""
    pattern = rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])"
    return [found.span() for found in re.finditer(pattern, text)]


def exchange(
    hypothesis: Hypothesis, standins: Iterable[StandIn]
) -> tuple[Hypothesis, list[StandIn]]:
    """Put the surfaces in the place of their names; a name that came twice goes once.

    Returns:
        The hypothesis, and the stand-ins that it does not hold.
    """
    missing: list[StandIn] = []
    changes: list[tuple[int, int, str]] = []
    for standin in standins:
        found = occurrences(standin.name, hypothesis.text)
        if not found:
            missing.append(standin)
            continue
        changes.append((*found[0], standin.surface))
        changes += [(_with_space(hypothesis.text, a), b, "") for a, b in found[1:]]
    return replaced(hypothesis, changes), missing


def _with_space(text: str, start: int) -> int:
    return start - 1 if text[start - 1 : start] == " " else start


def replaced(hypothesis: Hypothesis, changes: list[tuple[int, int, str]]) -> Hypothesis:
    """``hypothesis`` with disjoint ranges of its text replaced, and its alignment moved along."""
    if not changes:
        return hypothesis
    changes = sorted(changes)
    parts, last = [], 0
    for start, end, new in changes:
        parts += [hypothesis.text[last:start], new]
        last = end
    parts.append(hypothesis.text[last:])

    def moved(span: tuple[int, int]) -> tuple[int, int]:
        low, high = span
        shift = 0
        for start, end, new in changes:
            if end <= low:
                shift += len(new) - (end - start)
            elif start < high:  # it overlaps: the whole replacement is meant
                low, high = min(low, start), max(high, end)
                return low + shift, high + shift + len(new) - (end - start)
        return low + shift, high + shift

    pairs = hypothesis.alignment
    if pairs is not None:
        pairs = tuple((source, moved(target)) for source, target in pairs)
    return Hypothesis(
        "".join(parts), hypothesis.score, hypothesis.tokens, hypothesis.hit_limit, pairs
    )
