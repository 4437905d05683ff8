"""Adaptive, fair batching of sentences over requests.

A request is a ``Ticket`` of sentences. Whenever a runner is free it takes the
next batch: sentences with the same decoding options, collected from the waiting
tickets in rotation, one at a time, until the batch is full or is predicted to
take too long: ``batch_seconds``, or more when requests wait for longer than that
anyway. So a batch grows with the load and never waits for one, and a request
with a thousand sentences delays another by a batch, not by a thousand sentences.
Runners that are free share what waits; the first sentence of a stream goes without
the others of its text and has a head start, so that there is soon something to show.

Nothing here knows processes; ``serving.runners.pool`` runs the batches.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from csanmt.errors import CsanmtError, OverloadedError, UnavailableError
from csanmt.translator import DecodingOptions, Translation

FIXED_COST = 8  # characters' worth of work that even the shortest sentence causes
SMOOTHING = 0.2  # weight of the newest batch in the moving average of speed
PATIENCE = 0.5  # share of the expected wait that one batch may take when that is longer
LONGEST_FACTOR = 5  # times ``batch_seconds``: what a batch may take at most
HEAD_START = 0.01  # seconds that the rest of a stream waits for its first sentence at most
MAX_ATTEMPTS = 2  # a sentence that took two runners with it is not given to a third


class QueueFullError(OverloadedError):
    """The queue would take too long; ``retry_after`` says in how many seconds to ask again."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(slots=True, eq=False)
class Sentence:
    """One unit of work. ``cost`` is in characters; times are ``time.monotonic()``."""

    text: str
    index: int
    ticket: Ticket
    attempts: int = 0
    queued_at: float = 0.0

    @property
    def cost(self) -> int:
        return cost_of(self.text)


def cost_of(text: str) -> int:
    """Characters' worth of work that a sentence causes."""
    return len(text) + FIXED_COST


@dataclass(eq=False)
class Kind:
    """What may share a batch: all that waits under equal decoding options.

    Tickets hold the kind and not the options: those of a large glossary take half a
    millisecond to hash or compare.
    """

    options: DecodingOptions
    cost: int = 0  # characters of cost that wait


class Ticket:
    """The sentences of one request, their results as they come, and its timing.

    Args:
        stream: the results are shown as they come, the first as soon as can be.
    """

    def __init__(self, sentences: Sequence[str], kind: Kind, *, stream: bool = False) -> None:
        now = time.monotonic()
        self.kind = kind
        self.first_alone = stream
        self.pending = deque(Sentence(t, i, self, 0, now) for i, t in enumerate(sentences))
        self.cancelled = False
        self.queue_seconds = 0.0  # longest wait of any of its sentences
        self.compute_seconds = 0.0  # sum over its batches
        self._results: list[Translation | None] = [None] * len(sentences)
        self._missing = len(sentences)
        self._error: CsanmtError | None = None
        self._changed = asyncio.Event()
        self.cancel_listeners: list[Callable[[Ticket], None]] = []

    @property
    def begun(self) -> bool:
        """The first result is there."""
        return self._results[0] is not None

    @property
    def open(self) -> bool:
        """Somebody still waits for a result."""
        return not self.cancelled and self._error is None and self._missing > 0

    def deliver(self, index: int, translation: Translation) -> None:
        if self._results[index] is None:
            self._results[index] = translation
            self._missing -= 1
            self._changed.set()

    def fail(self, error: CsanmtError) -> None:
        self._error = self._error or error
        self._changed.set()

    def cancel(self) -> None:
        """Nobody waits any more: what is queued is dropped, what runs is cancelled if possible."""
        if self.open:
            self.cancelled = True
            for listener in list(self.cancel_listeners):
                listener(self)

    async def all(self) -> list[Translation]:
        """Every result, once all are there."""
        return [result async for result in self.in_order()]

    async def in_order(self) -> AsyncIterator[Translation]:
        """Each result in the order of the sentences, as soon as it and all before it are there."""
        for index in range(len(self._results)):
            while (result := self._results[index]) is None:
                if self._error:
                    raise self._error
                self._changed.clear()
                await self._changed.wait()
            yield result


