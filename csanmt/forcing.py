"""Translations that must contain given terms.

Decode freely; where a term is missing, cut the answer before the words that its source
became, set the term there, and let the model go on from this prefix, or keep the rest as
it was. Several places and forms are tried in one batch and the model's own score decides
among them. Each round settles at least one term, from left to right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from csanmt.protected.sentence import Guarded
from csanmt.terms import Demand, capitalised, count_forms
from csanmt.tokenization import Span, Tokenizer
from csanmt.translator import DecodingOptions, TokenHypothesis

_PLACES = 4  # tried for one term
_CANDIDATES = 12
_SEARCH_BEAM = 2  # of a candidate; the places it is tried at are the wider search


@dataclass(frozen=True, slots=True)
class Work:
    """A sentence on its way through the decoder.

    Attributes:
        spans: the characters that each id stands for.
        demands: what the answer must hold.
        copies: target ids of the copy tokens that stand in it.
    """

    guarded: Guarded
    ids: list[int]
    spans: list[Span]
    demands: list[Demand]
    copies: tuple[int, ...]


# Hypotheses of sentences, which begin with their prefixes.
Prefixes = Sequence[Sequence[int]]
Decode = Callable[[Sequence[Work], DecodingOptions, Prefixes | None], list[list[TokenHypothesis]]]


@dataclass(slots=True)
class _State:
    """A sentence under way; the first ``fixed`` tokens of ``best`` are settled, as is what is
    ``lost``: demands that no place would hold."""

    work: Work
    best: list[TokenHypothesis]
    fixed: int = 0
    lost: list[Demand] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A prefix that holds the demanded term at ``[start, end)``."""

    prefix: list[int]
    start: int
    end: int
    demand: Demand


class Forcing:
    """Decodes with demands. ``decode`` and ``tokenizer`` are of one model."""

    def __init__(self, decode: Decode, tokenizer: Tokenizer) -> None:
        self._decode = decode
        self._tokenizer = tokenizer

    def translate(
        self, works: Sequence[Work], options: DecodingOptions
    ) -> list[list[TokenHypothesis]]:
        """Hypotheses of each sentence, with alignment; the best one has all terms if it can."""
        wide = replace(options, alignment=True, n_best=options.beam)
        free = self._decode(works, wide, None)
        states = [_State(w, self._reordered(w, h)) for w, h in zip(works, free, strict=True)]
        beam = min(options.beam, max(_SEARCH_BEAM, options.n_best))
        narrow = replace(wide, beam=beam, n_best=beam)
        for _ in range(max((len(w.demands) for w in works), default=0) + 1):
            tasks = [(s, c) for s in states for c in self._candidates(s, options)]
            if not tasks:
                break
            prefixes = [c.prefix for _, c in tasks]
            decoded = self._decode([s.work for s, _ in tasks], narrow, prefixes)
            self._choose(states, tasks, decoded)
        return [state.best[: options.n_best] for state in states]

    def _reordered(self, work: Work, found: list[TokenHypothesis]) -> list[TokenHypothesis]:
        """The hypotheses that miss the fewest terms first."""
        return sorted(found, key=lambda h: len(self._missing(work, h)))  # sorted is stable

    def _missing(self, work: Work, hypothesis: TokenHypothesis) -> list[Demand]:
        text = self._tokenizer.decode(hypothesis.ids)
        missing, used = [], Counter[str]()
        for demand in work.demands:
            used[demand.target] += 1
            if count_forms(text, demand) < used[demand.target]:
                missing.append(demand)
        return missing

    def _candidates(self, state: _State, options: DecodingOptions) -> list[_Candidate]:
        if not state.best:
            return []
        hypothesis = state.best[0]
        surfaces = _Surfaces(self._tokenizer, hypothesis)
        offers = []
        missing = [d for d in self._missing(state.work, hypothesis) if d not in state.lost]
        for demand in missing:
            tokens = _tokens_of(demand, state.work.spans)
            for start, end in surfaces.places(tokens, state.fixed)[:_PLACES]:
                offers.append((start, end, demand))
        offers.sort(key=lambda offer: offer[0])
        first = [offer for offer in offers if offer[2] is offers[0][2]]
        found = [c for offer in first for c in self._prefixes(hypothesis, *offer)]
        return [c for c in found if len(c.prefix) < options.max_length][:_CANDIDATES]

    def _prefixes(
        self, hypothesis: TokenHypothesis, start: int, end: int, demand: Demand
    ) -> Iterator[_Candidate]:
        """The term at ``start``: the model goes on, or the rest stays as it was."""
        ids = list(hypothesis.ids)
        forms = demand.forms()
        if demand.inflected:
            replaced = self._tokenizer.decode(ids[start:end])
            several = replaced.endswith("s") and not demand.many
            forms = forms[:2] if several else forms[:1]
            if start == 0:
                forms = tuple(map(capitalised, forms))
        for form in forms:
            term = self._tokenizer.encode_target(form)
            if term:
                after = start + len(term)
                yield _Candidate(ids[:start] + term, start, after, demand)
                yield _Candidate(ids[:start] + term + ids[end:], start, after, demand)

    def _choose(
        self,
        states: list[_State],
        tasks: list[tuple[_State, _Candidate]],
        decoded: list[list[TokenHypothesis]],
    ) -> None:
        for state in states:
            own = [(c, h) for (s, c), h in zip(tasks, decoded, strict=True) if s is state and h]
            if not own:
                continue
            ranked = [(self._rank(state.work, found[0]), c, found) for c, found in own]
            rank, candidate, found = max(ranked, key=lambda item: item[0])
            if -rank[0] >= len(self._missing(state.work, state.best[0])):
                state.lost.append(candidate.demand)  # no better: this one stays missing
                continue
            state.best = [_aligned(h, candidate, state.work.spans) for h in found]
            state.fixed = candidate.end

    def _rank(self, work: Work, hypothesis: TokenHypothesis) -> tuple[float, ...]:
        text = self._tokenizer.decode(hypothesis.ids)
        wanted = Counter(demand.target for demand in work.demands)
        surplus = sum(
            max(0, count_forms(text, demand) - wanted[demand.target])
            for demand in {d.target: d for d in work.demands}.values()
        )
        return (
            -len(self._missing(work, hypothesis)),
            -surplus,
            -hypothesis.hit_limit,
            hypothesis.score,
        )


