"""The page behind the real HTTP application, with a stub for a model and faults on demand."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from csanmt.errors import CancelledError
from csanmt.memory.store import TranslationMemory
from csanmt.translator import DecodingOptions, Hypothesis, ShouldStop, Translation
from serving.app import build
from serving.http.errors import error_body
from serving.http.keys import KeyRing
from serving.provenance import Provenance
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings
from tests.inline_runner import InlineRunner
from tests.stub_translator import StubTranslator

PAGE = Path(__file__).resolve().parents[2] / "ui"
PORTS = range(3200, 3300)
MODEL = "csanmt-zh-en:v1.0.0"
HOLD = "慢"  # a sentence with this character waits for ``HeldTranslator.gate``
LONG = "长"  # a sentence with this character comes back truncated


@dataclass(slots=True)
class HeldTranslator(StubTranslator):
    """A stub that can be kept waiting, so that tests see what happens meanwhile."""

    gate: threading.Event = field(default_factory=threading.Event)

    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions = DecodingOptions(),
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation]:
        while any(HOLD in source for source in sources) and not self.gate.wait(0.01):
            if should_stop and should_stop():
                raise CancelledError("the caller went away")
        # Named explicitly: super() does not work in a dataclass with slots.
        return [_shorten(t) for t in StubTranslator.translate(self, sources, options)]


def _shorten(translation: Translation) -> Translation:
    if LONG not in translation.source:
        return translation
    cut = tuple(Hypothesis(h.text, h.score, h.tokens, True) for h in translation.hypotheses)
    return Translation(translation.source, cut, translation.source_tokens)


@dataclass
class Faults:
    """ASGI layer: notes every request and answers some of them in place of the service."""

    app: ASGIApp
    requests: list[tuple[str, dict[str, Any] | None]] = field(default_factory=list)
    planned: list[Callable[[Scope, Receive, Send], Any]] = field(default_factory=list)

    def answer(self, status: int, code: str, message: str = "words", **headers: str) -> None:
        """The next translation gets this error."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.planned.append(JSONResponse(error_body(code, message), status, headers=names))

    def answer_with(self, response: Response) -> None:
        """The next translation gets this response."""
        self.planned.append(response)

    def texts(self) -> list[str]:
        """What was asked to be translated, in order."""
        return [body["text"] for path, body in self.requests if body and "/translate" in path]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/translate"):
            await self.app(scope, receive, send)
            return
        body, messages = b"", []
        while True:
            message = await receive()
            messages.append(message)
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.requests.append((scope["path"], json.loads(body)))
        again = iter(messages)

        async def replay() -> Any:
            return next(again, None) or await receive()

        answer = self.planned.pop(0) if self.planned else self.app
        await answer(scope, replay, send)


@dataclass
class LivePage:
    """A running server: where it is, what it translates with, and how to break it."""

    url: str
    translator: HeldTranslator
    faults: Faults

    def reset(self) -> None:
        self.translator.answers.clear()
        self.translator.calls.clear()
        self.translator.gate.clear()
        self.faults.requests.clear()
        self.faults.planned.clear()


@contextmanager
def live_page(
    *, keys: KeyRing | None = None, memory: TranslationMemory | None = None, **settings: Any
) -> Iterator[LivePage]:
    """Serve ``ui/`` and the API on a free port of ours until the block ends."""
    translator = HeldTranslator(model_tag=MODEL)
    facts = TranslatorFacts(MODEL, "stub")
    application = build(
        Settings(model=MODEL, **settings),
        lambda: InlineRunner(translator, facts),
        provenance=Provenance(MODEL, model_digest="sha256:0123abcd", git_commit="f" * 40),
        count_tokens=translator.count_tokens,
        keys=keys,
        page=PAGE,
        registry=CollectorRegistry(),
        memory=memory,
    )
    faults = Faults(application.asgi)
    listener = _listen()
    server = uvicorn.Server(uvicorn.Config(faults, log_level="error", lifespan="off"))

    async def main() -> None:
        await application.pool.start()
        try:
            await server.serve([listener])
        finally:
            await application.pool.stop()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    _wait_until(lambda: server.started and application.pool.ready, "the server did not start")
    try:
        yield LivePage(f"http://127.0.0.1:{listener.getsockname()[1]}", translator, faults)
    finally:
        translator.gate.set()
        server.should_exit = server.force_exit = True
        thread.join(10)


def _listen() -> socket.socket:
    for port in PORTS:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
            continue
        listener.listen(64)
        return listener
    raise OSError(f"no free port in {PORTS}")


def _wait_until(condition: Callable[[], bool], problem: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(0.02)