@dataclass(slots=True)
class Batch:
    """What one call of a runner translates."""

    sentences: list[Sentence]
    options: DecodingOptions

    @property
    def texts(self) -> list[str]:
        """Each text once: equal sentences are decoded once."""
        return list(dict.fromkeys(sentence.text for sentence in self.sentences))

    @property
    def wanted(self) -> bool:
        return any(sentence.ticket.open for sentence in self.sentences)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """``sentences`` and predicted ``seconds`` of a batch; most of both in the queue."""

    sentences: int = 32
    seconds: float = 0.4
    queue_sentences: int = 4096
    queue_seconds: float = 15.0


class Speed:
    """Moving average of seconds per character of cost, per beam width."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    def observe(self, options: DecodingOptions, cost: int, seconds: float) -> None:
        sample = seconds / max(cost, 1)
        before = self._seconds.get(options.beam, sample)
        self._seconds[options.beam] = before + SMOOTHING * (sample - before)

    def predict(self, options: DecodingOptions, cost: int) -> float:
        """Seconds that ``cost`` takes one runner; 0 while nothing was measured."""
        known = self._seconds.get(options.beam)
        if known is None:
            known = max(self._seconds.values(), default=0.0)
        return known * cost


class BatchQueue:
    """Waiting tickets in rotation. All methods run in the event loop's thread."""

    def __init__(self, limits: BatchLimits, runner_count: int) -> None:
        self._limits = limits
        self._runner_count = max(1, runner_count)
        self._ring: deque[Ticket] = deque()
        self._alone: deque[Sentence] = deque()  # one by one: their batch failed or was given back
        self._held: dict[Ticket, asyncio.TimerHandle] = {}  # streams, while their first is made
        self._waiting = 0  # sentences
        self._kinds: WeakValueDictionary[DecodingOptions, Kind] = WeakValueDictionary()
        self._work = asyncio.Event()
        self._idle = 0  # runners that wait for a batch
        self.speed = Speed()
        self.unavailable: str | None = None  # why no runner will come, if so

    @property
    def waiting(self) -> int:
        """Sentences not yet given to a runner."""
        return self._waiting

    def expected_wait(self) -> float:
        """Seconds until what waits now will have been translated, as predicted."""
        if not self._waiting:
            return 0.0
        work = sum(self.speed.predict(kind.options, kind.cost) for kind in self._kinds.values())
        return work / self._runner_count

    def submit(
        self, sentences: Sequence[str], options: DecodingOptions, *, stream: bool = False
    ) -> Ticket:
        """Queue a request's sentences.

        Args:
            stream: they are shown one by one; see ``Ticket``.

        Raises:
            QueueFullError: too much waits already.
            UnavailableError: no runner is there and none can be started.
        """
        if self.unavailable is not None:
            raise UnavailableError(self.unavailable)
        self._admit(len(sentences))
        kind = self._kinds.setdefault(options, Kind(options))
        ticket = Ticket(sentences, kind, stream=stream)
        ticket.cancel_listeners.append(self._forget)
        if ticket.pending:
            self._count(ticket.pending, +1)
            self._ring.append(ticket)
            self._work.set()
        return ticket

    def _admit(self, count: int) -> None:
        wait = self.expected_wait()
        crowded = self._waiting and self._waiting + count > self._limits.queue_sentences
        if crowded or wait > self._limits.queue_seconds:
            retry_after = max(1, math.ceil(wait))
            raise QueueFullError(
                f"{self._waiting} sentences are waiting; try again in {retry_after} s", retry_after
            )

    def _count(self, sentences: Collection[Sentence], sign: int) -> None:
        self._waiting += sign * len(sentences)
        for sentence in sentences:
            sentence.ticket.kind.cost += sign * sentence.cost

    def _forget(self, ticket: Ticket) -> None:
        self._count(ticket.pending, -1)
        ticket.pending.clear()
        if timer := self._held.pop(ticket, None):
            timer.cancel()
        retries = [s for s in self._alone if s.ticket is ticket]
        if retries:
            self._alone = deque(s for s in self._alone if s.ticket is not ticket)
            self._count(retries, -1)

    def _release(self, ticket: Ticket) -> None:
        """The rest of a stream may go now."""
        self._held.pop(ticket).cancel()
        self._ring.append(ticket)
        self._work.set()

    def wake(self) -> None:
        """Let those that wait for a batch look again whether they still do."""
        self._work.set()

    async def next_batch(self, ended: Callable[[], bool] = lambda: False) -> Batch | None:
        """Wait until there is work and take a batch that somebody wants.

        Args:
            ended: the runner it is for is gone: None, see ``wake``.
        """
        self._idle += 1
        try:
            while (batch := self._take()) is None or not batch.wanted:
                if batch is None:
                    self._work.clear()
                    await self._work.wait()
                if ended():
                    return None
        finally:
            self._idle -= 1
        now = time.monotonic()
        for sentence in batch.sentences:
            ticket = sentence.ticket
            ticket.queue_seconds = max(ticket.queue_seconds, now - sentence.queued_at)
        return batch

    def _take(self) -> Batch | None:
        for ticket in [held for held in self._held if held.begun]:
            self._release(ticket)
        if self._alone:
            sentence = self._alone.popleft()
            self._count([sentence], -1)
            return Batch([sentence], sentence.ticket.kind.options)
        while self._ring and not self._ring[0].pending:
            self._ring.popleft()
        if not self._ring:
            return None
        kind = self._ring[0].kind
        taken = self._collect(kind)
        self._count(taken, -1)
        return Batch(taken, kind.options)

    def _collect(self, kind: Kind) -> list[Sentence]:
        """One sentence a ticket in rotation; tickets served last stand last afterwards."""
        taken: list[Sentence] = []
        cost = 0
        longest = self._longest_batch()
        share = kind.cost / max(1, self._idle)
        passed_over: list[Ticket] = []
        texts: set[str] = set()
        while self._ring and len(taken) < self._limits.sentences and cost < share:
            ticket = self._ring.popleft()
            if not ticket.pending:
                continue
            if ticket.kind is not kind:
                passed_over.append(ticket)
                continue
            sentence = ticket.pending[0]
            if sentence.text not in texts:  # an equal one costs nothing
                cost += sentence.cost
            if taken and self.speed.predict(kind.options, cost) > longest:
                self._ring.appendleft(ticket)
                break
            taken.append(ticket.pending.popleft())
            texts.add(sentence.text)
            if ticket.pending and ticket.first_alone:
                loop = asyncio.get_running_loop()
                self._held[ticket] = loop.call_later(HEAD_START, self._release, ticket)
            elif ticket.pending:
                self._ring.append(ticket)
            ticket.first_alone = False
        self._ring.extendleft(reversed(passed_over))
        return taken

    def _longest_batch(self) -> float:
        """Predicted seconds that the next batch may take."""
        least = self._limits.seconds
        return min(max(least, PATIENCE * self.expected_wait()), LONGEST_FACTOR * least)

    def retry_alone(self, batch: Batch, error: CsanmtError, *, begun: bool = True) -> None:
        """The batch failed as a whole: run each sentence by itself, or give it up.

        Args:
            begun: one of the sentences may be the cause.
        """
        again: list[Sentence] = []
        for sentence in batch.sentences:
            sentence.attempts += begun
            if not sentence.ticket.open:
                continue
            if sentence.attempts >= MAX_ATTEMPTS:
                self._fail(sentence.ticket, error)
            else:
                again.append(sentence)
        self._count(again, +1)
        self._alone.extend(again)
        self._work.set()

    def _fail(self, ticket: Ticket, error: CsanmtError) -> None:
        self._forget(ticket)
        ticket.fail(error)

    def fail_all(self, error: CsanmtError) -> None:
        """Every waiting request ends with ``error``."""
        tickets = {s.ticket for s in self._alone} | set(self._ring) | set(self._held)
        for ticket in tickets:
            self._fail(ticket, error)
