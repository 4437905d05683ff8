"""A real Prometheus for tests, on a free port."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.service_process import DIRECT
from tests.ports import free_addresses


@dataclass
class Prometheus:
    url: str
    process: subprocess.Popen[bytes]

    def get(self, path: str, **parameters: str) -> Any:
        """The ``data`` of an answer; None while it is not ready."""
        query = urllib.parse.urlencode(parameters)
        try:
            with DIRECT.open(f"{self.url}/api/v1/{path}?{query}", timeout=10) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is still starting
                return None
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None
        except OSError:
            return None

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query; empty while it is not ready."""
        data = self.get("query", query=expression)
        return data["result"] if data else []

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        alerts = self.get("alerts")["alerts"]
        return {a["labels"]["alertname"] for a in alerts if a["state"] == "firing"}


@contextmanager
def running_prometheus(folder: Path) -> Iterator[Prometheus]:
    """Started on ``folder``'s prometheus.yml; what it says is in ``folder``'s log."""
    (address,) = free_addresses(1)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield Prometheus(f"http://{address}", process)
    finally:
        process.kill()
        process.wait()
