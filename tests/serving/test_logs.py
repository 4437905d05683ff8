"""Lines of requests are held and written together, and none is lost or out of its place."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from serving import logs
from serving.http.connections import MOST_GATHERED, BoundedHttp


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The logger of the product, put back as it was."""
    logger = logging.getLogger("csanmt")
    before = logger.handlers[:], logger.level, logger.propagate
    yield logger
    logger.handlers[:], logger.level, logger.propagate = before


class Counted(io.StringIO):
    """A stream that knows how often it was written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def events(stream: io.StringIO) -> list[str]:
    return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


def test_lines_are_written_together_and_in_order(root, monkeypatch):
    monkeypatch.setattr(logs, "HELD_SECONDS", 0.01)
    stream = Counted()
    logs.configure_logging("json", "m:v1", stream)

    async def work() -> None:
        for name in ("first", "second"):
            logs.log_event(root, name, status=200)
        assert events(stream) == []
        root.warning("third")  # what is held goes before it
        assert events(stream) == ["first", "second", "third"]
        logs.log_event(root, "fourth")
        logs.log_event(root, "fifth")
        before = stream.writes
        async with asyncio.timeout(10):
            while len(events(stream)) < 5:
                await asyncio.sleep(0.01)
        assert stream.writes == before + 1
        logs.log_event(root, "last")

    asyncio.run(work())
    logs.write_held_lines()
    assert events(stream) == ["first", "second", "third", "fourth", "fifth", "last"]
    line = json.loads(stream.getvalue().splitlines()[0])
    assert line["time"].endswith("Z")
    assert {k: line[k] for k in ("level", "logger", "event", "model", "status")} == {
        "level": "info",
        "logger": "csanmt",
        "event": "first",
        "model": "m:v1",
        "status": 200,
    }


def test_people_read_the_same(root):
    stream = io.StringIO()
    logs.configure_logging("text", "m:v1", stream)

    async def work() -> None:
        logs.log_event(root, "request", status=200, ms=1.5)
        root.error("broken", extra={"why": "x"})

    asyncio.run(work())
    first, second = stream.getvalue().splitlines()
    assert first.endswith("INFO    request status=200 ms=1.5")
    assert second.endswith("ERROR   broken why=x")


class Wire(asyncio.Transport):
    """Notes each piece that would be a system call."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = self.aborted = False

    def abort(self) -> None:
        self.aborted = True

    def write(self, data: bytes) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.mark.parametrize(
    ("body", "pieces"), [(b"x" * 10, 1), (b"x" * (MOST_GATHERED + 1), 1), (b"", 1)]
)
def test_head_and_body_go_as_one_piece(body: bytes, pieces: int) -> None:
    import uvicorn
    from uvicorn.server import ServerState

    async def app(scope, receive, send) -> None:
        head = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    async def work() -> Wire:
        config = uvicorn.Config(app, http=BoundedHttp, log_config=None, lifespan="off")
        config.load()
        protocol, wire = BoundedHttp(config, ServerState(), app_state={}), Wire()
        protocol.connection_made(wire)
        protocol.data_received(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(10):
            while not wire.closed:
                await asyncio.sleep(0)
        return wire

    wire = asyncio.run(work())
    assert len(wire.sent) == pieces
    assert b"".join(wire.sent).endswith(b"\r\n\r\n" + body)
