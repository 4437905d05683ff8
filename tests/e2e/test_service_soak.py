"""The served default model for minutes: equal answers, steady memory, overload, kills.

Nothing is replaced here: ``csanmt serve``, its runners, the native engine, HTTP. Each test
prints what it measured (``pytest -rP`` or ``-s`` shows it).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.serving.live_server import ROOT, LiveServer, live_server, wait_until
from tests.serving.load import crowd, storm

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

SENTENCES = (ROOT / "benchmarks/suites/tatoeba/source.zh").read_text("utf-8").splitlines()
CLIENTS = 32
MOST_GROWTH = 1.05  # of resident memory, from a thousand requests to ten thousand
OVERLOAD = 4
BUSY_SECONDS = 20


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


def test_32_clients_for_a_minute_get_the_answers_they_would_get_alone(server):
    paragraphs = ["\n\n".join(SENTENCES[n : n + 3]) for n in range(150, 180, 3)]
    expected = alone(server, [*SENTENCES[:150], *paragraphs])
    load = asyncio.run(crowd(server.url, expected, clients=CLIENTS, seconds=60))
    print(f"{load.answered} answers in 60 s, {len(load.wrong)} differ from those given alone")
    assert set(load.statuses) == {200}
    assert load.answered > CLIENTS
    assert load.wrong == []


def test_memory_after_ten_thousand_requests_is_that_after_one_thousand(server):
    expected = alone(server, sorted(SENTENCES, key=len)[:200])  # what grows is not the text

    def send(requests: int) -> dict[str, int]:
        load = asyncio.run(crowd(server.url, expected, clients=CLIENTS, requests=requests))
        assert load.statuses == {200: requests}
        assert load.wrong == []
        return resident(server)

    pids = server.runner_pids()
    early, late = send(1_000), send(9_000)
    growth = {part: late[part] / early[part] for part in early}
    print(f"resident kB after 1,000 {early}, after 10,000 {late}: {growth}")
    assert server.runner_pids() == pids, "a runner was replaced, so nothing was measured"
    assert max(growth.values()) < MOST_GROWTH


def capacity(server: LiveServer, expected: Mapping[str, str]) -> float:
    """Requests a second that the server answers when it is never out of work."""
    started = time.monotonic()
    load = asyncio.run(crowd(server.url, expected, clients=CLIENTS, seconds=BUSY_SECONDS))
    assert set(load.statuses) <= {200, 429}
    return load.answered / (time.monotonic() - started)


def test_four_times_too_much_is_refused_politely_and_then_all_is_well(tmp_path):
    with live_server(tmp_path, queue_seconds=5) as server:
        # Fifty sentences a request: the client must not be what is overloaded here.
        expected = alone(server, ["".join(SENTENCES[n : n + 50]) for n in range(0, 1000, 50)])
        rate = capacity(server, expected)
        before = resident(server)
        load = asyncio.run(
            storm(server.url, expected, per_second=OVERLOAD * rate, seconds=BUSY_SECONDS)
        )
        after = resident(server)
        print(f"{rate:.1f} requests/s; at {OVERLOAD} times that {dict(load.statuses)}")
        print(f"resident kB before {before}, after {after}")
        assert set(load.statuses) <= {200, 429, 503}
        assert load.statuses[429] > load.statuses[200] > 0
        assert load.wrong == []
        wait_until(lambda: server.client.get("/healthz").json()["queue"]["sentences"] == 0)
        calm = asyncio.run(crowd(server.url, expected, clients=4, requests=40))
        assert calm.statuses == {200: 40}
        assert calm.wrong == []


def test_kill_9_of_the_only_runner_is_over_within_15_seconds(tmp_path):
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
        print(f"answers again after {took[0]:.1f} s; {dict(load.statuses)}")
        assert took[0] < 15
        assert set(load.statuses) <= {200, 503}
        assert load.statuses[503] <= CLIENTS, "more than what was in flight is lost"
        assert load.wrong == []
