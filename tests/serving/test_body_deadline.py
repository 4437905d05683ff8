"""How long a body may take to come: so many seconds, and more for what came."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.requests import Request

from serving.http.errors import BodyTimeoutError
from serving.http.json_body import read_body
from serving.http.middleware import BODY_RATE, TimelyBody

pytestmark = pytest.mark.anyio

NEVER = 3600.0


async def read(parts: Iterable[tuple[float, bytes]], seconds: float) -> bytes:
    """A body of which each part comes so many seconds after the one before, read to its end."""
    coming = iter(parts)

    async def receive() -> dict[str, Any]:
        wait, part = next(coming, (NEVER, b""))
        await asyncio.sleep(wait)
        return {"type": "http.request", "body": part, "more_body": bool(part)}

    scope = {"type": "http", "headers": []}
    request = Request(scope, TimelyBody(receive, seconds).receive)
    return await asyncio.wait_for(read_body(request, 1 << 20), 30)


async def test_what_comes_in_time_is_read():
    assert await read([(0, b"a"), (0, b"b"), (0, b"")], 5) == b"ab"


@pytest.mark.parametrize("parts", [[], [(0, b"a")], [(0.01, b"a"), (0.01, b"b")]])
async def test_what_comes_too_slowly_is_an_error(parts):
    with pytest.raises(BodyTimeoutError, match=r"0\.1 seconds are allowed"):
        await read(parts, 0.1)


async def test_what_came_gives_time_for_more():
    part = b"x" * 8 * BODY_RATE  # eight seconds' worth
    assert await read([(0, part), (0.2, b"end"), (0, b"")], 0.1) == part + b"end"


async def test_who_cancels_the_request_is_not_told_that_the_body_was_slow():
    reading = asyncio.ensure_future(read([], NEVER))
    await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
