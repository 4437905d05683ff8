"""Find, by word alignment, where formatting of a text belongs in its translation.

Each span takes the run of target words that agrees best with it: words that come from
inside count for it, words from outside against it. Ranges never cross: children are
sought within their parent, siblings take words in the order of how sure they are, and
what finds nothing stands, empty if need be, between its neighbours.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from csanmt.markup.alignment import AlignedText, Link, Range, exact, units
from csanmt.markup.marked import ROOT, Mark, MarkedText, Placed, children, is_atom

Floats = NDArray[np.float64]
# They join a phrase to what stands before it, and models align them with either.
_LINKING = frozenset({"in", "on", "at", "of", "to", "for", "with", "from", "by"})
_PREPOSITIONS = tuple("在从到向给用对于为由以")
_SIGNS = frozenset("%#@&*/\\_$€£¥+=<>{}|~^")
_SHORT = 3  # letters: shorter words (the, of, on) say less about where a span is
_NEAR = 3.0  # source characters: how far off a word may be that an unaligned span takes
_TAKEN = -1e9
_BUDGET = 4_000_000  # marks times words; beyond it (no honest text) places are proportional


def place(source: MarkedText, aligned: AlignedText) -> Placed:
    """Put the marks of ``source`` into ``aligned.text``, a translation of ``source.text``."""
    aligned = exact(source, aligned)
    words = _Words(aligned, {at for mark in source.marks for at in (mark.start, mark.end)})
    if len(source.marks) * len(words.places) > _BUDGET:
        return Placed(source, aligned.text, tuple(_proportional(source, words.places)))
    below = children(source.marks)
    spans: dict[int, Range] = {ROOT: (0, len(words.places))}  # in words
    for parent in [ROOT, *range(len(source.marks))]:
        inside = below.get(parent, [])
        if inside:
            _place_within(source, parent, inside, words, spans)
    ranges: list[Range] = []
    for i, mark in enumerate(source.marks):
        ranges.append(_characters(words, source, i, spans, ranges[mark.parent : mark.parent + 1]))
    return Placed(source, aligned.text, tuple(ranges))


class _Words:
    """Target words and where each comes from.

    Attributes:
        places: character ranges in the translation.
        owner, low, high: (P,) word index and source range of every aligned piece; a source
            piece that became several words is divided among them in order.
        middle: (W,) source offset each word comes from; NaN if unaligned.
        weight: (W,) how much a word says, 0.5 to 4.
    """

    def __init__(self, aligned: AlignedText, offsets: set[int]) -> None:
        # What was copied stands for itself: a mark may cut a word.
        cuts = {
            edge
            for (a, b), (t, u) in aligned.pairs
            if aligned.copied(t) or aligned.source[a:b] == aligned.text[t:u]
            for at, edge in ((a, t), (b, u))
            if at in offsets
        }
        self.places = units(aligned.text, cuts)
        found = _by_word(self.places, aligned.pairs)
        edges = _at_edges(found, self.places, aligned)
        pieces = _divide(sorted(found + edges, key=lambda piece: piece[0]))
        guesses = _between(pieces, len(self.places))
        pieces += guesses
        self.owner = np.array([p[0] for p in pieces], dtype=np.int64)
        self.low = np.array([p[1] for p in pieces], dtype=np.float64)
        self.high = np.array([p[2] for p in pieces], dtype=np.float64)
        count = len(self.places)
        self.counts = np.bincount(self.owner, minlength=count)[:count]
        sums = np.bincount(self.owner, (self.low + self.high) / 2, minlength=count)[:count]
        with np.errstate(invalid="ignore", divide="ignore"):
            self.middle: Floats = sums / self.counts
        strings = [aligned.text[a:b] for a, b in self.places]
        self.weight = np.array([_weight(s) for s in strings], dtype=np.float64)
        self.weight[[word for word, _, _ in [*edges, *guesses]]] *= 0.5
        self.linking = np.array([s in _LINKING for s in strings], dtype=bool)
        self.punctuation = np.array([_is_punctuation(s[0]) for s in strings], dtype=bool)
        self.atoms = np.array([is_atom(s[0]) for s in strings], dtype=bool)

    def agreement(self, start: int, end: int, bare: bool, linked: bool) -> Floats:
        """(W,) from -1 (comes from outside) over 0 (unaligned) to 1 (from ``start:end``).

        Args:
            bare: the source span holds no punctuation, so neither should its translation.
            linked: it begins with a preposition, so its translation may.
        """
        overlap = np.clip(np.minimum(self.high, end) - np.maximum(self.low, start), 0, None)
        share = 2 * overlap / (self.high - self.low) - 1
        count = len(self.places)
        sums = np.bincount(self.owner, share, minlength=count)[:count]
        score: Floats = sums / np.maximum(self.counts, 1) * self.weight
        if bare and count:
            score[self.punctuation] = np.minimum(score[self.punctuation], -0.4)
        if not linked and count:
            score[self.linking] = np.minimum(score[self.linking], -0.1)
        return score


def _is_punctuation(c: str) -> bool:
    """What parts words or sentences; a sign that is read or stands in a placeholder does not."""
    return not (c.isalnum() or c.isspace() or is_atom(c) or c in _SIGNS)


def _weight(word: str) -> float:
    if is_atom(word[0]) or word == "\n":
        return 4.0  # its place is known, not guessed
    return 0.5 if len(word) <= _SHORT and word.isascii() else 1.0


def _by_word(places: Sequence[Range], pairs: Iterable[Link]) -> list[tuple[int, int, int]]:
    """(word, source start, source end) for every pair that touches a word and has a source."""
    starts = np.array([start for start, _ in places], dtype=np.int64)
    found = []
    for (low, high), (start, end) in pairs:
        if low >= high or start >= end or not len(places):
            continue
        first = max(int(np.searchsorted(starts, start, "right")) - 1, 0)
        for word in range(first, len(places)):
            if places[word][0] >= end:
                break
            if places[word][1] > start:
                found.append((word, low, high))
    return found


def _divide(pieces: list[tuple[int, int, int]]) -> list[tuple[int, float, float]]:
    """Share a source piece that became several words among them, in their order."""
    owners: dict[tuple[int, int], list[int]] = {}
    for word, low, high in pieces:
        words = owners.setdefault((low, high), [])
        if word not in words[-1:]:
            words.append(word)
    divided = []
    for (low, high), words in owners.items():
        step = (high - low) / len(words)
        divided += [(w, low + k * step, low + (k + 1) * step) for k, w in enumerate(words)]
    return divided


def _between(
    pieces: Sequence[tuple[int, float, float]], count: int
) -> list[tuple[int, float, float]]:
    """For words aligned with nothing: what lies between the sources of their neighbours."""
    low, high = [np.inf] * count, [-np.inf] * count
    for word, start, end in pieces:
        low[word], high[word] = min(low[word], start), max(high[word], end)
    found = []
    for word in range(1, count - 1):
        left, right = high[word - 1], low[word + 1]
        if low[word] == np.inf and 0 <= left < right < np.inf:
            found.append((word, float(left), float(right)))
    return found


def _at_edges(
    pieces: Sequence[tuple[int, int, int]], places: Sequence[Range], aligned: AlignedText
) -> list[tuple[int, int, int]]:
    """For a sentence's first or last word, aligned with nothing: what its only neighbour is from.

    Models align the word a sentence begins with to its end, which says nothing.
    """
    sources: dict[int, list[Range]] = {}
    for word, low, high in pieces:
        sources.setdefault(word, []).append((low, high))
    starts = [start for start, _ in places]
    found = []
    for start, end in aligned.sentences:
        first, last = bisect_left(starts, start), bisect_left(starts, end) - 1
        for word, neighbour, nearest in ((first, first + 1, min), (last, last - 1, max)):
            if first <= neighbour <= last and word not in sources and neighbour in sources:
                found.append((word, *nearest(sources[neighbour])))
    return found


def _proportional(source: MarkedText, places: Sequence[Range]) -> list[Range]:
    """Without looking at the alignment; the same order and nesting, in linear time."""

    def moved(offset: int) -> int:
        word = offset * len(places) // max(1, len(source.text))
        return places[word][0] if word < len(places) else places[-1][1] if places else 0

    return [(moved(mark.start), moved(mark.end)) for mark in source.marks]


def _place_within(
    source: MarkedText, parent: int, inside: Sequence[int], words: _Words, spans: dict[int, Range]
) -> None:
    """Give each of ``inside`` its range of words within that of ``parent``."""
    low, high = spans[parent]
    outer = _content(source, parent)
    free = np.ones(high - low, dtype=bool)
    wanted: list[tuple[float, int, Floats]] = []
    for i in inside:
        mark = source.marks[i]
        if _content(source, i) == outer and outer[0] < outer[1]:
            spans[i] = _without_line_ends(source, parent, mark, (low, high))
            free[:] = False
            continue
        said = source.text[mark.start : mark.end]
        linked = said.startswith(_PREPOSITIONS)
        bare = not any(map(_is_punctuation, said))
        score = words.agreement(mark.start, mark.end, bare, linked)[low:high]
        wanted.append((_best_run(score, free)[0], i, score))
    wanted.sort(key=lambda item: (-item[0], item[1]))
    for _, i, score in wanted:
        best, first, last = _best_run(score, free)
        if best <= 0:
            continue
        spans[i] = (low + first, low + last)
        free[first:last] = False
    taken = sorted(spans[i] for i in inside if i in spans)
    for i in inside:
        if i not in spans:
            spans[i] = _leftover(source.marks[i], words, (low, high), free, taken)
            if spans[i][0] < spans[i][1]:
                taken = sorted([*taken, spans[i]])


def _content(source: MarkedText, index: int) -> Range:
    """The range of a mark (or the whole text) without white space at its ends."""
    start, end = 0, len(source.text)
    if index != ROOT:
        start, end = source.marks[index].start, source.marks[index].end
    part = source.text[start:end]
    white = " \t\r\f" if source.breaks else None  # breaks are none
    return start + len(part) - len(part.lstrip(white)), end - len(part) + len(part.rstrip(white))


def _without_line_ends(source: MarkedText, parent: int, mark: Mark, words: Range) -> Range:
    """All of its parent's words but the line ends that stand around the mark: each is a word."""
    around = source.marks[parent] if parent != ROOT else None
    before = source.text[around.start if around else 0 : mark.start]
    behind = source.text[mark.end : around.end if around else None]
    first, last = words[0] + before.count("\n"), words[1] - behind.count("\n")
    return (first, last) if first < last else words


