"""A sentence as the model sees it: protected pieces replaced, what it cannot read taken out.

A protected piece stands for a word. Where the version has copy tokens each becomes one of
them; else a person's name, which every model knows how to use (`请打开{file}。` →
`请打开Tom。`). Emoji, control characters, signs and scripts that the vocabulary does not know would
reach the model as noise and vanish; they are *carried*: taken out, and set into the answer
beside the words that their neighbours became.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from csanmt.protected.finder import FIRST_POINT, POINT, Protected
from csanmt.tokenization_copy import COPY_CHARACTER

CharacterSpan = tuple[int, int]
Label = str | int | None

# Control, format, private use, surrogate, unassigned: never a model's business.
NEVER_TEXT = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
_CLINGING = frozenset({"Mn", "Mc", "Me", "Cf", "Sk"})
_RANGE = re.compile("(?<=[0-9A-Za-z%℃])[~～〜](?=[0-9])")  # 1~3天, written as English writes it
_PAIRED = frozenset({"*", "**", "~~", "^", "|", "_", "`"})  # around what they mark


@dataclass(frozen=True, slots=True)
class StandIn:
    """``label`` (a name, or a copy token's number) stands for ``surface`` at ``[start, end)``."""

    surface: str
    label: str | int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Carried:
    """A run taken out.

    Attributes:
        at: where in the remaining text it stood.
        word: it is one.
        leans: the neighbour it belongs to without a blank: "right" as a currency's sign, "left".
    """

    surface: str
    at: int
    word: bool = False
    leans: str = ""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A sentence with its protected pieces replaced.

    Attributes:
        text: what goes to the model; a copy token is one character.
        standins: the replaced pieces, in order.
        carried: the runs taken out, in order.
        origin: for every character of ``text`` its range in the sentence, and at last an
            empty range at the sentence's end; empty if ``text`` is the sentence.
    """

    text: str
    standins: tuple[StandIn, ...] = ()
    carried: tuple[Carried, ...] = ()
    origin: tuple[CharacterSpan, ...] = ()


def guard(
    sentence: str,
    foreign: Callable[[str], bool],
    pieces: Sequence[Protected] = (),
    labels: Sequence[Label] = (),
) -> Guarded:
    """Replace ``pieces`` and take out what the vocabulary does not represent.

    Args:
        foreign: whether a character is one that the model cannot read (``is_foreign``).
        labels: of each piece: a name or the number of a copy token, or None has it carried.
    """
    text = readable(sentence, foreign)
    flags = list(map(foreign, text))
    if not pieces and not any(flags):
        return Guarded(text)
    for piece in pieces:
        flags[piece.start : piece.end] = [False] * (piece.end - piece.start)
    _widen(sentence, flags, {i for piece in pieces for i in range(piece.start, piece.end)})
    builder = _Builder(sentence, text, flags)
    for piece, label in zip(pieces, labels, strict=True):
        builder.read_to(piece.start)
        if label is None:
            builder.leave_out(piece.end, word=piece.family is not POINT)
        else:
            builder.replace(piece.end, label)
    builder.read_to(len(sentence))
    return builder.done()


def readable(sentence: str, foreign: Callable[[str], bool]) -> str:
    """``sentence`` in characters that the model knows better, as many of them."""
    text = _RANGE.sub("-", sentence)
    return text.replace("〇", "零") if "〇" in text and foreign("〇") else text


class _Builder:
    """Collects the characters of ``Guarded.text`` and where they come from."""

    def __init__(self, sentence: str, shown: str, foreign: Sequence[bool]) -> None:
        self._sentence, self._shown, self._foreign = sentence, shown, foreign
        self._at = 0  # how far the sentence is read
        self._text: list[str] = []
        self._origin: list[CharacterSpan] = []
        self._carried: list[Carried] = []
        self._standins: list[StandIn] = []

    def read_to(self, end: int) -> None:
        """Take the text up to a place as it is, but for what is foreign."""
        for i in range(self._at, end):
            if self._foreign[i]:
                self._carry(i, i + 1)
            else:
                self._keep(self._shown[i], (i, i + 1))
        self._at = max(self._at, end)

    def _keep(self, character: str, origin: CharacterSpan) -> None:
        self._text.append(character)
        self._origin.append(origin)

    def _carry(self, start: int, end: int, word: bool = False) -> None:
        run, place = self._sentence[start:end], len(self._text)
        if self._carried and self._carried[-1].at == place and not word:
            run = self._carried.pop().surface + run
        leans = "" if word else _leans(self._sentence, end - len(run), end)
        self._carried.append(Carried(run, place, word, leans))

    def leave_out(self, end: int, word: bool) -> None:
        """Carry a piece so that the rest reads as if it had never been there."""
        after = end
        while self._sentence[after : after + 1].isspace():
            after += 1
        before = next((c for c in reversed(self._text) if not c.isspace()), "")
        wide = _is_wide(before) or _is_wide(self._sentence[after : after + 1])
        while wide and self._text and self._text[-1].isspace():
            self._text.pop()
            self._origin.pop()
        self._carry(self._at, end, word)
        self._at = after if wide else end

    def replace(self, end: int, label: str | int) -> None:
        """Let a label stand for a piece."""
        start, named = self._at, isinstance(label, str)
        if named and self._text and self._text[-1].isascii() and self._text[-1].isalnum():
            self._keep(" ", (start, start))
        place = len(self._text)
        for character in label if isinstance(label, str) else COPY_CHARACTER:
            self._keep(character, (start, end))
        self._standins.append(StandIn(self._sentence[start:end], label, place, len(self._text)))
        following = self._sentence[end : end + 1]
        if named and ((following.isascii() and following.isalnum()) or following >= FIRST_POINT):
            self._keep(" ", (end, end))
        self._at = end

    def done(self) -> Guarded:
        end = len(self._sentence)
        return Guarded(
            "".join(self._text),
            tuple(self._standins),
            tuple(self._carried),
            (*self._origin, (end, end)),
        )


def _leans(sentence: str, start: int, end: int) -> str:
    """Of a run: right if it opens something, stands before a Latin word or begins the sentence."""
    before, run, after = sentence[:start], sentence[start:end], sentence[end:]
    last, kind = run[-1], unicodedata.category(run[-1])
    sign = kind == "Sm" or (run.isascii() and run.isprintable())
    paired = run in _PAIRED and run in after
    joined = after[:1].isalnum() or (after[:1].isascii() and after[:1].strip())
    if not joined or (run in _PAIRED and before.count(run) % 2):
        return "left" if sign and before[-1:].isalnum() else ""
    opens = paired or last in "#@§№" or kind in ("Ps", "Pi", "Sc")
    latin = after[0].isascii() and not (before[-1:].isascii() and before[-1:].isalnum())
    return "right" if opens or (sign and run != "=" and (latin or not before)) else ""


def _is_wide(character: str) -> bool:
    """No space belongs beside it; neither does one at the ends of a sentence."""
    return not character or unicodedata.east_asian_width(character) in "WF"


def is_foreign(character: str, represents: Callable[[str], bool]) -> bool:
    """No text, or none that a vocabulary represents."""
    if character.isspace():
        return False
    if character.isascii() and character.isalnum():
        return False  # bytes or pieces, the model has met it
    return unicodedata.category(character) in NEVER_TEXT or not represents(character)


def _widen(sentence: str, flags: list[bool], fixed: Collection[int]) -> None:
    """Take out whole things: marks with their base, the letters of a word, spaces between runs.

    What stands at the offsets ``fixed`` is never taken out.
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
