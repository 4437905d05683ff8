"""What a worker does: the answers to one chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bulk.records import Answer, Answers
from csanmt.texts import TextTranslation, translate_texts
from csanmt.translator import DecodingOptions, Translator


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

    return load_translator(job.directory, engine=job.engine, model_tag=job.model)


def work(job: Job, texts: Sequence[str | None]) -> Answers:
    """The answers to a chunk, in a worker's process."""
    return answer(open_translator(job), texts, job.decoding)


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
