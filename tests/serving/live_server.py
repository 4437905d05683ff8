"""A real server in processes of its own: ``csanmt serve`` or ``bentoml serve``, and its clients."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0  # generous: the machine may be busy
PORTS = range(3100, 3200)


def free_port() -> int:
    """A port of ours that nobody listens on right now."""
    start = os.getpid() % len(PORTS)
    for port in [*PORTS[start:], *PORTS[:start]]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def wait_until(condition: Callable[[], Any], seconds: float = START_SECONDS) -> Any:
    """What ``condition`` gives once it is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} seconds")
        time.sleep(0.05)
    return value


@dataclass
class LiveServer:
    """A running server: its process, address and log."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended: {self.log.read_text()[-2000:]}")
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def translate(self, text: Any, **fields: Any) -> Any:
        response = self.client.post("/translate", json={"text": text, **fields})
        assert response.status_code == 200, response.text
        return response.json()["translation"]

    def runner_pids(self) -> list[int]:
        """Processes of our runners: descendants that run ``serving.runner``."""
        return [p for p in descendants(self.process.pid) if "serving.runner" in command_line(p)]

    def stop(self, sign: int = signal.SIGTERM, seconds: float = 60) -> int:
        """Send a signal and wait for the exit status."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            for pid in [*descendants(self.process.pid), self.process.pid]:
                os.kill(pid, signal.SIGKILL)
            raise


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for t in tasks for c in (t / "children").read_text().split()]
    except OSError:
        return []
    return children + [below for child in children for below in descendants(child)]


@contextmanager
def live_server(
    home: Path, *, command: Sequence[str] | None = None, **settings: Any
) -> Iterator[LiveServer]:
    """Start a server and wait until it is ready.

    Args:
        home: its BENTOML_HOME.
        command: what to run; ``csanmt serve`` by default.
        settings: ``workers=2`` becomes ``CSANMT_WORKERS=2``.
    """
    port = free_port()
    environment = server_environment(home, port=port, **settings)
    command = command or [sys.executable, "-m", "csanmt", "serve"]
    home.mkdir(parents=True, exist_ok=True)
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    server = LiveServer(process, f"http://127.0.0.1:{port}", log)
    try:
        wait_until(server.ready)
        yield server
    finally:
        if process.poll() is None:
            server.stop()


def server_environment(home: Path, **settings: Any) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CSANMT_", "BENTOML_"))}
    ours = {f"CSANMT_{name.upper()}": str(value) for name, value in settings.items()}
    return {
        **kept,
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "true",
        "OMP_NUM_THREADS": "1",
        **ours,
    }


STUB = {"engine": "stub", "allow_stub": 1, "model": "csanmt-zh-en:v9.8.7"}


@dataclass
class Load:
    """What a crowd of clients saw: statuses (or the exception's name), and wrong answers."""

    statuses: Counter[Any] = field(default_factory=Counter)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)


async def crowd(
    url: str,
    expected: dict[str, str],
    *,
    clients: int,
    requests: int,
    meanwhile: Callable[[], Any] | None = None,
) -> Load:
    """``clients`` at once send ``requests`` texts in all and compare each answer.

    Args:
        expected: text to translation; every text is asked for in turn.
        meanwhile: called in a thread once, after a third of the answers.
    """
    load, texts, left = Load(), list(expected), iter(range(requests))
    happened = asyncio.Event()

    async def one(client: httpx.AsyncClient) -> None:
        for n in left:
            text = texts[n % len(texts)]
            try:
                response = await client.post("/translate", json={"text": text})
            except httpx.TransportError as error:
                load.statuses[type(error).__name__] += 1
                continue
            load.statuses[response.status_code] += 1
            if response.status_code == 200:
                answer = response.json()["translation"]
                if answer != expected[text]:
                    load.wrong.append((text, answer))
            else:
                load.codes[response.json()["error"]["code"]] += 1
                assert response.headers["Retry-After"].isdigit()
                await asyncio.sleep(0.01)  # a client that is told to wait does not spin
            if n == requests // 3:
                happened.set()

    async def act() -> None:
        await happened.wait()
        if meanwhile:
            await asyncio.to_thread(meanwhile)

    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        acting = asyncio.ensure_future(act())
        await asyncio.gather(*(one(client) for _ in range(clients)))
        await acting
    return load
