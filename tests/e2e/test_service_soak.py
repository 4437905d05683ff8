"""The served default model for minutes: equal answers, steady memory, overload, kills.

Nothing is replaced here: ``csanmt serve``, its runners, the native engine, HTTP. ``make soak``
writes what was measured into ``docs/load.md``; ``SOAK_SCALE=0.05`` tries it all at a twentieth
of its size and writes nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from model_store import DEFAULT_TAG
from tests.serving.live_server import ROOT, LiveServer, live_server, wait_until
from tests.serving.load import SHAPES, Load, crowd, documents, storm

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

SENTENCES = (ROOT / "benchmarks/suites/tatoeba/source.zh").read_text("utf-8").splitlines()
SCALE = float(os.environ.get("SOAK_SCALE", "1"))
CLIENTS = 32
MOST_GROWTH = 1.05  # of resident memory, from a thousand requests to ten thousand
OVERLOAD = 4
MINUTE, BUSY_SECONDS = 60 * SCALE, max(3, 20 * SCALE)
RECORD = ROOT / "docs/load.md"
MARKS = ("<!-- measured by make soak -->\n", "<!-- end -->\n")

Note = Callable[[str, str], None]


@pytest.fixture(scope="module")
def note() -> Iterator[Note]:
    """Takes what was seen; writes the record when all four tests have told something."""
    seen: dict[str, str] = {}

    def take(what: str, words: str) -> None:
        seen[what] = words
        print(f"{what}: {words}")

    yield take
    if SCALE >= 1 and len(seen) == 4:
        write_record(seen)


def write_record(seen: Mapping[str, str]) -> None:
    head, _, rest = RECORD.read_text("utf-8").partition(MARKS[0])
    _, _, tail = rest.partition(MARKS[1])
    rows = "".join(f"| {what} | {words} |\n" for what, words in seen.items())
    title = f"{DEFAULT_TAG}, {os.cpu_count()} processors, with what else ran beside it:\n\n"
    table = f"{title}| what | seen |\n|---|---|\n{rows}"
    RECORD.write_text(f"{head}{MARKS[0]}{table}{MARKS[1]}{tail}", "utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The default model, one runner a processor. Its queue takes what the crowd brings."""
    with live_server(tmp_path_factory.mktemp("home"), queue_seconds=300, timeout=300) as started:
        yield started


def alone(server: LiveServer, texts: list[str]) -> dict[str, str]:
    """Each text's translation when nothing else is asked for."""
    return {text: server.translate(text) for text in texts}


def resident(server: LiveServer) -> dict[str, int]:
    """Kilobytes of the gateway and of all runners together."""

    def kilobytes(pid: int) -> int:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    runners = sum(map(kilobytes, server.runner_pids()))
    return {"gateway": kilobytes(server.gateway_pid()), "runners": runners}


def test_32_clients_of_all_apis_get_the_answers_they_would_get_alone(server, note):
    paragraphs = ["\n\n".join(SENTENCES[n : n + 3]) for n in range(150, 180, 3)]
    expected = alone(server, [*SENTENCES[:150], *paragraphs])
    document = "\n".join(SENTENCES[200:240])
    translated = alone(server, [document])[document]

    async def all_at_once() -> tuple[Load, int]:
        over = asyncio.Event()
        sent = document.encode(), translated.encode()
        beside = asyncio.ensure_future(documents(server.url, *sent, over))
        shapes = list(SHAPES)
        load = await crowd(server.url, expected, clients=CLIENTS, seconds=MINUTE, shapes=shapes)
        over.set()
        return load, await beside

    load, done = asyncio.run(all_at_once())
    note(
        f"{CLIENTS} clients for {MINUTE:.0f} s, in the shapes of {len(SHAPES)} APIs in turn, "
        "one document after another beside them",
        f"{load.answered:,} answers and {done} documents, {len(load.wrong)} different from "
        f"those given alone; statuses {dict(load.statuses)}",
    )
    assert set(load.statuses) == {200}
    assert load.answered > CLIENTS
    assert load.wrong == []
    assert done > 0


