"""A tokenizer and an engine together: sentences of text in, sentences of text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from csanmt.protected.guarding import Guarding
from csanmt.sentence_decoder import SentenceDecoder
from csanmt.tokenization import Tokenizer
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


SENTENCE_SPLIT = "<SENT_SPLIT>"  # ModelScope's pipeline reads several sentences from one string


class TextTranslator:
    """Implements ``csanmt.translator.Translator``; ``ReferenceTranslator`` is its strict sibling.

    Every character of a sentence is ordinary text. What must not change and what the
    vocabulary cannot represent come through untouched (``csanmt.protected``), and where
    the model answers with its unknown token, the source words it looked at stand.

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
        decoder = SentenceDecoder(self.tokenizer, self.engine, options, should_stop)
        return Guarding(decoder, options).translate(sources)


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
