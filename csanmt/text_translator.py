"""A tokenizer and an engine together: sentences of text in, sentences of text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from csanmt.forcing import Forcing, Work
from csanmt.passthrough import AlignedPair, Lifted, lift, restore
from csanmt.terms import Demand, demands
from csanmt.tokenization import Span, Tokenizer
from csanmt.translator import (
    DecodingOptions,
    Engine,
    Hypothesis,
    ShouldStop,
    TokenHypothesis,
    Translation,
)

if TYPE_CHECKING:
    from csanmt.modelscope.tokenization import ModelScopeTokenizer


Encoded = tuple[list[int], list[Span]]
SENTENCE_SPLIT = "<SENT_SPLIT>"  # ModelScope's pipeline reads several sentences from one string


class TextTranslator:
    """Implements ``csanmt.translator.Translator``; ``ReferenceTranslator`` is its strict sibling.

    Every character of a sentence is ordinary text. What the vocabulary cannot
    represent is carried over unchanged (``csanmt.passthrough``), and where the
    model answers with its unknown token, the source words it looked at stand.

    Args:
        tokenizer, engine: of one model.
        model_tag: what every answer is attributed to, such as ``csanmt-zh-en:v1.0.0``.
        source_language, target_language: ISO 639-1 codes.
        decoding: how the model decodes unless it is told otherwise.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        engine: Engine,
        *,
        model_tag: str = "",
        source_language: str = "zh",
        target_language: str = "en",
        decoding: DecodingOptions = DecodingOptions(),
    ) -> None:
        self.tokenizer = tokenizer
        self.engine = engine
        self.model_tag = model_tag
        self.source_language = source_language
        self.target_language = target_language
        self.decoding = decoding

    def count_tokens(self, text: str) -> int:
        """Source tokens of ``text``, eos not counted."""
        return len(self.tokenizer.encode(text))

    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions = DecodingOptions(),
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation]:
        """Translate each sentence on its own; blank gives empty, and nothing is dropped.

        Raises:
            CancelledError: ``should_stop`` answered true.
        """
        lifted = [lift(source, self.tokenizer.represents) for source in sources]
        encoded = [self.tokenizer.encode_with_spans(item.text) for item in lifted]
        wanted = [self._demands(item, options) for item in lifted]
        results = [self._untranslated(s, item) for s, item in zip(sources, lifted, strict=True)]
        work = [i for i, (ids, _) in enumerate(encoded) if ids and not _only_names(lifted[i])]
        free = [i for i in work if not wanted[i]]
        forced = [i for i in work if wanted[i]]
        decoded = dict(self._decode(free, encoded, lifted, options, should_stop))
        decoded |= self._force(forced, encoded, wanted, options, should_stop)
        for i, hypotheses in decoded.items():
            results[i] = self._finish(sources[i], lifted[i], encoded[i], hypotheses, options)
        return results

    def _demands(self, lifted: Lifted, options: DecodingOptions) -> list[Demand]:
        """What the translation must contain: the glossary's terms, and placeholders' names."""
        names = [Demand(s.start, s.end, s.name) for s in lifted.standins]
        if not options.terms:
            return names
        terms = demands(lifted.text, options.terms)
        apart = [t for t in terms if all(t.end <= n.start or t.start >= n.end for n in names)]
        return sorted([*names, *apart], key=lambda demand: demand.start)

    def _force(
        self,
        which: Sequence[int],
        encoded: Sequence[Encoded],
        wanted: Sequence[list[Demand]],
        options: DecodingOptions,
        should_stop: ShouldStop | None,
    ) -> dict[int, list[TokenHypothesis]]:
        if not which:
            return {}
        works = [Work(*encoded[i], wanted[i]) for i in which]
        found = Forcing(self.engine, self.tokenizer).translate(works, options, should_stop)
        return dict(zip(which, found, strict=True))

    def _decode(
        self,
        which: Sequence[int],
        encoded: Sequence[Encoded],
        lifted: Sequence[Lifted],
        options: DecodingOptions,
        should_stop: ShouldStop | None,
    ) -> Iterator[tuple[int, list[TokenHypothesis]]]:
        """Decode without demands; with alignment where something needs it."""
        if not which:
            return
        aligned = options.alignment or any(lifted[i].carried for i in which)
        decoded = self.engine.translate_ids(
            [encoded[i][0] for i in which],
            replace(options, alignment=aligned),
            should_stop=should_stop,
        )
        again: list[int] = []
        for i, hypotheses in zip(which, decoded, strict=True):
            if not aligned and any(self._has_unknown(h) for h in hypotheses):
                again.append(i)
            else:
                yield i, hypotheses
        if again:  # rare: only a model that answers "unknown" needs to say what it looked at
            decoded = self.engine.translate_ids(
                [encoded[i][0] for i in again],
                replace(options, alignment=True),
                should_stop=should_stop,
            )
            yield from zip(again, decoded, strict=True)

    def _untranslated(self, source: str, lifted: Lifted) -> Translation:
        """Of a sentence without a token: what it carries, or nothing if it is blank."""
        text = source if lifted.carried or lifted.standins else ""
        return Translation(source, (Hypothesis(text, 0.0),), 0)

    def _has_unknown(self, hypothesis: TokenHypothesis) -> bool:
        return any(self.tokenizer.is_unknown_target(token) for token in hypothesis.ids)

    def _finish(
        self,
        source: str,
        lifted: Lifted,
        encoded: tuple[list[int], list[Span]],
        hypotheses: Sequence[TokenHypothesis],
        options: DecodingOptions,
    ) -> Translation:
        finished = []
        for tokens in hypotheses:
            hypothesis = restore(self._text_of(tokens, lifted.text, encoded[1]), lifted)
            if not options.alignment:
                hypothesis = replace(hypothesis, alignment=None)
            finished.append(hypothesis)
        return Translation(source, tuple(finished), len(encoded[0]))

    def _text_of(self, tokens: TokenHypothesis, text: str, spans: list[Span]) -> Hypothesis:
        """Decode, put source words in the place of unknown tokens, align characters."""
        decoded, places = self.tokenizer.decode_with_spans(tokens.ids)
        if tokens.alignment is None:
            return Hypothesis(decoded, tokens.score, len(tokens.ids), tokens.hit_limit)
        end = (len(text), len(text))
        pairs: list[AlignedPair] = []
        parts, last, moved = [], 0, 0
        for token, place, seen in zip(tokens.ids, places, tokens.alignment, strict=False):
            origin = spans[seen] if seen < len(spans) else end
            start, stop = place
            if self.tokenizer.is_unknown_target(token):
                copy = text[slice(*origin)].strip()
                parts += [decoded[last:start], copy]
                pairs.append((origin, (start + moved, start + moved + len(copy))))
                last, moved = stop, moved + len(copy) - (stop - start)
            else:
                pairs.append((origin, (start + moved, stop + moved)))
        whole = "".join([*parts, decoded[last:]])
        return Hypothesis(whole, tokens.score, len(tokens.ids), tokens.hit_limit, tuple(pairs))


