"""Put protected pieces and carried runs back into an answer."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from csanmt.protected.finder import is_point
from csanmt.protected.sentence import (
    NEVER_TEXT,
    Carried,
    CharacterSpan,
    Guarded,
    StandIn,
)
from csanmt.tokenization_copy import COPY_CHARACTER
from csanmt.translator import Hypothesis

AlignedPair = tuple[CharacterSpan, CharacterSpan]  # (source span, target span)
Change = tuple[int, int, str]  # start, end, and what stands there then
_WORD = re.compile(r"[^\W\u2e80-\uffff]+(?:['’][^\W\u2e80-\uffff]+)*")
_LONGEST_WORD = 64
_OPENING = re.compile(r"<([A-Za-z0-9][\w:.-]{0,40})(?:\s[^<>]{0,500})?(?<!/)>\Z")
_CLOSING = re.compile(r"</([A-Za-z0-9][\w:.-]{0,40})>")
_BRACKETS = dict(zip("]}>』」］｝", "[{<『「［｛", strict=True))


def restore(
    hypothesis: Hypothesis, guarded: Guarded, copied: Sequence[tuple[int, int]] = ()
) -> Hypothesis:
    """The hypothesis with everything back, and its alignment in the original sentence.

    Args:
        copied: (offset in the answer, number) of its copy tokens.
    """
    if not guarded.origin:
        return hypothesis
    hypothesis, missing = _exchange(
        hypothesis, guarded.standins, {number: offset for offset, number in copied}
    )
    if missing:  # the model would not say it: where it would stand, the surface is set
        late = [Carried(standin.surface, standin.end) for standin in missing]
        carried = sorted([*guarded.carried, *late], key=lambda run: run.at)
        guarded = replace(guarded, carried=tuple(carried))
    found = _replaced(hypothesis, _insertions(hypothesis, guarded))
    if found.alignment is None:
        return found
    pairs = tuple((_original(source, guarded.origin), target) for source, target in found.alignment)
    return replace(found, alignment=pairs)


def occurrences(name: str, text: str) -> list[CharacterSpan]:
    """Where ``name`` stands in ``text`` as a word of its own."""
    pattern = rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])"
    return [found.span() for found in re.finditer(pattern, text)]


def _exchange(
    hypothesis: Hypothesis, standins: Sequence[StandIn], copied: dict[int, int]
) -> tuple[Hypothesis, list[StandIn]]:
    """Surfaces in the place of what stood for them, and the stand-ins the answer lacks."""
    missing: list[StandIn] = []
    changes: list[Change] = []
    text = hypothesis.text
    for standin in standins:
        if isinstance(standin.label, int):
            offset = copied.get(standin.label)
            found = [] if offset is None else [(offset, offset + 1)]
        else:
            found = _by_alignment(occurrences(standin.label, text), standin, hypothesis)
        if not found:
            missing.append(standin)
            continue
        start, end = found[0]
        if text[max(0, start - 2) : start] == '" ' and text.count('"', 0, start) % 2:
            start -= 1  # the model sets a blank behind an opening quotation mark
        if is_point(standin.surface[0]) and text[start - 1 : start] == " ":
            start -= not text[end : end + 1].isalnum()  # no blank on both sides of what is no word
        changes.append((start, end, standin.surface))
        # A name that the answer holds twice is the model's own repetition.
        changes += [(a - (text[a - 1 : a] == " "), b, "") for a, b in found[1:]]
    changes = [(a, b, _spaced(text, a, b, new)) for a, b, new in sorted(changes)]
    return _replaced(hypothesis, changes), missing


def _by_alignment(
    found: list[CharacterSpan], standin: StandIn, hypothesis: Hypothesis
) -> list[CharacterSpan]:
    """The occurrence that the stand-in became first."""
    if len(found) < 2 or not hypothesis.alignment:
        return found

    def agreement(span: CharacterSpan) -> int:
        return sum(
            source[0] < standin.end and source[1] > standin.start
            for source, target in hypothesis.alignment or ()
            if target[0] < span[1] and target[1] > span[0]
        )

    best = max(found, key=agreement)
    return [best, *(span for span in found if span != best)]


def _replaced(hypothesis: Hypothesis, changes: list[Change]) -> Hypothesis:
    """``hypothesis`` with disjoint ranges replaced, in order, and its alignment moved along."""
    if not changes:
        return hypothesis
    text, parts, last = hypothesis.text, list[str](), 0
    for start, end, new in changes:
        parts += [text[last:start], new]
        last = end

    def moved(span: CharacterSpan) -> CharacterSpan:
        """What overlaps a range holds all that stands there then."""
        (low, high), before, inside = span, 0, 0
        for start, end, new in changes:
            if end <= span[0]:
                before += len(new) - (end - start)
            elif start < span[1]:
                low, high = min(low, start), max(high, end)
                inside += len(new) - (end - start)
        return low + before, high + before + inside

    pairs = hypothesis.alignment
    if pairs is not None:
        pairs = tuple((source, moved(target)) for source, target in pairs)
    return replace(hypothesis, text="".join([*parts, text[last:]]), alignment=pairs)


def _pairs(runs: Sequence[Carried]) -> dict[int, tuple[int, int, bool]]:
    """Of tags and brackets of a pair, by number: the range between, and whether it is the last."""
    found, opened = dict[int, tuple[int, int, bool]](), dict[str, list[int]]()
    for number, run in enumerate(runs):
        tag, opening = _CLOSING.match(run.surface), _OPENING.search(run.surface)
        name = tag[1] if tag else _BRACKETS.get(run.surface[0], "")
        if opened.get(name):
            first = opened[name].pop()
            between = runs[first].at, run.at
            found[first], found[number] = (*between, False), (*between, True)
        elif opening or not run.word:
            opened.setdefault(opening[1] if opening else run.surface[-1], []).append(number)
    return found


def _spaced(text: str, start: int, end: int, new: str) -> str:
    """Letters of a piece do not run into its neighbours' letters, nor one piece into another."""
    if not new:
        return new
    left, right = text[start - 1 : start] if start else "", text[end : end + 1]
    beside = left == COPY_CHARACTER or (left.isalnum() and new[0].isalnum())
    before = " " if beside else ""
    after = " " if right.isalnum() and new[-1].isalnum() else ""
    return before + new + after


