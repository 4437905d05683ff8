"""A Translator without a model, for tests of everything above it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from csanmt.translator import DecodingOptions, Hypothesis, ShouldStop, Translation
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

OPEN_STUB = "tests.stub_translator:open_stub"  # CSANMT_TRANSLATOR


@dataclass(slots=True)
class StubTranslator:
    """A Translator without a model: looks the sentence up, else marks it ``[source]``.

    ``calls`` records every batch, so that tests can see how requests were batched.
    """

    answers: dict[str, str] = field(default_factory=dict)
    model_tag: str = "stub:v0.0.0"
    source_language: str = "zh"
    target_language: str = "en"
    max_source_tokens: int | None = None
    calls: list[list[str]] = field(default_factory=list)

    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions = DecodingOptions(),
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation]:
        self.calls.append(list(sources))
        return [self._one(source, options) for source in sources]

    def count_tokens(self, text: str) -> int:
        return len(text)

    def _one(self, source: str, options: DecodingOptions) -> Translation:
        if not source.strip():
            return Translation(source, (Hypothesis("", 0.0),), 0)
        best = self.answers.get(source, f"[{source}]")
        for term, target in options.terms:
            best = best.replace(term, target)
        texts = [best] + [f"{best} ({k})" for k in range(2, options.n_best + 1)]
        hypotheses = tuple(Hypothesis(t, -0.1 * k, len(t)) for k, t in enumerate(texts))
        return Translation(source, hypotheses, len(source))


class SlowStub:
    """Costs time like a model, for tests of batching, overload and kills."""

    source_language = "zh"
    target_language = "en"
    max_source_tokens: int | None = None

    def __init__(self, model_tag: str, seconds_per_sentence: float) -> None:
        self.model_tag = model_tag
        self._stub = StubTranslator(model_tag=model_tag)
        self._seconds = seconds_per_sentence

    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions = DecodingOptions(),
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation]:
        self._stub.calls.clear()
        time.sleep(self._seconds * len(sources))
        return self._stub.translate(sources, options, should_stop=should_stop)

    def count_tokens(self, text: str) -> int:
        return self._stub.count_tokens(text)


def open_stub(settings: Settings) -> tuple[SlowStub, TranslatorFacts]:
    """In a runner's process; ``CSANMT_STUB_SECONDS`` is what a sentence costs."""
    seconds = float(os.environ.get("CSANMT_STUB_SECONDS", "0"))
    return SlowStub(settings.model, seconds), TranslatorFacts(settings.model, "stub")
