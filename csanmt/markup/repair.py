"""Make sure that a translation holds every atom exactly once; align atoms and line breaks."""

from __future__ import annotations

from dataclasses import replace

from csanmt.markup.alignment import AlignedText, Pair
from csanmt.markup.marked import MarkedText, is_atom
from csanmt.protected.restore import wants_space


def repair(source: MarkedText, aligned: AlignedText) -> AlignedText:
    """Take out atoms that came twice or from nowhere; put in those that went missing."""
    if not source.atoms and not any(map(is_atom, aligned.text)):
        lines = _lines(source.text, aligned.text)
        return replace(aligned, pairs=(*aligned.pairs, *lines)) if lines else aligned
    text, pairs, copies = aligned.text, list(aligned.pairs), list(aligned.copies)
    sentences = list(aligned.sentences)
    seen: set[str] = set()
    for i in range(len(text) - 1, -1, -1):
        character = text[i]
        if is_atom(character) and (character not in source.atoms or character in seen):
            text = text[:i] + text[i + 1 :]
            pairs = [(s, _closed(t, i)) for s, t in pairs]
            copies = [(s, t - (t > i), n) for s, t, n in copies]
            sentences = [_closed(t, i) for t in sentences]
        elif is_atom(character):
            seen.add(character)
    for character in sorted(set(source.atoms) - seen, key=source.text.find):
        at = source.text.find(character)
        offset = _offset(at, text, pairs)
        left = " " if wants_space(text[:offset][-1:], "x") else ""
        right = " " if wants_space("x", text[offset : offset + 1]) else ""
        surface = left + character + right
        text = text[:offset] + surface + text[offset:]
        pairs = [(s, _opened(t, offset, len(surface))) for s, t in pairs]
        copies = [(s, t + len(surface) * (t >= offset), n) for s, t, n in copies]
        sentences = [_opened(t, offset, len(surface)) for t in sentences]
        start = offset + len(left)
        pairs.append(((at, at + 1), (start, start + 1)))
    exact = _exact(source, text, pairs) + _lines(source.text, text)
    return AlignedText(aligned.source, text, tuple(exact), tuple(copies), tuple(sentences))


def _exact(source: MarkedText, text: str, pairs: list[Pair]) -> list[Pair]:
    """Atoms are aligned with themselves, whatever the translator thought."""
    found = {i: source.text.find(c) for i, c in enumerate(text) if is_atom(c)}
    kept = [(s, t) for s, t in pairs if not any(i in found for i in range(*t))]
    return kept + [((at, at + 1), (i, i + 1)) for i, at in found.items()]


def _lines(source: str, text: str) -> list[Pair]:
    """Line breaks are aligned in order, if none was lost or added."""
    ours = [i for i, c in enumerate(source) if c == "\n"]
    theirs = [i for i, c in enumerate(text) if c == "\n"]
    if len(ours) != len(theirs):
        return []
    return [((a, a + 1), (b, b + 1)) for a, b in zip(ours, theirs, strict=True)]


def _offset(at: int, text: str, pairs: list[Pair]) -> int:
    """Behind the last word made of the nearest source word to the left."""
    before = [(s, t) for s, t in pairs if s[0] < s[1] and s[0] < at and t[0] < t[1]]
    if not before:
        return 0
    nearest = max(s[0] for s, _ in before)
    offset = max(t[1] for s, t in before if s[0] == nearest)
    while 0 < offset < len(text) and text[offset - 1].isalnum() and text[offset].isalnum():
        offset += 1
    return offset


def _closed(span: tuple[int, int], at: int) -> tuple[int, int]:
    return span[0] - (span[0] > at), span[1] - (span[1] > at)


def _opened(span: tuple[int, int], at: int, size: int) -> tuple[int, int]:
    return span[0] + size * (span[0] >= at), span[1] + size * (span[1] > at)
