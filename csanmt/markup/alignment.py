"""A whole text, its translation, and which characters became which."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile

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
_RUN = re.compile(r"[!-~]+")
_MOST = 4_000_000  # edges of marks times characters in which copies are looked for


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
    return replace(aligned, pairs=(*_with_copies(source, text, kept), *own))


def _with_copies(source: MarkedText, text: str, pairs: Sequence[Link]) -> list[Link]:
    """Pairs, and of what stands in Latin at the edge of a mark (a placeholder, a number, a name)
    and once in both texts, its own: a translator may have aligned it with what is beside it."""
    links, edges = list(pairs), {at for mark in source.marks for at in (mark.start, mark.end)}
    if len(edges) * len(source.text) > _MOST:
        return links
    places = pairwise([0, *sorted(edges), len(source.text)])
    for run in (run for place in places for run in _RUN.finditer(source.text, *place)):
        said, own = run[0], run.span()
        if edges.isdisjoint(own) or not source.text.count(said) == text.count(said) == 1:
            continue
        there = text.index(said), text.index(said) + len(said)
        if any(map(str.isalnum, said)) and _glued(source.text, *own) >= _glued(text, *there):
            links = [part for link in links for part in _without(link, own, there, source, text)]
            links.append((own, there))
    return links


def _without(link: Link, own: Range, there: Range, source: MarkedText, text: str) -> list[Link]:
    """What is left of a link: all, or nothing, or what is beside in a longer copy."""
    (a, b), (c, d) = link
    if d <= there[0] or there[1] <= c:
        return [link]
    rest = (((a, own[0]), (c, there[0])), ((own[1], b), (there[1], d)))
    return [part for part in rest if source.text[a:b] == text[c:d] and part[0][0] < part[0][1]]


def _glued(text: str, start: int, end: int) -> bool:
    """Whether it is a part of a longer word."""
    around = (text[max(0, start - 1) : start + 1], text[end - 1 : end + 1])
    return any(len(two) == 2 and two.isascii() and two.isalnum() for two in around)


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
