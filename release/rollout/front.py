"""The front as users meet it: test requests by their way, and what its log says they got."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from benchmarks.service_process import DIRECT
from csanmt.errors import ConfigurationError
from release.rollout.metrics import TRANSLATING
from release.rollout.traffic import Colour
from release.running.service import REFUSALS, authorization

TEXTS = ("你好世界", "北京天气很好。", "我们明天去公园。")
LONGEST_READ = 4_000_000  # bytes of the access log that one reading takes in


@dataclass(frozen=True, slots=True)
class Probe:
    """One test request: its status (0: nobody answered), seconds, and which colour answered."""

    status: int
    seconds: float
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """What users were answered for one chosen colour since the reading before."""

    requests: int = 0
    errors: int = 0
    seconds: tuple[float, ...] = ()

    def __add__(self, more: Served) -> Served:
        return Served(
            self.requests + more.requests, self.errors + more.errors, self.seconds + more.seconds
        )


@dataclass(slots=True)
class NginxFront:
    """Asks nginx at ``address`` and reads its JSON access log.

    Args:
        log: the access log; it may be absent, rotated or cut while it is read.
    """

    address: str
    log: Path
    api_key: str = field(default="", repr=False)
    timeout: float = 10.0
    _turn: int = 0
    _inode: int = -1
    _offset: int = 0

    def __post_init__(self) -> None:
        self.served("blue")  # from here on

    def probe(self, colour: Colour) -> Probe:
        """Ask for a translation by a colour, by the users' way and outside of their numbers.

        Raises:
            ConfigurationError: the service refuses the site's API key.
        """
        self._turn += 1
        body = json.dumps({"text": TEXTS[self._turn % len(TEXTS)]}).encode()
        headers = {"Content-Type": "application/json", **authorization(self.api_key)}
        url = f"http://{self.address}/-/probe/{colour}"
        began = time.monotonic()
        try:
            request = urllib.request.Request(url, body, headers)
            with DIRECT.open(request, timeout=self.timeout) as answer:
                answer.read()
                status, who = answer.status, answer.headers.get("X-Colour", "")
        except urllib.error.HTTPError as error:
            status, who = error.code, error.headers.get("X-Colour", "")
            if status in REFUSALS and who:
                raise ConfigurationError(
                    f"{url} answered {status}: see api_key_file in rollout.toml"
                ) from None
        except (OSError, HTTPException, ValueError):
            status, who = 0, ""
        return Probe(status, time.monotonic() - began, who)

    def served(self, colour: Colour) -> Served:
        """What users were answered since the last call where ``colour`` was chosen for them."""
        requests = errors = 0
        seconds = []
        for line in self._new_lines():
            try:
                entry = json.loads(line)
                if entry["path"] not in TRANSLATING or entry["chosen"] != colour:
                    continue
                requests += 1
                errors += entry["status"] >= 500
                seconds.append(float(entry["seconds"]))
            except (ValueError, LookupError, TypeError):
                continue  # half a line, or an older format
        return Served(requests, errors, tuple(seconds))

    def _new_lines(self) -> list[str]:
        try:
            with self.log.open("rb") as file:
                inode = self.log.stat().st_ino
                size = file.seek(0, 2)
                if self._inode < 0:  # the first look: only what comes later counts
                    self._inode, self._offset = inode, size
                if inode != self._inode or size < self._offset:  # rotated
                    self._inode, self._offset = inode, 0
                file.seek(max(self._offset, size - LONGEST_READ))
                text = file.read()
        except OSError:
            self._inode, self._offset = max(self._inode, 0), 0
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._offset = size - (len(text) - len(whole))
        return whole.decode("utf-8", "replace").splitlines()
