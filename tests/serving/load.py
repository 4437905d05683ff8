"""Load on a live server: a crowd that waits for its answers, and a storm that does not."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

# A request in the shape of an API, and the translation in its answer.
SHAPES: dict[str, tuple[Callable[[str], dict[str, Any]], Callable[[httpx.Response], str]]] = {
    "ours": (
        lambda text: {"method": "POST", "url": "/translate", "json": {"text": text}},
        lambda answer: answer.json()["translation"],
    ),
    "our stream": (
        lambda text: {"method": "POST", "url": "/translate/stream", "json": {"text": text}},
        lambda answer: json.loads(answer.text.rpartition("data: ")[2])["translation"],
    ),
    "LibreTranslate": (
        lambda text: {
            "method": "POST",
            "url": "/translate",
            "data": {"q": text, "source": "zh", "target": "en"},
        },
        lambda answer: answer.json()["translatedText"],
    ),
    "DeepL": (
        lambda text: {
            "method": "POST",
            "url": "/v2/translate",
            "data": {"text": text, "target_lang": "EN"},
        },
        lambda answer: answer.json()["translations"][0]["text"],
    ),
    "Apertium": (
        lambda text: {
            "method": "GET",
            "url": "/translate",
            "params": {"q": text, "langpair": "zh|en"},
        },
        lambda answer: answer.json()["responseData"]["translatedText"],
    ),
}

# What an error may carry; httpx tells a broken connection by the exception's name.
BUSY = (429, 503)


@dataclass
class Load:
    """What the clients saw: statuses (or the exception's name), and wrong answers."""

    statuses: Counter[Any] = field(default_factory=Counter)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        return self.statuses[200]


async def crowd(
    url: str,
    expected: Mapping[str, str],
    *,
    clients: int,
    requests: int | None = None,
    seconds: float = 0.0,
    meanwhile: Callable[[], Any] | None = None,
    shapes: Sequence[str] = ("ours",),
) -> Load:
    """``clients`` at once send texts, each when it has its answer, and compare the answers.

    Args:
        expected: text to translation; every text is asked for in turn.
        requests: how many in all; without it they go on for ``seconds``.
        meanwhile: called in a thread once, after a third of ``requests``.
        shapes: of the requests, in turn (see ``SHAPES``).
    """
    load, texts = Load(), list(expected)
    left: Iterator[int] = iter(_until(seconds) if requests is None else range(requests))
    happened = asyncio.Event()

    async def one(client: httpx.AsyncClient) -> None:
        for n in left:
            await _ask(client, texts[n % len(texts)], expected, load, shapes[n % len(shapes)])
            if requests and n == requests // 3:
                happened.set()

    async def act() -> None:
        if meanwhile:
            await happened.wait()
            await asyncio.to_thread(meanwhile)

    async with _client(url, clients) as client:
        acting = asyncio.ensure_future(act())
        await asyncio.gather(*(one(client) for _ in range(clients)))
        await acting
    return load


async def storm(
    url: str, expected: Mapping[str, str], *, per_second: float, seconds: float
) -> Load:
    """Send texts at a fixed rate whether or not answers come, as a crowd of strangers does."""
    load, texts = Load(), list(expected)
    started = time.monotonic()
    async with _client(url, None) as client, asyncio.TaskGroup() as group:
        for n in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, started + n / per_second - time.monotonic()))
            group.create_task(_ask(client, texts[n % len(texts)], expected, load, pause=0.0))
    return load


async def documents(url: str, content: bytes, expected: bytes, until: asyncio.Event) -> int:
    """One document after another, each compared with ``expected``; how many were translated."""
    count = 0
    async with _client(url, 1) as client:
        while not until.is_set():
            sent = await client.post("/documents", files={"file": ("a.txt", content)})
            assert sent.status_code == 202, sent.text
            place = f"/documents/{sent.json()['id']}"
            while (state := (await client.get(place)).json())["status"] != "done":
                assert state["status"] != "error", state
                await asyncio.sleep(0.05)
            assert (await client.get(f"{place}/content")).content == expected
            assert (await client.delete(place)).status_code == 204
            count += 1
    return count


async def _ask(
    client: httpx.AsyncClient,
    text: str,
    expected: Mapping[str, str],
    load: Load,
    shape: str = "ours",
    pause: float = 0.01,
) -> None:
    """One request. Every refusal must be in our shape and say when to come again."""
    ask, read = SHAPES[shape]
    try:
        response = await client.request(**ask(text))
    except httpx.TransportError as error:
        load.statuses[type(error).__name__] += 1
        return
    load.statuses[response.status_code] += 1
    if response.status_code == 200:
        answer = read(response)
        if answer != expected[text]:
            load.wrong.append((text, answer))
        return
    load.codes[response.json()["error"]["code"]] += 1
    if response.status_code in BUSY:
        assert response.headers["Retry-After"].isdigit()
    await asyncio.sleep(pause)  # a client that is told to wait does not spin


def _until(seconds: float) -> Iterable[int]:
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        yield n
        n += 1


def _client(url: str, connections: int | None) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=connections)
    return httpx.AsyncClient(base_url=url, timeout=120, limits=limits, trust_env=False)