def _best_run(score: Floats, free: NDArray[np.bool_]) -> tuple[float, int, int]:
    """(sum, first, last + 1) of the run with the greatest sum, the shortest of several."""
    positive = np.flatnonzero((score > 0) & free)
    if not len(positive):
        return 0.0, 0, 0
    start = int(positive[0])
    window = np.where(free, score, _TAKEN)[start : int(positive[-1]) + 1]
    best, found, total, first = 0.0, (0, 0), 0.0, 0
    for k, value in enumerate(window.tolist()):
        if total <= 0:
            total, first = 0.0, k
        total += value
        if total > best + 1e-9:
            best, found = total, (start + first, start + k + 1)
    return best, *found


def _leftover(
    mark: Mark, words: _Words, within: Range, free: NDArray[np.bool_], taken: Sequence[Range]
) -> Range:
    """A span no word comes from: the gap that fits, or the free word beside it."""
    low, high = within
    gap = _gap(mark, words, within, taken)
    centre = (mark.start + mark.end) / 2
    reach = _NEAR + (mark.end - mark.start)
    for word in (gap, gap - 1):
        near = low <= word < high and free[word - low]
        word_like = near and not (words.punctuation[word] or words.atoms[word])
        if (
            word_like and not abs(words.middle[word] - centre) > reach
        ):  # unaligned words count as near
            free[word - low] = False
            return word, word + 1
    return gap, gap


