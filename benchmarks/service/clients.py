"""Clients that keep their connection and cost little: HTTP/1.1 by hand, asyncio's streams."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence


async def latencies(port: int, texts: Sequence[str], clients: int, requests: int) -> list[float]:
    """Seconds of each of ``requests`` requests to /translate, by ``clients`` connections.

    Raises:
        AssertionError: an answer is not 200.
    """
    bodies = [json.dumps({"text": text}, ensure_ascii=False).encode() for text in texts]
    found: list[float] = []

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for turn in range(requests // clients):
            body = bodies[(number * 7 + turn) % len(bodies)]
            started = time.perf_counter()
            writer.write(_request("/translate", body))
            await reader.readexactly(await _length(reader))
            found.append(time.perf_counter() - started)
        writer.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return found


async def until_first_segment(port: int, text: str) -> float:
    """Seconds from a request to /translate/stream to the first translated sentence."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"text": text}, ensure_ascii=False).encode()
    started = time.perf_counter()
    writer.write(_request("/translate/stream", body))
    await reader.readuntil(b"event: segment")
    seconds = time.perf_counter() - started
    await reader.readuntil(b"event: done")
    writer.close()
    return seconds


def _request(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _length(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert b" 200 " in head[:20], head
    return int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
