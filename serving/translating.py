"""From texts to answers: segment, queue, collect, join, count.

Sentences of all texts of a request travel as one ticket, so that a request is
batched with itself and with others. The answers do not depend on HTTP or on any
API shape; ``serving.shapes`` writes them down.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from csanmt.errors import DeadlineExceededError, UnavailableError
from csanmt.translator import DecodingOptions, Translation
from serving import metric_names as names
from serving.batching import BatchQueue, Ticket
from serving.errors import TooLargeError
from serving.layout import Layout, analyse
from serving.metrics import Metrics
from serving.quality_signals import signals
from serving.runner_pool import RunnerPool
from serving.settings import Settings
from serving.translators import TranslatorFacts


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """A translated text.

    Attributes:
        layout: the text and where its sentences are.
        sentences: a translation for each segment of ``layout``.
        text: best translations joined; ``spans`` says where each stands in it.
    """

    layout: Layout
    sentences: tuple[Translation, ...]
    text: str
    spans: tuple[tuple[int, int], ...]

    @property
    def truncated(self) -> bool:
        return any(sentence.truncated for sentence in self.sentences)

    def alternative(self, rank: int) -> str:
        """The text made of each sentence's hypothesis of this rank (0 is best), or its last."""
        chosen = [
            s.hypotheses[min(rank, len(s.hypotheses) - 1)].text if s.hypotheses else ""
            for s in self.sentences
        ]
        return self.layout.join(chosen)[0]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds from request to answer, in the queue (longest), and in runners."""

    total: float
    queue: float
    compute: float


@dataclass(frozen=True, slots=True)
class SentenceEvent:
    """One finished sentence of a stream: text ``text_index``, sentence ``index`` of it."""

    text_index: int
    index: int
    layout: Layout
    translation: Translation

    @property
    def last_of_text(self) -> bool:
        return self.index == len(self.layout.segments) - 1


class Job:
    """One request being translated. Close it, or nobody learns that its work is unwanted."""

    def __init__(self, layouts: Sequence[Layout], ticket: Ticket, deadline: float) -> None:
        self.layouts = list(layouts)
        self._ticket = ticket
        self._deadline = deadline
        self._started = time.monotonic()

    @property
    def sentence_count(self) -> int:
        return sum(len(layout.segments) for layout in self.layouts)

    async def events(self) -> AsyncIterator[SentenceEvent]:
        """Sentences in the order of the texts, each as soon as it can be shown.

        Raises:
            DeadlineExceededError: the request's time is over; the rest is cancelled.
            CsanmtError: what the queue or a runner says.
        """
        results = self._ticket.in_order()
        where = [
            (t, i) for t, layout in enumerate(self.layouts) for i in range(len(layout.segments))
        ]
        for text_index, index in where:
            remaining = self._started + self._deadline - time.monotonic()
            try:
                translation = await asyncio.wait_for(anext(results), max(remaining, 0))
            except TimeoutError:
                self.close()
                raise DeadlineExceededError(
                    f"not finished within {self._deadline:g} seconds"
                ) from None
            yield SentenceEvent(text_index, index, self.layouts[text_index], translation)

    def close(self) -> None:
        """Drop what is still queued or running; harmless when all is done."""
        self._ticket.cancel()

    def timing(self) -> Timing:
        total = time.monotonic() - self._started
        return Timing(total, self._ticket.queue_seconds, self._ticket.compute_seconds)


class TranslationService:
    """Translates texts with the runners of ``pool``, through ``queue``."""

    def __init__(
        self, queue: BatchQueue, pool: RunnerPool, metrics: Metrics, settings: Settings
    ) -> None:
        self._queue = queue
        self._pool = pool
        self._metrics = metrics
        self.settings = settings

    @property
    def ready(self) -> bool:
        return self._pool.ready

    @property
    def facts(self) -> TranslatorFacts:
        """The model's facts; before the first runner is ready, those that need no model."""
        return self._pool.facts or TranslatorFacts(self.settings.model, self.settings.engine)

    def begin(self, texts: Sequence[str], options: DecodingOptions) -> Job:
        """Queue the sentences of ``texts``.

        Raises:
            TooLargeError: more sentences than one request may have.
            QueueFullError, UnavailableError: as ``BatchQueue.submit``.
        """
        language, longest = self.facts.target_language, self.facts.max_length
        layouts = [analyse(text, language, longest) for text in texts]
        sentences = [sentence for layout in layouts for sentence in layout.sentences]
        if len(sentences) > self.settings.max_segments:
            raise TooLargeError(
                f"{len(sentences)} sentences; allowed is {self.settings.max_segments}"
            )
        if self._pool.facts is None and self._pool.problem:
            raise UnavailableError("the model is not loaded")
        return Job(layouts, self._queue.submit(sentences, options), self.settings.timeout)

    def finish(self, job: Job, translations: Sequence[Translation]) -> list[TextAnswer]:
        """Join the sentences (all of the job's, in order) to texts, and count them."""
        answers = []
        rest = iter(translations)
        for layout in job.layouts:
            sentences = tuple(next(rest) for _ in layout.segments)
            text, spans = layout.join([s.text for s in sentences])
            answers.append(TextAnswer(layout, sentences, text, tuple(spans)))
        self._count(job, answers)
        return answers

    async def translate(
        self, texts: Sequence[str], options: DecodingOptions
    ) -> tuple[list[TextAnswer], Timing]:
        """Translate ``texts`` and wait for all of it. Cancelling the caller cancels the work."""
        job = self.begin(texts, options)
        try:
            translations = [event.translation async for event in job.events()]
            return self.finish(job, translations), job.timing()
        finally:
            job.close()

    def _count(self, job: Job, answers: Sequence[TextAnswer]) -> None:
        count = self._metrics.count
        for answer in answers:
            count(names.CHARACTERS, "source", amount=len(answer.layout.text))
            count(names.CHARACTERS, "target", amount=len(answer.text))
            count(names.SEGMENTS, amount=len(answer.sentences))
            for sentence in answer.sentences:
                count(names.TOKENS, "source", amount=sentence.source_tokens)
                best = sentence.hypotheses[0].tokens if sentence.hypotheses else 0
                count(names.TOKENS, "target", amount=best)
                for signal in signals(sentence.source, sentence.text, truncated=sentence.truncated):
                    count(names.HEALTH, signal)
        self._metrics.observe(names.QUEUE_SECONDS, job.timing().queue)