def _gap(mark: Mark, words: _Words, within: Range, taken: Sequence[Range]) -> int:
    """The word before which ``mark`` belongs: the fewest and nearest words are out of order."""
    low, high = within
    middle = words.middle[low:high]
    known = ~np.isnan(middle)
    centre = (mark.start + mark.end) / 2
    distance = np.where(known, middle - centre, 0.0)
    cost = np.where(known, 1.0 / (1.0 + np.abs(distance)), 0.0)
    wrong_left = np.concatenate([[0.0], np.cumsum(np.where(distance > 0, cost, 0.0))])
    ahead = np.where((distance < 0) & known, cost, 0.0)
    wrong_right = np.concatenate([np.cumsum(ahead[::-1])[::-1], [0.0]])
    total = wrong_left + wrong_right  # (high - low + 1,) one for each gap
    for start, end in taken:
        total[start - low + 1 : end - low] = np.inf
    return low + int(np.argmin(total))


def _characters(
    words: _Words, source: MarkedText, index: int, spans: dict[int, Range], parent: list[Range]
) -> Range:
    """The range of characters for a range of words.

    Args:
        parent: the range of characters of the mark's parent, if it has one.
    """
    first, last = spans[index]
    places = words.places
    if first < last:
        return places[first][0], places[last - 1][1]
    mark = source.marks[index]
    low, high = spans[mark.parent]
    if low == high:  # nothing around it: it stands where its parent stands
        offset = parent[0][0] if parent else 0
        return offset, offset
    before = source.text[mark.start - 1 : mark.start]
    with_the_next = not before.isalnum() and not is_atom(before or " ")
    if first == low or (with_the_next and first < high):
        offset = places[first][0]
    else:
        offset = places[first - 1][1]
    return offset, offset
