"""Latin words that formatting cuts through, and note numbers, go through whole.

``H<sub>2</sub>O`` means nothing to a model in parts, and no alignment puts its tags back. The
word with its tags becomes one atom; so does a number that is nothing but a link to a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from csanmt.markup.marked import MAX_ATOMS, ROOT, Mark, MarkedText, Placed, atom_character

_LONGEST = 64
_NOTE = re.compile(r"[\[(（〔]?(?:[0-9]{1,3}|[*†‡])[\])）〕]?\Z")
_NOTE_TAGS = ("<sup", "<a ", "[")  # the last is Markdown's link


def whole_words(text: MarkedText) -> MarkedText:
    """``text`` with its cut words and note numbers as atoms; their data are their pieces."""
    for start, end in reversed(list(_ranges(text))):
        if len(text.atoms) < MAX_ATOMS:
            text = _made_whole(text, start, end)
    return text


def _ranges(text: MarkedText) -> Iterator[tuple[int, int]]:
    found = {_word(text.text, at) for m in text.marks if not m.is_point for at in (m.start, m.end)}
    found |= {(m.start, m.end) for m in text.marks if _is_note(text.text, m)}
    last = 0
    for start, end in sorted(span for span in found if span[0] < span[1]):
        crossing = any(m.start < end < m.end or m.start < start < m.end for m in text.marks)
        covering = any(m.start <= start and end <= m.end for m in text.marks)
        if start >= last and (covering or not crossing):
            yield start, end
            last = end


def _is_note(text: str, mark: Mark) -> bool:
    opening = mark.data[0] if isinstance(mark.data, tuple) else ""
    return (
        isinstance(opening, str)
        and opening.startswith(_NOTE_TAGS)
        and bool(_NOTE.match(text[mark.start : mark.end]))
    )


def _word(text: str, at: int) -> tuple[int, int]:
    """The Latin word that has ``at`` in its midst, else nothing."""
    start = end = at
    while start > 0 and at - start < _LONGEST and _latin(text[start - 1]):
        start -= 1
    while end < len(text) and end - at < _LONGEST and _latin(text[end]):
        end += 1
    return (start, end) if start < at < end else (at, at)


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _made_whole(text: MarkedText, start: int, end: int) -> MarkedText:
    inner = [
        i
        for i, m in enumerate(text.marks)
        if start <= m.start
        and m.end <= end
        and (start < m.start or m.end < end or _is_note(text.text, m))
        and not (m.is_point and m.start in (start, end))
    ]
    place = {old: new for new, old in enumerate(inner)}
    marks = tuple(
        replace(m, start=m.start - start, end=m.end - start, parent=place.get(m.parent, ROOT))
        for m in (text.marks[i] for i in inner)
    )
    part = MarkedText(text.text[start:end], marks)
    pieces = list(Placed(part, part.text, tuple((m.start, m.end) for m in marks)).pieces())
    character = atom_character(len(text.atoms))
    kept = [i for i in range(len(text.marks)) if i not in place]
    position = {old: new for new, old in enumerate(kept)}

    def moved(offset: int) -> int:
        return offset if offset <= start else offset - (end - start) + 1

    return replace(
        text,
        text=text.text[:start] + character + text.text[end:],
        marks=tuple(
            replace(m, start=moved(m.start), end=moved(m.end), parent=position.get(m.parent, ROOT))
            for m in (text.marks[i] for i in kept)
        ),
        atoms={**text.atoms, character: pieces},
    )
