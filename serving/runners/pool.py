"""Keeps the runners alive and feeds them batches.

One task a runner: start it, give it batches, and when it dies give its batch
back to the queue and start another. Model weights are memory-mapped by the
engine, so that all runners of a machine share one copy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from csanmt.engine.container import actual_checksum
from csanmt.errors import CsanmtError, IntegrityError, UnavailableError
from serving import metric_names as names
from serving.http.errors import CrashedError
from serving.logs import log_fault
from serving.metrics import Metrics
from serving.runners.batching import Batch, BatchQueue, Ticket, cost_of
from serving.runners.remote import Runner, RunnerDiedError
from serving.runners.translators import TranslatorFacts

log = logging.getLogger("csanmt.runners")

FIRST_PAUSE = 0.1  # seconds after a failure before a runner is started again
LONGEST_PAUSE = 5.0
LOOK_SECONDS = 5.0  # between two looks at the weights
GIVE_UP_AFTER = 3  # failed starts in a row, of all runners, before requests are refused


class WeightsFile:
    """``engine.bin`` as the runners have mapped it.

    A version is immutable; a file that is written to in place would be served as it is then.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._state()

    def _state(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def changed(self, facts: TranslatorFacts) -> bool:
        """Whether the content is not what ``facts`` name; it is read if anything else changed."""
        state = self._state()
        if state is None or state == self._seen or not facts.checksum:
            return False  # one that is gone stays as it was for those that have mapped it
        self._seen = state
        try:
            return actual_checksum(self._path) != facts.checksum
        except OSError:
            return True


class RunnerPool:
    """``count`` runners made by ``make_runner``, fed from ``queue``."""

    def __init__(
        self,
        queue: BatchQueue,
        make_runner: Callable[[], Runner],
        count: int,
        metrics: Metrics,
        *,
        batch_deadline: float = 120.0,
        weights: WeightsFile | None = None,
    ) -> None:
        self._queue = queue
        self._make_runner = make_runner
        self._count = count
        self._metrics = metrics
        self._batch_deadline = batch_deadline
        self._weights = weights
        self._tasks: list[asyncio.Task[None]] = []
        self._ready: dict[int, Runner] = {}
        self._failed_starts = 0
        self._changes = 0  # of the weights while they were served
        self.facts: TranslatorFacts | None = None  # of the first runner that became ready
        self.problem: str | None = None  # why the latest start failed, if it did

    @property
    def ready(self) -> bool:
        """At least one runner has translated its warm-up sentences."""
        return bool(self._ready)

    @property
    def pids(self) -> list[int]:
        return [runner.pid for runner in self._ready.values()]

    async def start(self) -> None:
        """Begin to start all runners; does not wait for them."""
        self._tasks = [
            asyncio.create_task(self._keep(slot), name=f"runner-{slot}")
            for slot in range(self._count)
        ]
        if self._weights is not None:
            self._tasks.append(asyncio.create_task(self._watch(self._weights), name="weights"))

    async def _watch(self, weights: WeightsFile) -> None:
        """End the runners when the weights that they have mapped change under them.

        What starts then is refused until the file is again the one that was loaded first.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.facts is None or not await asyncio.to_thread(weights.changed, self.facts):
                continue
            self._changes += 1
            log.error("the model's weights changed while they were served")
            self.problem = "the model's weights changed while they were served"
            self._queue.unavailable = self.problem
            self._queue.fail_all(UnavailableError(self.problem))
            for runner in self._ready.values():
                runner.kill()

    async def stop(self) -> None:
        """Stop every runner; requests still waiting get an UnavailableError."""
        self._queue.unavailable = "the service is shutting down"
        self._queue.fail_all(UnavailableError(self._queue.unavailable))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, slot: int) -> None:
        """A runner in this slot, one after another, whatever ends them."""
        pause = FIRST_PAUSE
        while True:
            try:
                if await self._serve(slot):
                    pause = FIRST_PAUSE
                    continue
            except Exception as error:  # a bug costs a runner, not the slot
                log_fault(log, "runner given up", error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _serve(self, slot: int) -> bool:
        """One runner from its start to its end; false if it did not start."""
        try:
            runner = self._make_runner()
        except Exception as error:
            self._not_started(error)
            return False
        try:
            if not await self._started(runner):
                return False
            self._ready[slot] = runner
            await self._feed(runner)
            return True
        finally:
            self._ready.pop(slot, None)
            await runner.stop()

    def _not_started(self, error: Exception) -> None:
        if isinstance(error, CsanmtError):
            self.problem = str(error)
        else:
            log_fault(log, "unexpected error at a runner's start", error)
            self.problem = f"unexpected error: {type(error).__name__}"
        self._failed_starts += 1
        log.error("runner did not start", extra={"problem": self.problem})
        if self._failed_starts >= GIVE_UP_AFTER and not self.ready:
            self._queue.unavailable = "no runner can be started; the server's log says why"
            self._queue.fail_all(UnavailableError(self._queue.unavailable))

    async def _started(self, runner: Runner) -> bool:
        changes = self._changes
        try:
            facts = await runner.start()
            if self._changes != changes:
                raise IntegrityError("the weights changed while they were loaded")
            if self.facts is not None and facts.checksum != self.facts.checksum:
                raise IntegrityError("these are not the weights that were loaded first")
        except Exception as error:
            self._not_started(error)
            return False
        self._failed_starts = 0
        self.problem = self._queue.unavailable = None
        self.facts = self.facts or facts
        self._metrics.count(names.RUNNER_STARTS)
        log.info("runner ready", extra={"runner_pid": runner.pid, "runner": asdict(facts)})
        return True

    async def _feed(self, runner: Runner) -> None:
        """Give the runner batches until it dies."""
        ended = asyncio.ensure_future(runner.ended())
        ended.add_done_callback(lambda _: self._queue.wake())
        try:
            while (batch := await self._queue.next_batch(ended.done)) is not None:
                if not await self._survived(runner, batch):
                    break
        finally:
            ended.cancel()
        log.warning("runner died", extra={"runner_pid": runner.pid})
        self._metrics.count(names.RUNNER_DEATHS)

    async def _survived(self, runner: Runner, batch: Batch) -> bool:
        """Run the batch; false if the runner died of it or with it."""
        try:
            await self._run(runner, batch)
        except RunnerDiedError as died:
            error = CrashedError("the runner died while it translated this text")
            self._queue.retry_alone(batch, error, begun=died.begun)
            return False
        except Exception:
            self._queue.retry_alone(batch, CsanmtError("the server failed on this text"))
            raise
        return True

    async def _run(self, runner: Runner, batch: Batch) -> None:
        watchdog = asyncio.get_running_loop().call_later(self._batch_deadline, runner.kill)
        tickets = {sentence.ticket for sentence in batch.sentences}
        texts = batch.texts

        def cancel_if_unwanted(_: Ticket) -> None:
            if not batch.wanted:
                runner.cancel()

        for ticket in tickets:
            ticket.cancel_listeners.append(cancel_if_unwanted)
        try:
            found, seconds = await runner.run(texts, batch.options)
        except CsanmtError as error:
            self._queue.retry_alone(batch, error)  # drops what nobody waits for
            return
        finally:
            watchdog.cancel()
            for ticket in tickets:
                ticket.cancel_listeners.remove(cancel_if_unwanted)
        self._queue.speed.observe(batch.options, sum(map(cost_of, texts)), seconds)
        self._metrics.observe(names.BATCH_SENTENCES, len(batch.sentences))
        self._metrics.observe(names.BATCH_SECONDS, seconds)
        translations = dict(zip(texts, found, strict=True))
        for sentence in batch.sentences:
            sentence.ticket.compute_seconds += seconds / len(batch.sentences)
            sentence.ticket.deliver(sentence.index, translations[sentence.text])
