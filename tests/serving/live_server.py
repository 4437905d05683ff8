"""A real server in processes of its own: ``csanmt serve`` or ``bentoml serve``."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.stub_translator import OPEN_STUB

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
        """Processes of our runners: descendants that run ``serving.runners.process``."""
        return [
            p for p in descendants(self.process.pid) if "serving.runners.process" in command_line(p)
        ]

    def gateway_pid(self) -> int:
        """The process that answers HTTP: the parent of the runners."""
        stat = Path(f"/proc/{self.runner_pids()[0]}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[1])

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
    log = home / f"server-{port}.log"
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


STUB = {"translator": OPEN_STUB, "model": "csanmt-zh-en:v9.8.7"}
