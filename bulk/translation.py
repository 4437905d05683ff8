"""What a worker does: the answers to one chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bulk.records import Answer, Answers
from csanmt.texts import TextTranslation, translate_texts
from csanmt.translator import DecodingOptions, ShouldStop, Translation, Translator

BATCH_SENTENCES = 64
BATCH_CHARACTERS = 4096  # of the sentences of one batch, each counted as long as the longest


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker has to know; small, and sent to each of them.

    Attributes:
        directory: of the model version; its weights are mapped, so workers share them.
        engine: ``native`` or ``torch``.
    """

    directory: str
    model: str
    engine: str
    decoding: DecodingOptions


@lru_cache(maxsize=1)
def open_translator(job: Job) -> Translator:
    """The worker's translator, loaded once. Raises as ``csanmt.loading.load_translator``."""
    from csanmt.loading import load_translator

    return Bucketed(load_translator(job.directory, engine=job.engine, model_tag=job.model))


def answer(
    translator: Translator, texts: Sequence[str | None], decoding: DecodingOptions
) -> Answers:
    """Translate the texts of a chunk; None stays None."""
    good = [text for text in texts if text is not None]
    found = iter(translate_texts(translator, good, decoding))
    return tuple(None if text is None else _answer(next(found)) for text in texts)


def _answer(result: TextTranslation) -> Answer:
    kept = all(segment.copied for segment in result.segments)
    return Answer(result.text, kept, result.split, result.truncated)


class Bucketed:
    """A translator that gives another one batches of sentences of similar length.

    The answers are those of the other one, in the order of the sources.
    """

    def __init__(
        self,
        inner: Translator,
        *,
        sentences: int = BATCH_SENTENCES,
        characters: int = BATCH_CHARACTERS,
    ) -> None:
        self._inner, self._sentences, self._characters = inner, sentences, characters
        self.model_tag = inner.model_tag
        self.source_language = inner.source_language
        self.target_language = inner.target_language
        self.max_source_tokens = inner.max_source_tokens

    def count_tokens(self, text: str) -> int:
        return self._inner.count_tokens(text)

    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions = DecodingOptions(),
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation]:
        found: dict[int, Translation] = {}
        for batch in self._batches(sources):
            texts = [sources[i] for i in batch]
            answers = self._inner.translate(texts, options, should_stop=should_stop)
            found.update(zip(batch, answers, strict=True))
        return [found[i] for i in range(len(sources))]

    def _batches(self, sources: Sequence[str]) -> Iterator[list[int]]:
        """Indices, the longest sentences first: what needs most memory fails at once."""
        batch: list[int] = []
        longest = 0
        for index in sorted(range(len(sources)), key=lambda i: (-len(sources[i]), i)):
            full = len(batch) >= self._sentences or (len(batch) + 1) * longest > self._characters
            if batch and full:
                yield batch
                batch = []
            if not batch:
                longest = len(sources[index])
            batch.append(index)
        if batch:
            yield batch