class _Surfaces:
    """Where the words of a hypothesis begin and end, in tokens, and what they look at."""

    def __init__(self, tokenizer: Tokenizer, hypothesis: TokenHypothesis) -> None:
        self._text, self._places = tokenizer.decode_with_spans(hypothesis.ids)
        text, places = self._text, self._places
        self._alignment = hypothesis.alignment or ()
        self._count = len(places)
        self._begins = [
            start == 0 or not (text[start - 1].isalnum() and text[start : start + 1].isalnum())
            for start, _ in places
        ]

    def places(self, sources: Sequence[int], fixed: int) -> list[tuple[int, int]]:
        """Runs of whole words at or after token ``fixed`` made of ``sources``, longest first.

        If there is none, the empty run where it would be.
        """
        wanted = set(sources)
        hits = [
            j
            for j in range(fixed, self._count)
            if self._alignment[j : j + 1] and self._alignment[j] in wanted
        ]
        runs: list[tuple[int, int]] = []
        for j in hits:
            start, end = self._word(j, fixed)
            if runs and start <= runs[-1][1]:
                runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
            else:
                runs.append((start, end))
        if runs:
            runs.sort(key=lambda run: run[0] - run[1])
            return [*self._trimmed(*runs[0]), *runs[1:]]
        before = [j for j in range(self._count) if self._alignment[j] < min(wanted, default=0)]
        at = max(fixed, max(before) + 1 if before else 0)
        while at < self._count and not self._begins[at]:
            at += 1
        return [(at, at)]

    def _trimmed(self, start: int, end: int) -> list[tuple[int, int]]:
        """A run as it is, and without the short words it begins with: `in the library`."""
        found = [(start, end)]
        for _ in range(2):
            after = self._word(start, start)[1]
            if after >= end or not self._short(start, after):
                break
            found.append((after, end))
            start = after
        return found

    def _short(self, start: int, end: int) -> bool:
        word = self._text[self._places[start][0] : self._places[end - 1][1]].strip()
        return len(word) <= 4 and word.isalpha() and word.islower()

    def _word(self, token: int, fixed: int) -> tuple[int, int]:
        start = token
        while start > fixed and not self._begins[start]:
            start -= 1
        end = token + 1
        while end < self._count and not self._begins[end]:
            end += 1
        return start, end


def _tokens_of(demand: Demand, spans: Sequence[Span]) -> list[int]:
    return [i for i, (a, b) in enumerate(spans) if a < demand.end and b > demand.start]


def _aligned(
    hypothesis: TokenHypothesis, candidate: _Candidate, spans: Sequence[Span]
) -> TokenHypothesis:
    """A forced term comes from its source, wherever the model looked."""
    if hypothesis.alignment is None or not (tokens := _tokens_of(candidate.demand, spans)):
        return hypothesis
    alignment = list(hypothesis.alignment)
    for j in range(candidate.start, min(candidate.end, len(alignment))):
        alignment[j] = tokens[min(j - candidate.start, len(tokens) - 1)]
    return replace(hypothesis, alignment=tuple(alignment))
