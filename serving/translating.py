"""From texts to answers: segment, queue, collect, join, count.

Sentences of all texts of a request travel as one ticket, so that a request is
batched with itself and with others. The answers do not depend on HTTP or on any
API shape; ``serving.apis`` writes them down.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from csanmt.errors import DeadlineExceededError, InvalidInputError
from csanmt.memory.entries import Match
from csanmt.surrogates import lone_surrogate
from csanmt.translator import DecodingOptions, Hypothesis, Translation
from serving import metric_names as names
from serving.http.errors import TooLargeError
from serving.languages import LanguagePair, canonical
from serving.layout import CountTokens, Layout, analyse
from serving.memory import Mode, Recall
from serving.metrics import PROBE, Metrics
from serving.runners.batching import BatchQueue, Ticket
from serving.runners.pool import RunnerPool
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

# These are made at every request, and a frozen one costs a call a field: none is changed.
IN_A_THREAD = 2_000  # characters from which a text is analysed beside the event loop


@dataclass(slots=True)
class TextAnswer:
    """A translated text.

    Attributes:
        layout: the text and where its sentences are.
        sentences: a translation for each segment of ``layout``; None where it was kept.
        text: best translations joined; ``spans`` says where each stands in it.
        matches: what the memory knows of each segment; an exact match is its translation.
    """

    layout: Layout
    sentences: tuple[Translation | None, ...]
    text: str
    spans: tuple[tuple[int, int], ...]
    matches: tuple[Match | None, ...]

    @property
    def parts(self) -> tuple[TextAnswer, ...]:
        """The texts that were translated for it: as of a text with markup, but one."""
        return (self,)

    @property
    def characters(self) -> int:
        return len(self.layout.text)

    @property
    def truncated(self) -> bool:
        return any(sentence.truncated for sentence in self.sentences if sentence)

    def hypotheses(self, rank: int) -> list[Hypothesis | None]:
        """Each sentence's hypothesis of this rank (0 is best), or its last; None where kept."""
        return [_ranked(sentence, rank) if sentence else None for sentence in self.sentences]

    def joined(self, rank: int) -> tuple[str, Sequence[tuple[int, int]]]:
        """The text made of the hypotheses of this rank, and where each stands in it."""
        if rank == 0:
            return self.text, self.spans
        pairs = zip(self.layout.segments, self.hypotheses(rank), strict=True)
        return self.layout.join([kept.text if h is None else h.text for kept, h in pairs])

    def alternatives(self, most: int) -> list[str]:
        """Up to ``most`` other texts, each different from the translation and from the others."""
        found = dict.fromkeys(self.joined(rank)[0] for rank in range(1, most + 1))
        return [text for text in found if text != self.text]


def _ranked(sentence: Translation, rank: int) -> Hypothesis:
    hypotheses = sentence.hypotheses or (Hypothesis("", 0.0),)
    return hypotheses[min(rank, len(hypotheses) - 1)]


@dataclass(slots=True)
class Timing:
    """Seconds from request to answer, in the queue (longest), and in runners."""

    total: float
    queue: float
    compute: float


@dataclass(slots=True)
class SentenceEvent:
    """One finished segment of a stream: segment ``index`` of text ``text_index``.

    ``translation`` is None where there was nothing to translate and the segment was kept;
    ``match`` is what the memory knows of it.
    """

    text_index: int
    index: int
    layout: Layout
    translation: Translation | None
    match: Match | None = None

    @property
    def text(self) -> str:
        segment = self.layout.segments[self.index]
        return segment.text if self.translation is None else self.translation.text

    def around(self, previous: str) -> tuple[str, str]:
        """The layout before it, given the translation before it; after the last of a text, too."""
        before, following = self.layout.gap(self.index, previous, self.text), self.index + 1
        last = following == len(self.layout.segments)
        return before, self.layout.gap(following, self.text, "") if last else ""


@dataclass(slots=True)
class _SegmentedTexts:
    """Texts taken apart: their layouts, and each distinct sentence once, in order."""

    layouts: list[Layout]
    wanted: list[list[str | None]]  # per layout and segment
    sentences: list[str]


