"""The application in-process: a stub behind an inline runner, driven by Starlette's client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from csanmt.memory.store import TranslationMemory
from csanmt.translator import Translator
from serving.app import Application, build
from serving.http.keys import KeyRing
from serving.provenance import Provenance
from serving.runners.remote import Runner
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings
from tests.inline_runner import InlineRunner
from tests.serving.live_application import MODEL, WithLifespan
from tests.stub_translator import StubTranslator

FACTS = TranslatorFacts(MODEL, "stub", max_length=100)


@dataclass
class Served:
    """A running application, its client and its stub."""

    client: TestClient
    application: Application
    translator: Any

    def translate(self, text: Any, **fields: Any) -> dict[str, Any]:
        response = self.client.post("/translate", json={"text": text, **fields})
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    def metric(self, name: str, **labels: str) -> float:
        value = self.application.metrics._registry.get_sample_value(
            name, {"model": MODEL, **labels}
        )
        return value or 0.0


Serve = Callable[..., Served]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients that obey the environment's proxies reach this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start an application: ``serve(max_characters=10)``, ``serve(translator=…, keys=…)``."""
    with ExitStack() as stack:

        def start(
            *,
            translator: Translator | None = None,
            keys: KeyRing | None = None,
            page: Path | None = None,
            address: str = "127.0.0.1",
            make_runner: Callable[[], Runner] | None = None,
            memory: TranslationMemory | None = None,
            **settings: Any,
        ) -> Served:
            knobs = {"workers": 1, "model": MODEL}
            stub = translator or StubTranslator()
            application = build(
                Settings(**{**knobs, **settings}),
                make_runner or (lambda: InlineRunner(stub, FACTS)),
                provenance=Provenance(MODEL, "sha256:ab", "csanmt:v1", "c0ffee", "2026-01-01"),
                count_tokens=len,
                keys=keys,
                page=page,
                registry=CollectorRegistry(),
                memory=memory,
            )
            client = TestClient(WithLifespan(application), base_url=f"http://{address}:3000")
            stack.enter_context(client)
            return Served(client, application, stub)

        yield start


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve()
