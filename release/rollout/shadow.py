"""Shadow traffic: a sample of real requests is answered by both colours and compared.

nginx copies a share of the requests to the collector here, which acknowledges at once,
so that users never wait for it, and replays each to both colours. What is kept is
numbers; the texts of users are not.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from csanmt.errors import ConflictError, NotFoundError
from release.ledger.ledger import Kind
from release.rollout.site import Site, Tell
from release.rollout.status import look
from release.rollout.traffic import COLOURS, Colour, TrafficMovedError
from release.running.service import authorization
from serving.quality_signals import signals

PATH = "/translate"
QUEUE = 1000  # copied requests that may wait for their turn
FORWARDED = ("Content-Type", "Authorization")


@dataclass(slots=True)
class Side:
    """What one colour did with the sample; seconds are of its answers."""

    answers: int = 0
    errors: int = 0
    characters: int = 0
    seconds: list[float] = field(default_factory=list)
    health: Counter[str] = field(default_factory=Counter)

    def summary(self) -> dict[str, Any]:
        """What a report says of it."""
        ordered, texts = sorted(self.seconds), max(self.answers - self.errors, 1)
        return {
            "answers": self.answers,
            "errors": self.errors,
            "p95_seconds": ordered[int(0.95 * len(ordered))] if ordered else None,
            "mean_characters": self.characters / texts,
            "health": {signal: count / texts for signal, count in sorted(self.health.items())},
        }


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """The comparison.

    Attributes:
        compared: sentences (texts) that both colours answered.
        churn: share of them whose translations differ.
        dropped: copied requests that were not replayed because too many waited.
        sides: per colour answers, errors, p95 in seconds, mean characters of a
            translation, and share of texts per health signal.
    """

    compared: int
    churn: float
    dropped: int
    sides: dict[Colour, dict[str, Any]]


class _Copied(BaseHTTPRequestHandler):
    """One copied request, acknowledged at once."""

    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kept = {name: self.headers[name] for name in FORWARDED if name in self.headers}
        self.send_response(204)
        self.end_headers()
        self.server.receive(self.path, body, kept)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None: ...


class Collector(ThreadingHTTPServer):
    """Receives copied requests at a Unix socket and compares the colours' answers.

    Args:
        urls: colour → ``http://host:port`` of the service itself.
        path: of the socket, which nginx's other user may write to.
        workers: requests replayed at a time.
        timeout: seconds a colour may take.
        api_key: takes the place of the users' keys, whose allowances are not ours to use up.
    """

    address_family = socket.AF_UNIX
    daemon_threads = True

    def __init__(
        self,
        urls: Mapping[Colour, str],
        path: Path,
        workers: int = 2,
        timeout: float = 30.0,
        api_key: str = "",
    ) -> None:
        self.urls = dict(urls)
        self._path = path
        self._key = authorization(api_key)
        self._client = httpx.Client(timeout=timeout, trust_env=False)
        self._room = threading.Semaphore(QUEUE)
        self._pool = ThreadPoolExecutor(workers)
        self._lock = threading.Lock()
        self._sides: dict[Colour, Side] = {colour: Side() for colour in COLOURS}
        self._compared = self._changed = self._dropped = 0
        super().__init__(str(path), _Copied)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        self._path.unlink(missing_ok=True)
        socketserver.TCPServer.server_bind(self)
        self._path.chmod(0o666)

    def __enter__(self) -> Collector:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """What still waits is not replayed; who waits for an answer now is left to its timeout."""
        self.shutdown()
        self.server_close()
        self._path.unlink(missing_ok=True)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def receive(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Queue a request, or count it as dropped; never blocks."""
        if not path.startswith(PATH) or not body:
            return
        if self._room.acquire(blocking=False):
            with suppress(RuntimeError):  # the end came first
                self._pool.submit(self._compare, path, body, headers)
        else:
            with self._lock:
                self._dropped += 1

    def report(self) -> ShadowReport:
        with self._lock:
            sides = {colour: side.summary() for colour, side in self._sides.items()}
            churn = self._changed / self._compared if self._compared else 0.0
            return ShadowReport(self._compared, churn, self._dropped, sides)

    # -- parts -------------------------------------------------------------------

    def _compare(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        sources = _texts(body, "text")
        answers = {colour: self._ask(colour, path, body, headers) for colour in COLOURS}
        self._room.release()
        targets = {c: _texts(found, "translation") for c, found in answers.items()}
        with self._lock:
            for colour in COLOURS:
                side = self._sides[colour]
                for source, target in zip(sources, targets[colour], strict=False):
                    side.characters += len(target)
                    side.health.update(signals(source, target))
            pairs = list(zip(targets["blue"], targets["green"], strict=False))
            self._compared += len(pairs)
            self._changed += sum(blue != green for blue, green in pairs)

    def _ask(self, colour: Colour, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        start = time.monotonic()
        try:
            answer = self._client.post(
                self.urls[colour] + path, content=body, headers={**headers, **self._key}
            )
            found, failed = answer.content, answer.status_code >= 500
        except (httpx.HTTPError, httpx.InvalidURL):  # also cut short, or a bad path
            found, failed = b"", True
        with self._lock:
            side = self._sides[colour]
            side.answers += 1
            side.errors += failed
            side.seconds.append(time.monotonic() - start)
        return found


def _texts(body: bytes, key: str) -> list[str]:
    """The texts of a JSON body; none when it is of another shape."""
    try:
        value = json.loads(body)[key]
    except (ValueError, LookupError, TypeError):
        return []
    texts = value if isinstance(value, list) else [value]
    return [text for text in texts if isinstance(text, str)]


def shadow(
    site: Site,
    release: str,
    share: float,
    seconds: float,
    tell: Tell = lambda _: None,
) -> ShadowReport:
    """Copy ``share`` percent of the traffic to both colours for ``seconds`` and compare.

    Raises:
        NotFoundError: ``release`` is on no colour.
        ConflictError: it has traffic already, or the traffic was changed meanwhile.
    """
    with site.exclusive(f"shadowing of {release}"):
        now = look(site)
        side, before = now.of(release), now.traffic
        if side is None or before is None:
            raise NotFoundError(f"{release} is not deployed (deployed is {now.words()})")
        if side.share > 0:
            raise ConflictError(f"{release} has {side.share:g}% already")
        urls: dict[Colour, str] = {c: f"http://{site.addresses[c]}" for c in COLOURS}
        with Collector(urls, site.router.shadow_socket, api_key=site.api_key) as collector:
            copying = replace(before, shadow=share, purpose="shadow")
            generation = site.router.switch(copying, expected=before.generation).generation
            tell(f"{share:g}% of the requests are copied to {release} for {seconds:g} s")
            try:
                site.clock.sleep(seconds)
            finally:
                without = replace(before, shadow=0, purpose="shadow")
                with suppress(TrafficMovedError):  # who switched since has ended the copies
                    site.router.switch(without, expected=generation)
            report = collector.report()
    site.note(
        Kind.OBSERVE,
        release,
        why=f"shadowed {share:g}% for {seconds:g} s: {report.churn:.1%} of answers differ",
        detail={"shadow": asdict(report)},
    )
    return report
