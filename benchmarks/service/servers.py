"""Services of several checkouts side by side, and the processor time of their processes."""

from __future__ import annotations

import json
import os
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import service_process
from csanmt.errors import UnavailableError

START_SECONDS = 120.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Service:
    """``csanmt serve`` of one checkout, by that checkout's own environment.

    Attributes:
        gateway, runners: process ids, once it is ready.
    """

    label: str
    tree: Path
    port: int
    model: Path
    workers: int = 2
    gateway: int = 0
    runners: tuple[int, ...] = ()
    _handle: str = field(init=False, repr=False)
    _home: tempfile.TemporaryDirectory[str] = field(init=False, repr=False)

    def start(self) -> None:
        """Begin to start it; ``wait`` until it answers."""
        self._home = tempfile.TemporaryDirectory(prefix="csanmt-service-")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CSANMT_", "BENTOML_"))}
        environment = {
            **kept,
            "CSANMT_MODEL_DIRECTORY": str(self.model),
            "CSANMT_WORKERS": str(self.workers),
            "CSANMT_QUEUE_SECONDS": "300",
            "CSANMT_LOG_FORMAT": "json",
        }
        python = self.tree / ".venv" / "bin" / "python"
        command = [str(python), "-m", "csanmt", "serve", "--port", str(self.port)]
        home = Path(self._home.name)
        self._handle = service_process.start(
            command, home, home / "log", environment=environment, cwd=self.tree
        )

    def wait(self) -> None:
        """Until all runners answer. Raises UnavailableError."""
        end = time.monotonic() + START_SECONDS
        while self._ready_runners() < self.workers:
            if not service_process.alive(self._handle) or time.monotonic() > end:
                raise UnavailableError(f"{self.label}: the service did not start in {self.tree}")
            time.sleep(0.1)
        below = service_process.members(Path(self._home.name))
        self.runners = tuple(pid for pid in below if b"serving.runner" in _command(pid))
        self.gateway = _parent(self.runners[0])

    def _ready_runners(self) -> int:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/healthz", timeout=5
            ) as reply:
                return int(json.load(reply)["runners"]["ready"])
        except (urllib.error.URLError, OSError, ValueError):
            return 0

    def processor_seconds(self) -> tuple[float, float]:
        """Of the gateway, and of all runners together, since they began."""
        return _seconds(self.gateway), sum(map(_seconds, self.runners))

    def stop(self) -> None:
        """End it and wait for its end."""
        service_process.stop(Path(self._home.name))
        self._home.cleanup()


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _seconds(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int) -> tuple[int, int]:
    """Bytes resident that are the process' own, and that it may share with others."""
    kilobytes = dict.fromkeys(("Private_Clean", "Private_Dirty", "Shared_Clean", "Shared_Dirty"), 0)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in kilobytes:
            kilobytes[name] = int(rest.split()[0])
    private = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return 1024 * private, 1024 * (kilobytes["Shared_Clean"] + kilobytes["Shared_Dirty"])


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
