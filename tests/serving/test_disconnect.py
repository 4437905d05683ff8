"""A client that goes away: its work ends, and nothing else does."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from starlette.requests import Request

from csanmt.errors import CancelledError
from serving.http.disconnect import until_disconnect

pytestmark = pytest.mark.anyio


def request(left: asyncio.Event) -> Request:
    async def receive() -> dict[str, str]:
        await left.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http", "headers": []}, receive)


async def test_work_for_a_client_that_left_is_cancelled():
    left, cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    waiting = asyncio.ensure_future(until_disconnect(request(left), work()))
    await asyncio.sleep(0)
    left.set()
    with pytest.raises(CancelledError):
        await asyncio.wait_for(waiting, 5)
    assert cancelled.is_set()


async def test_who_cancels_the_request_is_not_told_that_the_client_left():
    waiting = asyncio.ensure_future(until_disconnect(request(asyncio.Event()), asyncio.sleep(3600)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize("first", ["left", "done"])
async def test_a_client_that_leaves_as_the_answer_comes_cancels_nothing_later(first):
    events = {"left": asyncio.Event(), "done": asyncio.Event()}
    other = "done" if first == "left" else "left"

    async def work() -> int:
        await events["done"].wait()
        return 1

    async def answered() -> str:
        with contextlib.suppress(CancelledError):
            await until_disconnect(request(events["left"]), work())
        await asyncio.sleep(0.01)  # a cancellation that comes late would come here
        return "still there"

    waiting = asyncio.ensure_future(answered())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    events[first].set()
    events[other].set()
    assert await asyncio.wait_for(waiting, 5) == "still there"