# -- carried runs ----------------------------------------------------------------------------


def _insertions(hypothesis: Hypothesis, guarded: Guarded) -> list[Change]:
    """Where the carried runs belong in a translation of ``guarded.text``."""
    text, alignment = hypothesis.text, hypothesis.alignment or ()
    ends: dict[int, int] = {}  # of the words made of what begins there
    begins: dict[int, int] = {}
    for (start, _), (low, high) in alignment:
        if low < high:
            ends[start] = max(ends.get(start, 0), high)
            begins[start] = min(begins.get(start, low), low)
    starts = sorted(ends)
    pairs = _pairs(guarded.carried)

    def offset_of(number: int, run: Carried) -> int:
        if number in pairs:  # which keeps what is between it, wherever that goes
            first, last, closes = pairs[number]
            if (first, last) == (0, len(guarded.text)):
                return len(text) if closes else 0
            low, high = bisect_left(starts, first), bisect_left(starts, last)
            if low < high and closes:
                return _word_end(text, max(ends[start] for start in starts[low:high]))
            if low < high:
                return _word_start(text, min(begins[start] for start in starts[low:high]))
        elif run.at == 0:
            return 0
        following = bisect_left(starts, run.at)
        if run.leans == "right" and following < len(starts):
            return _word_start(text, begins[starts[following]])
        if run.at >= len(guarded.text.rstrip()) or not alignment:
            return len(text)
        return _word_end(text, ends[starts[following - 1]]) if following else 0

    placed = [(offset_of(i, run), i, run) for i, run in enumerate(guarded.carried)]
    changes: list[Change] = []
    word = False  # before it, at the same place
    for offset, number, run in sorted(placed, key=lambda item: item[:2]):
        surface = run.surface
        again = bool(changes) and changes[-1][0] == offset
        left = changes[-1][2][-1:] if again else text[:offset][-1:]
        right = text[offset : offset + 1]
        closes = number in pairs and pairs[number][2]
        opens = number in pairs and not closes
        ended = left.isalnum() or left in (*".,;!?",)
        apart = run.word and (ended or (again and word and not left.isspace()))
        if not closes and (apart or (wants_space(left, surface) and run.leans != "left")):
            surface = " " + surface
        spaced = wants_space(surface[-1:], right) and run.leans != "right"
        if not opens and (spaced or (run.word and right.isalnum())):
            surface += " "
        changes.append((offset, offset, surface))
        word = run.word
    return changes


def wants_space(left: str, right: str) -> bool:
    """Both are visible and at least one is a letter or digit of a spaced script."""
    if not left or not right:
        return False
    before, after = left[-1], right[0]
    if any(unicodedata.category(c) in (*NEVER_TEXT, "Zs", "Zl", "Zp") for c in (before, after)):
        return False
    if unicodedata.category(after)[0] == "P" or before in "([{“‘":
        return False
    return before.isascii() or after.isascii()


def _word_end(text: str, offset: int) -> int:
    """``offset``, or the end of the word (``isn't`` is one) that it is in the midst of."""
    for word in _WORD.finditer(text, max(0, offset - _LONGEST_WORD)):
        if word.start() >= offset:
            break
        if offset < word.end():
            return word.end()
    return offset


def _word_start(text: str, offset: int) -> int:
    """``offset``, or the start of the word or number that it is in the midst of."""
    kind = str.isdigit if text[offset : offset + 1].isdigit() else str.isalpha
    while offset < len(text) and kind(text[offset]) and offset and kind(text[offset - 1]):
        offset -= 1
    return offset


def _original(span: CharacterSpan, origin: Sequence[CharacterSpan]) -> CharacterSpan:
    start, end = span
    if start >= end:
        return origin[start][0], origin[start][0]
    return origin[start][0], max(origin[start][0], origin[end - 1][1])
