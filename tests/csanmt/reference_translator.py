"""ModelScope's pipeline to the letter, around our model: what the goldens are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from csanmt.engine.torch_reference import TorchEngine
from csanmt.loading import load_translator
from csanmt.modelscope.tokenization import ModelScopeTokenizer
from csanmt.text_translator import TextTranslator
from csanmt.translator import (
    DecodingOptions,
    Hypothesis,
    ShouldStop,
    TokenHypothesis,
    Translation,
)

SENTENCE_SPLIT = "<SENT_SPLIT>"  # the pipeline reads several sentences from one string


def decode_like_reference(tokenizer: ModelScopeTokenizer, ids: Sequence[int]) -> str:
    """Text of ``ids`` as ModelScope's ``postprocess`` makes it: every ``@@`` is taken out."""
    joined = " ".join(tokenizer._names(ids)).replace("@@ ", "").replace("@@", "")
    return tokenizer._words.detokenize(joined.split())


class ReferenceEngine(TorchEngine):
    """A source without tokens has no position at all when nothing else is translated with it."""

    def _batch(self, sources: Sequence[Sequence[int]]) -> torch.Tensor:
        return super()._batch(sources) if any(sources) else torch.zeros(len(sources), 0).long()


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
            SENTENCE_SPLIT.join(decode_like_reference(self.tokenizer, part.ids) for part in parts),
            sum(part.score for part in parts) / len(parts),
            sum(len(part.ids) for part in parts),
            any(part.hit_limit for part in parts),
        )


def load_reference(directory: Path) -> ReferenceTranslator:
    """Of a model's directory imported from ModelScope."""
    ours = load_translator(directory, engine="torch")
    assert isinstance(ours.engine, TorchEngine)
    return ReferenceTranslator(ours.tokenizer, ReferenceEngine(ours.engine.model))
