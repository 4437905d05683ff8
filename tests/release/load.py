"""A steady load that keeps account of every request: none may be lost, none mislabelled."""

from __future__ import annotations

import http.client
import json
import select
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from csanmt.errors import ConfigurationError

TEXTS = ("你好世界", "北京天气很好。", "我们明天去公园。", "他在图书馆看书。", "今天星期一。")
MAX_CLIENTS = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it began and ended (monotonic seconds) and what came back.

    ``status`` 0 means that no answer came.
    """

    began: float
    ended: float
    status: int
    colour: str
    version: str
    body_version: str


@dataclass(slots=True)
class Load:
    """``clients`` threads that ask ``address`` over kept-alive connections until stopped.

    Nothing is repeated: a request that was sent and got no answer is lost. A connection that the
    server closed, with an answer that said so or while it was idle, is opened again before
    anything is sent on it, and counted as ``closed``.

    ``per_second`` bounds the requests of all clients together, so that a front that limits a
    client's rate refuses none; 0 is no bound.

    Raises:
        ConfigurationError: not a loopback address, or too many clients.
    """

    address: str
    clients: int = 16
    timeout: float = 30.0
    per_second: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    closed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.address.startswith(("127.", "localhost:", "[::1]:")):
            raise ConfigurationError(
                f"{self.address} is not on this machine: no load is sent there"
            )
        if not 1 <= self.clients <= MAX_CLIENTS:
            raise ConfigurationError(f"clients is {self.clients}; allowed is 1 to {MAX_CLIENTS}")

    def __enter__(self) -> Load:
        self._threads = [
            threading.Thread(target=self._client, args=(number,)) for number in range(self.clients)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def lost(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status != 200]

    def mislabelled(self) -> list[Answer]:
        """Answers whose header names another version than their body."""
        return [a for a in self.answers if a.status == 200 and a.version != a.body_version]

    def versions(self, since: float = 0.0) -> Counter[str]:
        """How many requests begun after ``since`` each version answered."""
        return Counter(a.version for a in self.answers if a.began >= since)

    # -- parts -------------------------------------------------------------------

    def _client(self, number: int) -> None:
        connection = http.client.HTTPConnection(self.address, timeout=self.timeout)
        turn = number
        while not self._stop.is_set():
            body = json.dumps({"text": TEXTS[turn % len(TEXTS)]}).encode()
            turn += 1
            answer = self._ask(connection, body)
            self.answers.append(answer)
            if self.per_second:
                self._stop.wait(self.clients / self.per_second - (answer.ended - answer.began))
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, body: bytes) -> Answer:
        began = time.monotonic()
        if connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
            connection.close()  # the end of it has come already
            self.closed += 1
        try:
            headers = {"Content-Type": "application/json", **self.headers}
            connection.request("POST", "/translate", body, headers)
            response = connection.getresponse()
            text = response.read()
        except (http.client.HTTPException, OSError):
            connection.close()
            return Answer(began, time.monotonic(), 0, "", "", "")
        self.closed += response.will_close
        found = response.headers
        return Answer(
            began,
            time.monotonic(),
            response.status,
            found.get("X-Colour", ""),
            found.get("X-Model-Version", ""),
            _body_version(text),
        )


def _body_version(text: bytes) -> str:
    try:
        return str(json.loads(text).get("model", ""))
    except (ValueError, AttributeError):
        return ""
