"""A tokenizer and an engine together: sentences of text in, sentences of text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import lru_cache, partial
from typing import overload

from csanmt.errors import InvalidInputError
from csanmt.protected.guarding import Guarding
from csanmt.protected.sentence import is_foreign
from csanmt.sentence_decoder import SentenceDecoder
from csanmt.texts import TextTranslation, translate_texts
from csanmt.tokenization import Tokenizer
from csanmt.translator import (
    DecodingOptions,
    Engine,
    ShouldStop,
    Translation,
)


@dataclass(eq=False, repr=False)
class TextTranslator:
    """Implements ``csanmt.translator.Translator``.

    Every character of a sentence is ordinary text. What must not change and what the
    vocabulary cannot represent come through untouched (``csanmt.protected``), and where
    the model answers with its unknown token, the source words it looked at stand.

    Attributes:
        tokenizer, engine: of one model.
        model_tag: what every answer is attributed to, such as ``csanmt-zh-en:v1.0.0``.
        source_language, target_language: ISO 639-1 codes.
        decoding: how the model decodes unless it is told otherwise.
        max_source_tokens: of the longest sentence that it should get in one piece.
    """

    tokenizer: Tokenizer
    engine: Engine
    _: KW_ONLY
    model_tag: str = ""
    source_language: str = "zh"
    target_language: str = "en"
    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    max_source_tokens: int | None = None
    repair_numbers: bool = False

    def __post_init__(self) -> None:
        foreign = partial(is_foreign, represents=self.tokenizer.represents)
        self._foreign = lru_cache(maxsize=16384)(foreign)  # a look for each character of all texts

    def count_tokens(self, text: str) -> int:
        """Source tokens of ``text``, eos not counted."""
        return len(self.tokenizer.encode(text))

    @overload
    def translate(  # type: ignore[overload-overlap]  # a string is a sequence of strings
        self,
        sources: str,
        options: DecodingOptions | None = None,
        *,
        should_stop: ShouldStop | None = None,
    ) -> TextTranslation: ...

    @overload
    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions | None = None,
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation]: ...

    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions | None = None,
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation] | TextTranslation:
        """Translate each sentence on its own; blank gives empty, and nothing is dropped.

        Args:
            sources: sentences; a bare string is one text of any length
                (``csanmt.texts.translate_texts``).
            options: by default the model's own.

        Raises:
            CancelledError: ``should_stop`` answered true.
            InvalidInputError: what is to be translated is no text.
        """
        options = options or self.decoding
        if isinstance(sources, str):
            return translate_texts(self, [sources], options, should_stop=should_stop)[0]
        if not all(isinstance(text, str) for text in sources):  # of bytes, the numbers
            raise InvalidInputError("give a string, or a list of strings, to be translated")
        decoder = SentenceDecoder(self.tokenizer, self.engine, options, should_stop)
        return Guarding(decoder, self._foreign, self.repair_numbers).translate(sources)
