"""Keys within bodies: strangers cannot make the gateway hold many large ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from csanmt.errors import OverloadedError
from serving.http.key_fields import LARGE, LARGE_AT_ONCE, KeyFields

pytestmark = pytest.mark.anyio

PATH = "/translate_file"


class Uploads:
    """Requests to a ``KeyFields``; their bodies end when ``sent`` is set."""

    def __init__(self) -> None:
        self.sent = asyncio.Event()
        self.layer = KeyFields(self._app, {PATH: ("api_key",)}, LARGE, {PATH: 10 * LARGE})
        self.passed = 0

    async def _app(self, *_: Any) -> None:
        self.passed += 1

    async def _receive(self) -> dict[str, Any]:
        await self.sent.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, **headers: str) -> None:
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "path": PATH, "query_string": b"", "headers": raw}

        async def to_nobody(_: Any) -> None: ...

        await self.layer(scope, self._receive, to_nobody)


@pytest.mark.parametrize("headers", [{"content_length": str(2 * LARGE)}, {}])
async def test_few_large_bodies_are_looked_into_at_once(headers: dict[str, str]) -> None:
    uploads = Uploads()
    held = [asyncio.create_task(uploads.send(**headers)) for _ in range(LARGE_AT_ONCE)]
    small = asyncio.create_task(uploads.send(content_length=str(LARGE)))
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError, match="header"):
        await uploads.send(**headers)
    await uploads.send(authorization="Bearer key", **headers)
    assert uploads.passed == 1
    uploads.sent.set()
    await asyncio.gather(small, *held)
    await uploads.send(**headers)
    assert uploads.passed == LARGE_AT_ONCE + 3
