"""From texts to answers: segment, queue, collect, join, count.

Sentences of all texts of a request travel as one ticket, so that a request is
batched with itself and with others. The answers do not depend on HTTP or on any
API shape; ``serving.apis`` writes them down.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from csanmt.errors import DeadlineExceededError, InvalidInputError
from csanmt.memory.entries import Match
from csanmt.segmentation import Segment, join_with_spans
from csanmt.surrogates import lone_surrogate
from csanmt.texts import (
    DEFAULT_MAX_TOKENS,
    CountTokens,
    SegmentTranslation,
    TextTranslation,
    assemble,
    part_of,
    pieces,
    translatable,
)
from csanmt.translator import DecodingOptions, Hypothesis, Translation
from serving import metric_names as names
from serving.http.errors import TooLargeError
from serving.languages import LanguagePair, canonical
from serving.memory import Mode, Recall
from serving.metrics import PROBE, Metrics
from serving.runners.batching import BatchQueue
from serving.runners.pool import RunnerPool
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

Result = TypeVar("Result")
IN_A_THREAD = 2_000  # characters from which a text is analysed beside the event loop


# These are made at every request, and a frozen one costs a call a field: none is changed.
@dataclass(slots=True)
class Answer:
    """A translated text, plain or marked up.

    Attributes:
        texts: the best translation, then one for each rank that was asked for.
        parts: the plain texts that were translated for it: itself, or those between its tags.
        characters: of text in it, tags not counted.
        matches: what the memory knows, by sentence; an exact match is its translation.
    """

    texts: tuple[str, ...]
    parts: tuple[TextTranslation, ...]
    characters: int
    matches: Mapping[str, Match] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.texts[0]

    @property
    def truncated(self) -> bool:
        return any(part.truncated for part in self.parts)

    def alternatives(self, most: int) -> list[str]:
        """Up to ``most`` other texts, each different from the translation and from the others."""
        found = dict.fromkeys(self.texts[1 : most + 1])
        return [text for text in found if text != self.text]

    def sentences(self) -> list[Translation]:
        """What was translated, not kept as it was."""
        return [s.translation for part in self.parts for s in part.segments if not s.copied]


@dataclass(slots=True)
class Timing:
    """Seconds from request to answer, in the queue (longest), and in runners."""

    total: float
    queue: float
    compute: float


@dataclass(slots=True)
class SentenceEvent:
    """One finished segment of a stream: segment ``index`` of text ``text_index``.

    ``before`` is the layout before it, ``after`` what follows the last one of a text.
    """

    text_index: int
    index: int
    before: str
    part: SegmentTranslation
    after: str

    @property
    def text(self) -> str:
        return self.before + self.part.translation.text + self.after


@dataclass(slots=True)
class _Plan:
    """Texts taken apart, and each distinct sentence once, in order."""

    texts: list[tuple[str, list[Segment]]]
    sentences: list[str]
    options: DecodingOptions
    language: str  # of the translation


class Job:
    """One request being translated. Close it, or nobody learns that its work is unwanted."""

    def __init__(
        self,
        plan: _Plan,
        matches: Mapping[str, Match],
        queue: BatchQueue,
        deadline: float,
        *,
        stream: bool = False,
    ) -> None:
        self._plan = plan
        self.matches = matches
        self._found = {
            sentence: Translation(sentence, (Hypothesis(match.pair.target, 0.0),))
            for sentence, match in matches.items()
            if match.exact
        }
        self._asked = [sentence for sentence in plan.sentences if sentence not in self._found]
        self._ticket = queue.submit(self._asked, plan.options, stream=stream)
        self._deadline = deadline
        self._started = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(deadline, self._expire)

    @property
    def segment_count(self) -> int:
        return sum(len(segments) for _, segments in self._plan.texts)

    async def events(self) -> AsyncIterator[SentenceEvent]:
        """Segments in the order of the texts, each as soon as it can be shown.

        Raises:
            DeadlineExceededError: the request's time is over; the rest is cancelled.
            CsanmtError: what the queue or a runner says.
        """
        results, asked, language = self._ticket.in_order(), set(self._asked), self._plan.language
        for text_index, (_, segments) in enumerate(self._plan.texts):
            left, end = "", 0
            for index, segment in enumerate(segments):
                if segment.text in asked and segment.text not in self._found:
                    self._found[segment.text] = await anext(results)
                translation = part_of(segments, index, self._found, language)
                before = _before(segments, index, left, translation.text, language)
                span = end + len(before), end + len(before) + len(translation.text)
                part = SegmentTranslation(
                    (segment.start, segment.end), span, translation, segment.split
                )
                after = segment.after if index + 1 == len(segments) else ""
                yield SentenceEvent(text_index, index, before, part, after)
                left, end = translation.text, span[1]

    async def finished(self) -> None:
        """Wait until all is there. Raises as ``events``."""
        self._found.update(zip(self._asked, await self._ticket.all(), strict=True))

    def answers(self) -> list[Answer]:
        """The texts, once every sentence is there."""
        plan, n_best = self._plan, self._plan.options.n_best
        texts = [assemble(t, p, self._found, n_best, plan.language) for t, p in plan.texts]
        return [Answer(t.alternatives, (t,), len(t.source), self.matches) for t in texts]

    def _expire(self) -> None:
        self.close()
        text = f"not finished within {self._deadline:g} seconds"
        self._ticket.fail(DeadlineExceededError(text))

    def close(self) -> None:
        """Drop what is still queued or running; harmless when all is done."""
        self._timer.cancel()
        self._ticket.cancel()

    def timing(self) -> Timing:
        total = time.monotonic() - self._started
        return Timing(total, self._ticket.queue_seconds, self._ticket.compute_seconds)


async def beside(characters: int, work: Callable[[], Result]) -> Result:
    """What ``work`` makes of so many characters; others must not wait for it where they are many.

    Then it is done beside the event loop.
    """
    return await asyncio.to_thread(work) if characters > IN_A_THREAD else work()


def _before(segments: Sequence[Segment], index: int, left: str, right: str, language: str) -> str:
    """The layout in front of translation ``index``, which stands between ``left`` and itself."""
    if index == 0:
        return segments[0].before
    pair = segments[index - 1 : index + 1]
    whole, ((_, end), (start, _)) = join_with_spans(pair, (left, right), language)
    return whole[end:start]


class TranslationService:
    """Translates texts with the runners of ``pool``, through ``queue``."""

    def __init__(
        self,
        queue: BatchQueue,
        pool: RunnerPool,
        metrics: Metrics,
        settings: Settings,
        count_tokens: CountTokens,
        recall: Recall | None = None,
    ) -> None:
        self.recall = recall or Recall(None, metrics)
        self.queue = queue
        self._count_tokens = count_tokens
        self.pool = pool
        self.metrics = metrics
        self.settings = settings

    @property
    def ready(self) -> bool:
        return self.pool.ready

    @property
    def facts(self) -> TranslatorFacts:
        """The model's facts; before the first runner is ready, those that need no model."""
        return self.pool.facts or TranslatorFacts(self.settings.model, self.settings.engine)

    @property
    def languages(self) -> LanguagePair:
        """What the served model translates."""
        facts = self.facts
        return LanguagePair(canonical(facts.source_language), canonical(facts.target_language))

    async def begin(
        self,
        texts: Sequence[str],
        options: DecodingOptions,
        memory: Mode = "off",
        *,
        whole: bool = False,
        stream: bool = False,
    ) -> Job:
        """Queue the sentences of ``texts`` that the memory does not know.

        Args:
            stream: the answer is shown as it comes: the first sentence is not to wait for others.

        Raises:
            InvalidInputError: a text holds half of a surrogate pair; there is no memory to ask.
            TooLargeError: more sentences than one request may have.
            QueueFullError, UnavailableError: as ``BatchQueue.submit``.
        """
        if any(lone_surrogate(text) is not None for text in texts):
            raise InvalidInputError("a text holds half of a surrogate pair")
        plan = await beside(sum(map(len, texts)), lambda: self._plan(texts, whole, options))
        if len(plan.sentences) > self.settings.max_segments:
            raise TooLargeError(
                f"{len(plan.sentences)} sentences; allowed is {self.settings.max_segments}"
            )
        matches = await self.recall.find(plan.sentences, memory, self.facts)
        return Job(plan, matches, self.queue, self.settings.timeout, stream=stream)

    def _plan(self, texts: Sequence[str], whole: bool, options: DecodingOptions) -> _Plan:
        facts = self.facts
        most = facts.max_source_tokens or DEFAULT_MAX_TOKENS
        taken = []
        for text in texts:
            found = pieces(text, self._count_tokens, most, whole=whole, protect=options.protect)
            taken.append((text, [segment for segment in found if segment.text]))
        distinct = dict.fromkeys(segment.text for _, found in taken for segment in found)
        sentences = [text for text in distinct if translatable(text, facts.source_language)]
        return _Plan(taken, sentences, options, facts.target_language)

    def finish(self, job: Job) -> list[Answer]:
        """The texts of a job whose sentences are all there, counted."""
        answers = job.answers()
        self._count(job, answers)
        return answers

    async def translate(
        self,
        texts: Sequence[str],
        options: DecodingOptions,
        memory: Mode = "off",
        *,
        whole: bool = False,
    ) -> tuple[list[Answer], Timing]:
        """Translate ``texts`` and wait for all of it. Cancelling the caller cancels the work.

        Args:
            memory: whether sentences are looked up in the translation memory.
            whole: each text is one sentence, whatever punctuation it holds.
        """
        job = await self.begin(texts, options, memory, whole=whole)
        try:
            await job.finished()
            return self.finish(job), job.timing()
        finally:
            job.close()

    def _count(self, job: Job, answers: Sequence[Answer]) -> None:
        if PROBE.get():
            return
        count = self.metrics.count
        for answer in answers:
            count(names.CHARACTERS, "source", amount=answer.characters)
            count(names.CHARACTERS, "target", amount=len(answer.text))
            for sentence in answer.sentences():
                match = answer.matches.get(sentence.source)
                if not (match and match.exact):  # that one is no work of the model
                    self._count_sentence(sentence)
        self.metrics.observe(names.QUEUE_SECONDS, job.timing().queue)

    def _count_sentence(self, sentence: Translation) -> None:
        count = self.metrics.count
        count(names.SEGMENTS)
        count(names.TOKENS, "source", amount=sentence.source_tokens)
        count(names.TOKENS, "target", amount=sentence.hypotheses[0].tokens)
        for signal in sentence.faults:
            count(names.HEALTH, signal)
