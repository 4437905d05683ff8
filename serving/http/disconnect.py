"""Stops working for a client that has gone away: while it waits, or in the midst of a stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from csanmt.errors import CancelledError

Result = TypeVar("Result")
WATCHED_AFTER = 0.05  # seconds: by then most answers are there, and a watch is a task


async def until_disconnect(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Run ``work``; cancel it if the client disconnects first. The body must have been read.

    Raises:
        CancelledError: the client is gone.
    """
    waiting = asyncio.current_task()
    assert waiting is not None
    listening: asyncio.Task[None] | None = None
    left = over = False  # nothing is cancelled that has its answer

    def leave(listened: asyncio.Task[None]) -> None:
        nonlocal left
        if not (over or listened.cancelled()):
            left = True
            waiting.cancel()

    def watch() -> None:
        nonlocal listening
        listening = asyncio.ensure_future(_disconnected(request))
        listening.add_done_callback(leave)

    timer = asyncio.get_running_loop().call_later(WATCHED_AFTER, watch)
    try:
        return await work
    except asyncio.CancelledError:
        if not left or waiting.uncancel():
            raise  # somebody else cancelled us
        raise CancelledError("the client went away") from None
    finally:
        over = True
        timer.cancel()
        if listening is not None:
            listening.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def event(name: str, data: dict[str, Any]) -> bytes:
    """One server-sent event (WHATWG HTML, section 9.2); JSON escapes the line breaks in it."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


class EventStream(StreamingResponse):
    """A stream of events; ``on_close`` is called however it ends, also when the client goes."""

    def __init__(self, events: AsyncIterator[bytes], on_close: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx must not wait
        super().__init__(events, headers=headers, media_type="text/event-stream")
        self._on_close = on_close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_close()
