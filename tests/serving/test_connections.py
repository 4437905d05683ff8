"""What a connection may send before anybody knows who asks: heads have a size and a time."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from serving.http import connections
from tests.serving.live_application import MODEL, Live, live_application
from tests.serving.test_logs import Wire
from tests.stub_translator import SlowStub

HOST = b"Host: 127.0.0.1\r\n"
POST = b"POST /translate HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_application(tmp_path_factory.mktemp("live")) as served:
        yield served


def spoken(live: Live, data: bytes, seconds: float = 20.0) -> bytes:
    """All that is answered to ``data`` until the connection is closed."""
    answer = b""
    with socket.create_connection(("127.0.0.1", live.port), timeout=seconds) as client:
        try:
            client.sendall(data)
            while part := client.recv(65_536):
                answer += part
        except ConnectionError:
            pass  # closed with bytes of ours unread
    return answer


ENDLESS = {
    "a header": b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * (1 << 20),
    "headers": b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * (1 << 17),
    "an address": b"GET /" + b"a" * (1 << 20),
    "trailers": CHUNKED + b"2\r\n{}\r\n0\r\n" + b"a: b\r\n" * (1 << 17),
    "a trailer": CHUNKED + b"2\r\n{}\r\n0\r\na: " + b"b" * (1 << 20),
    "small headers": b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 300,
    "an extension of a chunk": CHUNKED + b"2;" + b"b" * (1 << 20),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_endless_head_is_not_read(live: Live, kind: str) -> None:
    answer = spoken(live, ENDLESS[kind])
    assert b" 200 " not in answer
    assert not answer or answer.startswith(b"HTTP/1.1 400")
    assert httpx.get(f"{live.url}/livez", trust_env=False).status_code == 200


LIVEZ = b"GET /livez HTTP/1.1\r\n" + HOST


@pytest.mark.parametrize(("requests", "answered"), [(10, True), (5000, False)])
def test_requests_that_do_not_wait_for_answers_are_few(live, requests, answered) -> None:
    last = LIVEZ + b"Connection: close\r\n\r\n"
    answer = spoken(live, (LIVEZ + b"\r\n") * (requests - 1) + last)
    assert (answer.count(b"HTTP/1.1 200") == requests) is answered
    assert (b"HTTP/1.1 400" in answer) is not answered


def test_large_bodies_and_small_chunks_are_read(live: Live) -> None:
    body = b'{"text": "' + "你好世界".encode() * 50 + b'"}' + b" " * 100_000
    whole = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    assert spoken(live, whole).startswith(b"HTTP/1.1 200")
    small = b'{"text": "\\u4f60\\u597d"}' + b" " * 30_000
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in small) + b"0\r\n\r\n"
    head = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert spoken(live, head + chunks).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "begun",
    [b"", b"G", b"GET /livez HTTP/1.1\r\nHo", b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\nGET /"],
    ids=["silent", "one byte", "half a head", "half a second request"],
)
def test_a_head_has_a_time_to_come(live: Live, monkeypatch, begun: bytes) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    started = time.monotonic()
    answer = spoken(live, begun)
    assert time.monotonic() - started < 10
    assert answer.count(b"HTTP/1.1 200") == begun.count(b"\r\n\r\n")


@pytest.mark.parametrize("reads_on", [True, False])
def test_a_client_that_does_not_read_is_cut_off(monkeypatch, reads_on: bool) -> None:
    monkeypatch.setattr(connections, "READ_SECONDS", 0.05)

    async def work() -> bool:
        config = uvicorn.Config(lambda: None, log_config=None, lifespan="off")
        config.load()
        protocol, wire = connections.BoundedHttp(config, ServerState(), app_state={}), Wire()
        protocol.connection_made(wire)
        protocol.pause_writing()  # as the transport does, with much that is not read
        if reads_on:
            protocol.resume_writing()
        async with asyncio.timeout(10):
            while not wire.aborted and not protocol._unread.cancelled():
                await asyncio.sleep(0.01)
        protocol.connection_lost(None)
        return wire.aborted

    assert asyncio.run(work()) is not reads_on


def test_who_is_answered_slowly_is_not_cut_off(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    with live_application(tmp_path, translator=SlowStub(MODEL, 0.8)) as slow:
        answer = httpx.post(f"{slow.url}/translate", json={"text": "你好。"}, trust_env=False)
        assert answer.status_code == 200
