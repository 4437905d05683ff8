"""What no model translates: taken out before, put back where it belongs after.

Emoji, control characters, private-use characters and scripts the vocabulary does
not know would reach the model as noise and vanish. They are lifted out of the
sentence, and set into the translation beside the words that their neighbours in
the source became (by alignment), or at its end. Placeholders, which stand for
words, are shown to the model as names instead (``csanmt.placeholders``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from csanmt.placeholders import FIRST_ATOM, StandIn, exchange, free_names, placeholders
from csanmt.translator import Hypothesis

CharacterSpan = tuple[int, int]
AlignedPair = tuple[CharacterSpan, CharacterSpan]  # (source span, target span)

# Control, format, private use, surrogate, unassigned: never a model's business.
_NEVER_TEXT = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
_CLINGING = frozenset({"Mn", "Mc", "Me", "Cf", "Sk"})


@dataclass(frozen=True, slots=True)
class Carried:
    """One lifted run: its text and where in the remaining text it stood."""

    surface: str
    at: int


@dataclass(frozen=True, slots=True)
class Lifted:
    """A sentence without its lifted runs.

    Attributes:
        text: what goes to the model.
        carried: the runs, in order.
        origin: for every offset of ``text`` (and its end) the offset in the sentence.
        standins: the placeholders that stand in ``text`` as names.
    """

    text: str
    carried: tuple[Carried, ...]
    origin: tuple[int, ...]
    standins: tuple[StandIn, ...] = ()


def lift(sentence: str, represents: Callable[[str], bool]) -> Lifted:
    """Take out every run of characters that the vocabulary does not represent."""
    held = placeholders(sentence)
    flags = [_foreign(c, represents) for c in sentence]
    if not held and not any(flags):
        return Lifted(sentence, (), ())
    for start, end in held:
        flags[start:end] = [False] * (end - start)
    _widen(sentence, flags, {i for span in held for i in range(*span)})
    return _Lifting(sentence, flags, held).done()


class _Lifting:
    """Goes through a sentence and keeps, lifts or renames what it meets."""

    def __init__(self, sentence: str, flags: Sequence[bool], held: Sequence[CharacterSpan]) -> None:
        self._sentence = sentence
        self._text: list[str] = []
        self._origin: list[int] = []
        self._carried: list[Carried] = []
        self._standins: list[StandIn] = []
        names = iter(free_names(sentence))
        ends = dict(held)
        i = 0
        while i < len(sentence):
            end = ends.get(i, i + 1)
            name = next(names, None) if i in ends else None
            if name is not None:
                self._rename(i, end, name)
            elif i in ends or flags[i]:
                self._lift(i, end)
            else:
                self._keep(sentence[i], i)
            i = end

    def _keep(self, character: str, origin: int) -> None:
        self._text.append(character)
        self._origin.append(origin)

    def _lift(self, start: int, end: int) -> None:
        run, at = self._sentence[start:end], len(self._text)
        if self._carried and self._carried[-1].at == at:
            run = self._carried.pop().surface + run
        self._carried.append(Carried(run, at))

    def _rename(self, start: int, end: int, name: str) -> None:
        if self._text and self._text[-1].isascii() and self._text[-1].isalnum():
            self._keep(" ", start)
        self._standins.append(StandIn(self._sentence[start:end], name, len(self._text)))
        for k, character in enumerate(name):
            self._keep(character, end - 1 if k == len(name) - 1 else start)
        following = self._sentence[end : end + 1]
        if (following.isascii() and following.isalnum()) or following >= FIRST_ATOM:
            self._keep(" ", end - 1)

    def done(self) -> Lifted:
        return Lifted(
            "".join(self._text),
            tuple(self._carried),
            (*self._origin, len(self._sentence)),
            tuple(self._standins),
        )


def _foreign(character: str, represents: Callable[[str], bool]) -> bool:
    if character.isspace():
        return False
    if character.isascii() and character.isprintable():
        return False  # bytes or pieces, the model has met it
    return unicodedata.category(character) in _NEVER_TEXT or not represents(character)


def _widen(sentence: str, flags: list[bool], fixed: Collection[int]) -> None:
    """Lift whole things: marks with their base, the letters of one word, spaces between runs.

    What stands at the offsets ``fixed`` is never lifted.
    """
    for i in range(1, len(sentence)):
        here, before = sentence[i], sentence[i - 1]
        if i in fixed:
            continue
        if flags[i - 1] and (unicodedata.category(here) in _CLINGING or _one_word(before, here)):
            flags[i] = True
    for i in range(len(sentence) - 2, -1, -1):
        if i not in fixed and flags[i + 1] and _one_word(sentence[i], sentence[i + 1]):
            flags[i] = True
    i = 0
    while i < len(sentence):
        j = i
        while j < len(sentence) and sentence[j].isspace():
            j += 1
        if i < j < len(sentence) and i > 0 and flags[i - 1] and flags[j]:
            flags[i:j] = [True] * (j - i)
        i = max(j, i + 1)


def _one_word(left: str, right: str) -> bool:
    """Both are letters or digits, and not of a script without spaces such as Han."""
    return all(c.isalnum() and unicodedata.east_asian_width(c) not in "WF" for c in (left, right))


def place(
    text: str, alignment: Sequence[AlignedPair] | None, lifted: Lifted
) -> tuple[str, list[tuple[int, int]]]:
    """Put the carried runs into ``text``, a translation of ``lifted.text``.

    Returns:
        The new text, and its insertions as (offset in ``text``, characters inserted),
        in order, so that spans can be moved along.
    """
    placed = [(_target_offset(text, alignment, lifted, run), run) for run in lifted.carried]
    parts, insertions, last = [], [], 0
    for offset, run in sorted(placed, key=lambda item: (item[0], item[1].at)):
        surface = run.surface
        if wants_space(text[:offset][-1:], surface):
            surface = " " + surface
        if wants_space(surface[-1:], text[offset : offset + 1]):
            surface += " "
        parts += [text[last:offset], surface]
        insertions.append((offset, len(surface)))
        last = offset
    return "".join([*parts, text[last:]]), insertions


def wants_space(left: str, right: str) -> bool:
    """Both are visible and at least one is a letter or digit of a spaced script."""
    if not left or not right:
        return False
    before, after = left[-1], right[0]
    if any(unicodedata.category(c) in (*_NEVER_TEXT, "Zs", "Zl", "Zp") for c in (before, after)):
        return False
    if unicodedata.category(after)[0] == "P" or before in "([{“‘":
        return False
    return before.isascii() or after.isascii()


def _target_offset(
    text: str, alignment: Sequence[AlignedPair] | None, lifted: Lifted, run: Carried
) -> int:
    if run.at == 0:
        return 0
    if run.at >= len(lifted.text.rstrip()) or not alignment:
        return len(text)
    before = [pair for pair in alignment if pair[0][0] < run.at and pair[1][1] > pair[1][0]]
    if not before:
        return 0
    # The words made of the nearest source token to the left; the last of them.
    nearest = max(source[0] for source, _ in before)
    offset = max(target[1] for source, target in before if source[0] == nearest)
    while 0 < offset < len(text) and text[offset - 1].isalnum() and text[offset].isalnum():
        if not text[offset].isascii():
            break
        offset += 1  # not inside a word
    return offset


def shift(span: CharacterSpan, insertions: Sequence[tuple[int, int]]) -> CharacterSpan:
    """Where a span of the old text lies after ``insertions``."""
    start = span[0] + sum(size for offset, size in insertions if offset <= span[0])
    end = span[1] + sum(size for offset, size in insertions if offset < span[1])
    return start, max(start, end)


def restore(hypothesis: Hypothesis, lifted: Lifted) -> Hypothesis:
    """The hypothesis with its carried runs back and its spans in the original sentence."""
    if not lifted.origin:
        return hypothesis
    hypothesis, missing = exchange(hypothesis, lifted.standins)
    if missing:  # the model would not say the name: where it would stand, the surface is set
        late = [Carried(m.surface, m.end) for m in missing]
        carried = sorted([*lifted.carried, *late], key=lambda run: run.at)
        lifted = replace(lifted, carried=tuple(carried))
    text, insertions = place(hypothesis.text, hypothesis.alignment, lifted)
    pairs = None
    if hypothesis.alignment is not None:
        pairs = tuple(
            (_original(source, lifted.origin), shift(target, insertions))
            for source, target in hypothesis.alignment
        )
    return Hypothesis(text, hypothesis.score, hypothesis.tokens, hypothesis.hit_limit, pairs)


def _original(span: CharacterSpan, origin: Sequence[int]) -> CharacterSpan:
    start, end = span
    if start >= end:
        return origin[start], origin[start]
    return origin[start], origin[end - 1] + 1