def test_memory_after_ten_thousand_requests_is_that_after_one_thousand(server, note):
    expected = alone(server, sorted(SENTENCES, key=len)[:200])  # what grows is not the text

    def send(requests: int) -> dict[str, int]:
        load = asyncio.run(crowd(server.url, expected, clients=CLIENTS, requests=requests))
        assert load.statuses == {200: requests}
        assert load.wrong == []
        return resident(server)

    pids = server.runner_pids()
    first, rest = int(1_000 * SCALE), int(9_000 * SCALE)
    early, late = send(first), send(rest)
    growth = {part: late[part] / early[part] for part in early}
    parts = (
        f"{part} {early[part] / 1000:.1f} MB, then {late[part] / 1000:.1f} MB ({more - 1:+.1%})"
        for part, more in growth.items()
    )
    note(f"memory after {first:,} and after {first + rest:,} requests", "; ".join(parts))
    assert server.runner_pids() == pids, "a runner was replaced, so nothing was measured"
    if SCALE >= 1:
        assert max(growth.values()) < MOST_GROWTH


def capacity(server: LiveServer, expected: Mapping[str, str]) -> float:
    """Requests a second that the server answers when it is never out of work."""
    started = time.monotonic()
    load = asyncio.run(crowd(server.url, expected, clients=CLIENTS, seconds=BUSY_SECONDS))
    assert set(load.statuses) <= {200, 429}
    return load.answered / (time.monotonic() - started)


def test_four_times_too_much_is_refused_politely_and_then_all_is_well(tmp_path, note):
    with live_server(tmp_path, queue_seconds=max(1, 5 * SCALE)) as server:
        # Fifty sentences a request: the client must not be what is overloaded here.
        expected = alone(server, ["".join(SENTENCES[n : n + 50]) for n in range(0, 1000, 50)])
        rate = capacity(server, expected)
        before = resident(server)
        load = asyncio.run(
            storm(server.url, expected, per_second=OVERLOAD * rate, seconds=BUSY_SECONDS)
        )
        after = resident(server)
        growth = {part: f"{after[part] / before[part] - 1:+.1%}" for part in before}
        note(
            f"{OVERLOAD} times too much for {BUSY_SECONDS:.0f} s, fifty sentences a request",
            f"{rate:.1f} requests a second when saturated; of {sum(load.statuses.values()):,} "
            f"sent {dict(load.statuses)}; memory {growth}",
        )
        assert set(load.statuses) <= {200, 429, 503}
        assert load.statuses[200] > 0
        # In miniature most of what is sent fits into the queue.
        assert load.statuses[429] > (load.statuses[200] if SCALE >= 1 else 0)
        assert load.wrong == []
        wait_until(lambda: server.client.get("/healthz").json()["queue"]["sentences"] == 0)
        calm = asyncio.run(crowd(server.url, expected, clients=4, requests=40))
        assert calm.statuses == {200: 40}
        assert calm.wrong == []


def test_kill_9_of_the_only_runner_is_over_within_15_seconds(tmp_path, note):
    with live_server(tmp_path, workers=1, queue_seconds=300, timeout=300) as server:
        expected = alone(server, SENTENCES[:50])
        took: list[float] = []

        def kill() -> None:
            (runner,) = server.runner_pids()
            os.kill(runner, signal.SIGKILL)
            started = time.monotonic()
            wait_until(lambda: server.runner_pids() not in ([], [runner]) and server.ready())
            assert server.translate(SENTENCES[0]) == expected[SENTENCES[0]]
            took.append(time.monotonic() - started)

        load = asyncio.run(
            crowd(server.url, expected, clients=CLIENTS, requests=400, meanwhile=kill)
        )
        note(
            f"`kill -9` of the only runner under {CLIENTS} clients",
            f"answers again after {took[0]:.1f} s; statuses {dict(load.statuses)}",
        )
        assert took[0] < 15
        assert set(load.statuses) <= {200, 503}
        assert load.statuses[503] <= CLIENTS, "more than what was in flight is lost"
        assert load.wrong == []
