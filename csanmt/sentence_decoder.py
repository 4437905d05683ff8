"""Guarded sentences through tokenizer and engine: ids there, text and alignment back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from csanmt.forcing import Forcing, Work
from csanmt.protected.restore import AlignedPair
from csanmt.protected.sentence import Guarded
from csanmt.terms import Demand, demands
from csanmt.tokenization import Span, Tokenizer
from csanmt.translator import (
    Copies,
    DecodingOptions,
    Engine,
    Hypothesis,
    ShouldStop,
    TokenHypothesis,
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the model said of a guarded sentence, still with its names and copy tokens.

    Attributes:
        hypotheses: best first; none where the sentence has no token.
        copied: of each hypothesis (offset of a copy token in its text, number).
    """

    hypotheses: tuple[Hypothesis, ...] = ()
    copied: tuple[tuple[tuple[int, int], ...], ...] = ()
    source_tokens: int = 0


@dataclass(frozen=True)
class SentenceDecoder:
    """Decodes with one set of options. ``engine`` and ``tokenizer`` are of one model."""

    tokenizer: Tokenizer
    engine: Engine
    options: DecodingOptions
    should_stop: ShouldStop | None

    @cached_property
    def _reserved(self) -> tuple[int, ...]:
        return self.tokenizer.copy_ids("target")

    def decode(
        self, sentences: Sequence[Guarded], extra: Sequence[Sequence[Demand]] = ()
    ) -> list[Decoded]:
        """Each sentence on its own.

        Args:
            extra: what each answer must hold besides.
        """
        asked = extra or [()] * len(sentences)
        items = [self._item(guarded, more) for guarded, more in zip(sentences, asked, strict=True)]
        found: dict[int, Sequence[TokenHypothesis]] = {}
        free = [i for i, item in enumerate(items) if item.ids and not item.demands]
        forced = [i for i, item in enumerate(items) if item.ids and item.demands]
        found |= dict(zip(free, self._free([items[i] for i in free]), strict=True))
        found |= dict(zip(forced, self._forced([items[i] for i in forced]), strict=True))
        return [
            self._decoded(items[i], found[i]) if i in found else Decoded()
            for i in range(len(items))
        ]

    def _item(self, guarded: Guarded, extra: Sequence[Demand]) -> Work:
        places = [(s.start, s.label) for s in guarded.standins if isinstance(s.label, int)]
        ids, spans = self.tokenizer.encode_with_spans(guarded.text, places)
        copies = tuple(self._reserved[number] for _, number in places)
        return Work(guarded, ids, spans, self._demands(guarded, extra), copies)

    def _demands(self, guarded: Guarded, extra: Sequence[Demand]) -> list[Demand]:
        """The glossary's terms and the names that stand for pieces, in order."""
        pieces = guarded.standins
        names = [Demand(s.start, s.end, s.label) for s in pieces if isinstance(s.label, str)]
        wanted = [*self._terms(guarded), *extra]
        apart = [t for t in wanted if all(t.end <= p.start or t.start >= p.end for p in pieces)]
        return sorted([*names, *apart], key=lambda demand: demand.start)

    def _terms(self, guarded: Guarded) -> list[Demand]:
        """Where the glossary's terms occur, in whichever script each is written."""
        if not self.options.terms:
            return []
        read = self.tokenizer.read
        return demands(read(guarded.text), tuple((read(s), t) for s, t in self.options.terms))

    def _ask(
        self,
        items: Sequence[Work],
        options: DecodingOptions,
        prefixes: Sequence[Sequence[int]] | None = None,
    ) -> list[list[TokenHypothesis]]:
        required = tuple(item.copies for item in items)
        return self.engine.translate_ids(
            [item.ids for item in items],
            options,
            prefixes=prefixes,
            copies=Copies(self._reserved, required) if self._reserved else None,
            should_stop=self.should_stop,
        )

    def _free(self, items: Sequence[Work]) -> list[list[TokenHypothesis]]:
        """Decode without demands; with alignment where something needs it."""
        if not items:
            return []
        aligned = self.options.alignment or any(item.guarded.carried for item in items)
        options = replace(self.options, alignment=True) if aligned else self.options
        decoded = self._ask(items, options)
        # Rare: only a model that answers "unknown" needs to say what it looked at.
        unknown = self.tokenizer.is_unknown_target
        again = [i for i, row in enumerate(decoded) if any(unknown(t) for h in row for t in h.ids)]
        if again and not aligned:
            asked = self._ask([items[i] for i in again], replace(self.options, alignment=True))
            for i, found in zip(again, asked, strict=True):
                decoded[i] = found
        return decoded

    def _forced(self, items: Sequence[Work]) -> list[list[TokenHypothesis]]:
        if not items:
            return []
        return Forcing(self._ask, self.tokenizer).translate(items, self.options)

    def _decoded(self, item: Work, found: Sequence[TokenHypothesis]) -> Decoded:
        texts = [self._text_of(tokens, item) for tokens in found]
        return Decoded(
            tuple(hypothesis for hypothesis, _ in texts),
            tuple(copied for _, copied in texts),
            len(item.ids),
        )

    def _text_of(
        self, tokens: TokenHypothesis, item: Work
    ) -> tuple[Hypothesis, tuple[tuple[int, int], ...]]:
        """Decode, put source words in the place of unknown tokens, align characters."""
        text, places = self.tokenizer.decode_with_spans(tokens.ids)
        copied = tuple(
            (start, self._reserved.index(token))
            for token, (start, _) in zip(tokens.ids, places, strict=False)
            if token in item.copies
        )
        pairs = None
        if tokens.alignment is not None:
            text, found = self._aligned(tokens, item, text, places)
            pairs = tuple(found)
        hypothesis = Hypothesis(text, tokens.score, len(tokens.ids), tokens.hit_limit, pairs)
        return hypothesis, copied

    def _aligned(
        self, tokens: TokenHypothesis, item: Work, decoded: str, places: Sequence[Span]
    ) -> tuple[str, list[AlignedPair]]:
        text = item.guarded.text
        end = (len(text), len(text))
        origin_of = dict(zip(self._reserved, range(len(self._reserved)), strict=True))
        standins = {s.label: (s.start, s.end) for s in item.guarded.standins}
        pairs: list[AlignedPair] = []
        parts, last, moved = [], 0, 0
        for token, place, seen in zip(tokens.ids, places, tokens.alignment or (), strict=False):
            origin = item.spans[seen] if seen < len(item.spans) else end
            origin = standins.get(origin_of.get(token, ""), origin)  # whatever it looked at
            start, stop = place
            if self.tokenizer.is_unknown_target(token):
                copy = text[slice(*origin)].strip()
                parts += [decoded[last:start], copy]
                pairs.append((origin, (start + moved, start + moved + len(copy))))
                last, moved = stop, moved + len(copy) - (stop - start)
            else:
                pairs.append((origin, (start + moved, stop + moved)))
        return "".join([*parts, decoded[last:]]), pairs