class Job:
    """One request being translated. Close it, or nobody learns that its work is unwanted."""

    def __init__(
        self,
        segmented: _SegmentedTexts,
        ticket: Ticket,
        deadline: float,
        matches: Mapping[str, Match],
    ) -> None:
        self.layouts = segmented.layouts
        self._wanted = segmented.wanted
        self._matches = matches
        self._ticket = ticket
        self._deadline = deadline
        self._started = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(deadline, self._expire)

    @property
    def segment_count(self) -> int:
        return sum(len(layout.segments) for layout in self.layouts)

    async def events(self) -> AsyncIterator[SentenceEvent]:
        """Segments in the order of the texts, each as soon as it can be shown.

        Raises:
            DeadlineExceededError: the request's time is over; the rest is cancelled.
            CsanmtError: what the queue or a runner says.
        """
        results = self._ticket.in_order()
        known = self._remembered()
        for text_index, index, sentence in self._places():
            if sentence is not None and sentence not in known:
                known[sentence] = await anext(results)
            yield self._event(text_index, index, sentence, known)

    async def all(self) -> list[SentenceEvent]:
        """The same events once all are there, which takes half the steps."""
        results = iter(await self._ticket.all())
        known, events = self._remembered(), []
        for text_index, index, sentence in self._places():
            if sentence is not None and sentence not in known:
                known[sentence] = next(results)
            events.append(self._event(text_index, index, sentence, known))
        return events

    def _remembered(self) -> dict[str, Translation]:
        return {
            sentence: Translation(sentence, (Hypothesis(match.pair.target, 0.0),))
            for sentence, match in self._matches.items()
            if match.exact
        }

    def _places(self) -> Iterator[tuple[int, int, str | None]]:
        for text_index, wanted in enumerate(self._wanted):
            for index, sentence in enumerate(wanted):
                yield text_index, index, sentence

    def _event(
        self, text_index: int, index: int, sentence: str | None, known: Mapping[str, Translation]
    ) -> SentenceEvent:
        layout = self.layouts[text_index]
        if sentence is None:
            return SentenceEvent(text_index, index, layout, None)
        part = layout.part(index, known[sentence])
        return SentenceEvent(text_index, index, layout, part, self._matches.get(sentence))

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
        if sum(map(len, texts)) > IN_A_THREAD:  # others must not wait for a long analysis
            segmented = await asyncio.to_thread(self._segmented, texts, whole, options.protect)
        else:
            segmented = self._segmented(texts, whole, options.protect)
        if len(segmented.sentences) > self.settings.max_segments:
            raise TooLargeError(
                f"{len(segmented.sentences)} sentences; allowed is {self.settings.max_segments}"
            )
        matches = await self.recall.find(segmented.sentences, memory, self.facts)
        known = {sentence for sentence, match in matches.items() if match.exact}
        unknown = [sentence for sentence in segmented.sentences if sentence not in known]
        ticket = self.queue.submit(unknown, options, stream=stream)
        return Job(segmented, ticket, self.settings.timeout, matches)

    def _segmented(
        self, texts: Sequence[str], whole: bool, protect: tuple[str, ...]
    ) -> _SegmentedTexts:
        facts, count = self.facts, self._count_tokens
        languages, most = (facts.source_language, facts.target_language), facts.max_source_tokens
        layouts = [
            analyse(text, languages, count, max_tokens=most, whole=whole, protect=protect)
            for text in texts
        ]
        wanted = [layout.sentences for layout in layouts]
        distinct = dict.fromkeys(s for sentences in wanted for s in sentences if s is not None)
        return _SegmentedTexts(layouts, wanted, list(distinct))

    def finish(self, job: Job, events: Sequence[SentenceEvent]) -> list[TextAnswer]:
        """Join the segments (all events of the job, in order) to texts, and count them."""
        answers = []
        rest = iter(events)
        for layout in job.layouts:
            own = list(islice(rest, len(layout.segments)))
            text, spans = layout.join([event.text for event in own])
            sentences = tuple(event.translation for event in own)
            matches = tuple(event.match for event in own)
            answers.append(TextAnswer(layout, sentences, text, tuple(spans), matches))
        self._count(job, answers)
        return answers

    async def translate(
        self,
        texts: Sequence[str],
        options: DecodingOptions,
        memory: Mode = "off",
        *,
        whole: bool = False,
    ) -> tuple[list[TextAnswer], Timing]:
        """Translate ``texts`` and wait for all of it. Cancelling the caller cancels the work.

        Args:
            memory: whether sentences are looked up in the translation memory.
            whole: each text is one sentence, whatever punctuation it holds.
        """
        job = await self.begin(texts, options, memory, whole=whole)
        try:
            return self.finish(job, await job.all()), job.timing()
        finally:
            job.close()

    def _count(self, job: Job, answers: Sequence[TextAnswer]) -> None:
        if PROBE.get():
            return
        count = self.metrics.count
        for answer in answers:
            count(names.CHARACTERS, "source", amount=len(answer.layout.text))
            count(names.CHARACTERS, "target", amount=len(answer.text))
            for sentence, match in zip(answer.sentences, answer.matches, strict=True):
                if sentence and not (match and match.exact):  # that one is no work of the model
                    self._count_sentence(sentence)
        self.metrics.observe(names.QUEUE_SECONDS, job.timing().queue)

    def _count_sentence(self, sentence: Translation) -> None:
        count = self.metrics.count
        count(names.SEGMENTS)
        count(names.TOKENS, "source", amount=sentence.source_tokens)
        count(names.TOKENS, "target", amount=sentence.hypotheses[0].tokens)
        for signal in sentence.faults:
            count(names.HEALTH, signal)
