"""The front as users meet it: test requests by their way, and what its log says they got."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from contextlib import suppress
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
class Answer:
    """What was met at the front: a status (0: nobody answered), seconds, which colour answered."""

    status: int
    seconds: float
    colour: str = ""

    def by(self, colour: Colour) -> bool:
        """Whether the colour that was asked answered, and not the other in its place."""
        return self.colour in ("", colour)


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

    def probe(self, colour: Colour) -> Answer:
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
        return Answer(status, time.monotonic() - began, who)

    def served(self, colour: Colour) -> list[Answer]:
        """What users were answered since the last call where ``colour`` was chosen for them."""
        found = []
        for line in self._new_lines():
            with suppress(ValueError, LookupError, TypeError):  # half a line, or an older format
                entry = json.loads(line)
                if entry["path"] in TRANSLATING and entry["chosen"] == colour:
                    found.append(Answer(int(entry["status"]), float(entry["seconds"])))
        return found

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
