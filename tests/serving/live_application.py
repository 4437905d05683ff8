"""The application on a free port of this machine, in a thread: what real clients talk to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from csanmt.translator import Translator
from serving.app import Application, build
from serving.http.connections import BoundedHttp
from serving.http.keys import ApiKey, KeyRing, hash_key
from serving.provenance import Provenance
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings
from tests.inline_runner import InlineRunner
from tests.stub_translator import StubTranslator

MODEL = "csanmt-zh-en:v9.8.7"
ANSWERS = {"你好世界": "Hello world", "早上好。": "Good morning.", "谢谢！": "Thank you!"}
KEY = "csk_of-a-client"


class WithLifespan:
    """Starts and stops the runner pool with the server, as BentoML's hooks do."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.application.asgi(scope, receive, send)
            return
        await receive()
        await self.application.pool.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.application.documents.stop()
        await self.application.pool.stop()
        await send({"type": "lifespan.shutdown.complete"})


class Live:
    """A server on a free port of this machine, in a thread of its own."""

    def __init__(self, application: Application) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"

        app = WithLifespan(application)
        config = uvicorn.Config(
            app, port=self.port, log_level="error", lifespan="on", http=BoundedHttp
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Live:
        self._thread.start()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                if httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        raise AssertionError("the server did not become ready")

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)


def application(
    directory: Path,
    keys: KeyRing | None = None,
    *,
    page: Path | None = None,
    translator: Translator | None = None,
    languages: tuple[str, str] = ("zh", "en"),
    **settings: Any,
) -> Application:
    knobs: dict[str, Any] = {
        "suggestions_file": str(directory / "suggestions.jsonl"),
        "max_characters": 1000,
        **settings,
    }
    source, target = languages
    facts = TranslatorFacts(
        MODEL, "stub", source_language=source, target_language=target, max_length=100
    )
    return build(
        Settings(model=MODEL, workers=1, **knobs),
        lambda: InlineRunner(translator or StubTranslator(ANSWERS, MODEL), facts),
        provenance=Provenance(MODEL, "sha256:0", "csanmt:v1", "abc1234"),
        count_tokens=len,
        keys=keys,
        page=page,
        registry=CollectorRegistry(),
    )


def locked_ring() -> KeyRing:
    """One key, ``KEY``, good for 200 characters a day."""
    return KeyRing((ApiKey("client", hash_key(KEY), characters_per_day=200),))


@contextmanager
def live_application(
    directory: Path, keys: KeyRing | None = None, **settings: Any
) -> Iterator[Live]:
    with Live(application(directory, keys, **settings)) as live:
        yield live
