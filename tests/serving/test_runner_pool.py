"""Runners as processes: kills, refusals to start, signals. The stub in a real process."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from csanmt.errors import CsanmtError, InvalidInputError, UnavailableError
from csanmt.translator import DecodingOptions
from serving import metric_names as names
from serving.http.errors import CrashedError
from serving.runners import pool as pool_module
from serving.runners import remote as runner_process
from serving.runners.batching import BatchLimits, BatchQueue
from serving.runners.pool import RunnerPool, WeightsFile
from serving.runners.remote import Runner
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings
from tests.inline_runner import InlineRunner
from tests.serving.live_server import ROOT
from tests.stub_translator import OPEN_STUB, StubTranslator

pytestmark = pytest.mark.anyio

GREEDY = DecodingOptions(beam=1)
STUB = Settings(translator=OPEN_STUB)


class Observer:
    def __init__(self) -> None:
        self.deaths = 0
        self.batches: list[int] = []

    def observe(self, spec, value) -> None:
        if spec is names.BATCH_SENTENCES:
            self.batches.append(value)

    def count(self, spec) -> None:
        self.deaths += spec is names.RUNNER_DEATHS


@asynccontextmanager
async def running(
    *,
    seconds: float = 0.0,
    count: int = 1,
    settings: Settings = STUB,
    make_runner: Callable[[], Runner] | None = None,
    **knobs,
) -> AsyncIterator[tuple[BatchQueue, RunnerPool, Observer]]:
    environment = {**os.environ, **settings.to_environment(), "CSANMT_STUB_SECONDS": str(seconds)}
    queue, observer = BatchQueue(BatchLimits(), count), Observer()
    make_runner = make_runner or (lambda: Runner(environment))
    pool = RunnerPool(queue, make_runner, count, observer, **knobs)
    await pool.start()
    try:
        yield queue, pool, observer
    finally:
        await pool.stop()


async def until(condition: Callable[[], bool], deadline: float = 20.0) -> None:
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, "not within the deadline"
        await asyncio.sleep(0.01)


async def collect(ticket) -> list[str]:
    return [translation.text async for translation in ticket.in_order()]


async def test_batches_are_translated_by_another_process():
    async with running() as (queue, pool, observer):
        assert await collect(queue.submit(["一", "二"], GREEDY)) == ["[一]", "[二]"]
        assert pool.ready
        assert pool.pids != [os.getpid()]
        assert observer.batches == [2]


async def test_killed_runner_loses_nothing_and_comes_back():
    async with running(seconds=0.3) as (queue, pool, observer):
        await until(lambda: pool.ready)
        (first,) = pool.pids
        ticket = queue.submit(["一", "二"], GREEDY)
        await until(lambda: queue.waiting == 0)
        os.kill(first, signal.SIGKILL)
        assert await collect(ticket) == ["[一]", "[二]"]
        assert observer.deaths == 1
        assert pool.pids != [first]


async def test_text_that_kills_every_runner_is_given_up_and_others_live():
    async with running(seconds=0.2) as (queue, pool, _):
        poison = queue.submit(["毒"], GREEDY)
        failure = asyncio.ensure_future(collect(poison))
        while not failure.done():  # twice, or more if a kill comes before it has begun
            await until(lambda: (pool.ready and queue.waiting == 0) or failure.done())
            for pid in pool.pids:
                os.kill(pid, signal.SIGKILL)
                await until(lambda pid=pid: pid not in pool.pids)
        with pytest.raises(CrashedError, match="died"):
            await failure
        assert await collect(queue.submit(["好"], GREEDY)) == ["[好]"]


async def test_hanging_runner_is_killed_by_the_watchdog():
    async with running(seconds=0.5, batch_deadline=0.2) as (queue, pool, observer):
        with pytest.raises(UnavailableError):
            await collect(queue.submit(["一"], GREEDY))
        assert observer.deaths == 2
        await until(lambda: pool.ready)


async def test_missing_model_is_said_and_requests_are_refused_at_once():
    missing = Settings(model_directory="/nowhere")
    async with running(settings=missing) as (queue, pool, _):
        ticket = queue.submit(["一"], GREEDY)
        with pytest.raises(UnavailableError, match="log says why"):
            await collect(ticket)
        assert "/nowhere" in pool.problem
        assert not pool.ready
        assert "/nowhere" in (pool.problem or "")
        with pytest.raises(UnavailableError):
            queue.submit(["二"], GREEDY)


async def test_runners_end_with_the_pool():
    async with running(count=2) as (_, pool, _observer):
        await until(lambda: len(pool.pids) == 2)
        pids = pool.pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_runner_outlives_the_signals_of_its_process_group():
    async with running() as (queue, pool, observer):
        await until(lambda: pool.ready)
        (pid,) = pool.pids
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
        assert await collect(queue.submit(["一"], GREEDY)) == ["[一]"]
        assert pool.pids == [pid]
        assert observer.deaths == 0


async def test_text_that_cannot_be_sent_is_refused_and_its_mates_are_translated():
    async with running() as (queue, pool, observer):
        await until(lambda: pool.ready)
        pids = pool.pids
        bad, good = queue.submit(["\ud800"], GREEDY), queue.submit(["好"], GREEDY)
        with pytest.raises(InvalidInputError):
            await asyncio.wait_for(collect(bad), 20)
        assert await asyncio.wait_for(collect(good), 20) == ["[好]"]
        assert pool.pids == pids
        assert observer.deaths == 0


async def test_runner_that_cannot_be_started_is_tried_until_it_can(monkeypatch):
    with monkeypatch.context() as without_python:
        without_python.setattr(sys, "executable", "/nowhere/python")
        async with running() as (queue, pool, _):
            with pytest.raises(UnavailableError, match="log says why"):
                await asyncio.wait_for(collect(queue.submit(["一"], GREEDY)), 20)
            assert "No such file" in pool.problem
            without_python.undo()
            await until(lambda: pool.ready)
            assert await collect(queue.submit(["二"], GREEDY)) == ["[二]"]


class Faulty(InlineRunner):
    """Fails in a way that nobody foresaw."""

    async def run(self, sources, options):
        if "坏" in sources:
            raise LookupError("secret 坏")
        return await super().run(sources, options)


def faulty() -> Runner:
    return Faulty(StubTranslator(), TranslatorFacts("m", "stub"))


async def test_unforeseen_fault_costs_its_text_and_no_slot(caplog):
    async with running(make_runner=faulty) as (queue, pool, _observer):
        bad, good = queue.submit(["坏"], GREEDY), queue.submit(["好"], GREEDY)
        with pytest.raises(CsanmtError, match="failed on this text"):
            await asyncio.wait_for(collect(bad), 20)
        assert await asyncio.wait_for(collect(good), 20) == ["[好]"]
        await until(lambda: pool.ready)
    assert "runner given up" in caplog.messages
    assert "secret" not in caplog.text


async def test_unforeseen_fault_at_the_start_is_a_failed_start():
    def broken() -> Runner:
        raise TypeError("secret")

    async with running(make_runner=broken) as (queue, pool, _):
        with pytest.raises(UnavailableError, match="log says why"):
            await asyncio.wait_for(collect(queue.submit(["一"], GREEDY)), 20)
        assert "TypeError" in pool.problem
        assert not pool.ready


async def test_weights_that_change_while_they_are_served_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(pool_module, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(pool_module, "LONGEST_PAUSE", 0.2)
    model = shutil.copytree(ROOT / "model_store/default", tmp_path / "model")
    file = model / "engine.bin"
    settings = Settings(engine="native", model_directory=str(model))
    async with running(settings=settings, weights=WeightsFile(file)) as (queue, pool, _):
        before = await translated(queue, "你好。")
        good = file.read_bytes()
        with file.open("r+b") as stream:  # in place: what the runner has mapped changes too
            stream.seek(len(good) // 2)
            stream.write(bytes(20_000))
        await until(lambda: queue.unavailable is not None and not pool.ready)
        with pytest.raises(UnavailableError) as refused:
            queue.submit(["你好。"], GREEDY)
        assert str(tmp_path) not in str(refused.value)
        with file.open("r+b") as stream:
            stream.write(good)
        await until(lambda: pool.ready and queue.unavailable is None)
        assert await translated(queue, "你好。") == before
        os.utime(file)  # touched, not changed
        await asyncio.sleep(0.3)
        assert pool.ready


async def translated(queue: BatchQueue, text: str) -> str:
    async for translation in queue.submit([text], GREEDY).in_order():
        return translation.text
    raise AssertionError


class Loading(InlineRunner):
    """The first start is done at once, the second when it may be, those after it never."""

    def __init__(self, starts: list[asyncio.Event]) -> None:
        super().__init__(StubTranslator(), TranslatorFacts("m", "stub", checksum="one"))
        self._starts = starts
        self._killed = asyncio.Event()

    async def start(self) -> TranslatorFacts:
        done = asyncio.Event()
        self._starts.append(done)
        if len(self._starts) > 1:
            await done.wait()
        return await super().start()

    def kill(self) -> None:
        self._killed.set()

    async def ended(self) -> None:
        await self._killed.wait()


class Changing:
    """Weights of which a test says when they change."""

    def __init__(self) -> None:
        self.now = False

    def changed(self, facts: TranslatorFacts) -> bool:
        self.now, found = False, self.now
        return found


async def test_a_runner_that_was_loading_while_the_weights_changed_is_not_taken(monkeypatch):
    monkeypatch.setattr(pool_module, "LOOK_SECONDS", 0.01)
    starts: list[asyncio.Event] = []
    weights = Changing()
    make = partial(Loading, starts)
    async with running(make_runner=make, count=2, weights=weights) as (queue, pool, _):
        await until(lambda: pool.ready and len(starts) == 2)
        weights.now = True
        await until(lambda: not pool.ready)
        starts[1].set()
        await until(lambda: "while they were loaded" in pool.problem)
        assert not pool.ready
        assert queue.unavailable is not None


async def test_a_full_disk_costs_a_runner_its_start_and_the_gateway_nothing(monkeypatch):
    class Full(io.BytesIO):
        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(runner_process.tempfile, "TemporaryFile", Full)
    runner = Runner({**os.environ, **STUB.to_environment()})
    with pytest.raises(UnavailableError, match="No space left"):
        await runner.start()
