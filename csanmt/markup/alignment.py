"""A whole text, its translation, and which characters became which."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import takewhile

from csanmt.markup.marked import MarkedText, is_atom
from csanmt.texts import TextTranslation

Range = tuple[int, int]
Link = tuple[Range, Range]  # (in the source, in the translation)

# Han, kana and hangul stand alone; elsewhere a word; any other visible character; a line break.
_UNIT = re.compile(
    r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|[^\W\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
    r"(?:['’.,\-][^\W\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+)*"
    r"|[\S\n]"
)


@dataclass(frozen=True, slots=True)
class AlignedText:
    """``pairs`` are half-open character ranges in ``source`` and ``text``, in target order.

    Attributes:
        sentences: ranges in ``text`` of those that were translated.
    """

    source: str
    text: str
    pairs: tuple[Link, ...] = ()
    sentences: tuple[Range, ...] = ()

    def copied(self, offset: int) -> bool:
        """Whether a character of ``text`` is in no translated sentence."""
        i = bisect_right(self.sentences, (offset, len(self.text))) - 1
        return i < 0 or offset >= self.sentences[i][1]


def units(text: str, cuts: Collection[int] = ()) -> list[Range]:
    """The smallest things that formatting is put around: words, ideographs, punctuation.

    Args:
        cuts: offsets at which a word is cut in two.
    """
    found = []
    for match in _UNIT.finditer(text):
        start, end = match.span()
        for offset in range(start + 1, end) if cuts else ():
            if offset in cuts:
                found.append((start, offset))
                start = offset
        found.append((start, end))
    return found


def exact(source: MarkedText, aligned: AlignedText) -> AlignedText:
    """Atoms and line breaks aligned with themselves, whatever the translator thought.

    Where it lost or doubled an atom, as one does that does not guard what is protected, they
    all stand at the end, or at the start if no word is before them in the source.
    """
    text, pairs = aligned.text, aligned.pairs
    if Counter(filter(is_atom, text)) != Counter(source.atoms.keys()):
        ordered = list(filter(is_atom, source.text))
        first = sum(1 for _ in takewhile(is_atom, source.text))
        words = "".join(c for c in text if not is_atom(c))
        text = "".join([*ordered[:first], words, *ordered[first:]])
        aligned, pairs = AlignedText(source.text, text), ()
    found = {i: source.text.find(c) for i, c in enumerate(text) if is_atom(c)}
    ours, theirs = ([i for i, c in enumerate(t) if c == "\n"] for t in (source.text, text))
    if len(ours) == len(theirs):
        found |= dict(zip(theirs, ours, strict=True))
    kept = [(s, t) for s, t in pairs if not any(i in found for i in range(*t))] if found else pairs
    own = [((at, at + 1), (i, i + 1)) for i, at in found.items()]
    return replace(aligned, pairs=(*kept, *own))


def of_translation(translation: TextTranslation, rank: int = 0) -> AlignedText:
    """Of what ``csanmt.texts`` answers, the best or another; decode with ``alignment=True``.

    In a sentence that was copied every character stands for itself.
    """
    pairs, sentences = list[Link](), list[Range]()
    for segment, (target, end) in zip(translation.segments, translation.spans[rank], strict=True):
        start = segment.source_span[0]
        if segment.copied:
            pairs += [
                ((start + i, start + i + 1), (target + i, target + i + 1))
                for i in range(end - target)
            ]
        else:
            pairs += [
                ((a + start, b + start), (c + target, d + target))
                for (a, b), (c, d) in segment.translation.ranked(rank).alignment or ()
            ]
            sentences.append((target, end))
    text = translation.alternatives[rank]
    return AlignedText(translation.source, text, tuple(pairs), tuple(sentences))