def _only_names(lifted: Lifted) -> bool:
    """Nothing is left to translate beside the placeholders."""
    if not lifted.standins:
        return False
    named = {i for s in lifted.standins for i in range(s.start, s.end)}
    return not any(c.isalnum() and i not in named for i, c in enumerate(lifted.text))


class ReferenceTranslator(TextTranslator):
    """ModelScope's pipeline to the letter, for comparison with it.

    ``<SENT_SPLIT>`` separates sentences, every ``@@`` is taken out of the answer,
    unknown words come back as ``<unk>``, emptiness is translated. Needs a tokenizer
    imported from ModelScope; decode without the repetition guard to get its answers.
    """

    tokenizer: ModelScopeTokenizer

    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions = DecodingOptions(),
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation]:
        return [self._translate(source, options, should_stop) for source in sources]

    def _translate(
        self, source: str, options: DecodingOptions, should_stop: ShouldStop | None
    ) -> Translation:
        encoded = [self.tokenizer.encode(part) for part in source.split(SENTENCE_SPLIT)]
        tokens = sum(map(len, encoded))
        # Beside others an empty sentence is a row of padding; alone it has no position at all.
        rows = [ids or [0] for ids in encoded] if any(encoded) else encoded
        decoded = self.engine.translate_ids(
            rows, replace(options, alignment=False), should_stop=should_stop
        )
        count = min(len(hypotheses) for hypotheses in decoded)
        return Translation(
            source, tuple(self._joined([h[k] for h in decoded]) for k in range(count)), tokens
        )

    def _joined(self, parts: Sequence[TokenHypothesis]) -> Hypothesis:
        return Hypothesis(
            SENTENCE_SPLIT.join(self.tokenizer.decode_like_reference(part.ids) for part in parts),
            sum(part.score for part in parts) / len(parts),
            sum(len(part.ids) for part in parts),
            any(part.hit_limit for part in parts),
        )
