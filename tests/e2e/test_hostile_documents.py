"""A real server while one caller floods it with documents made to freeze it: nobody else waits."""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from serving.http.keys import hash_key
from tests.serving.live_server import STUB, LiveServer, live_server

pytestmark = pytest.mark.e2e

UPLOADS = 10
ANSWERED = 0.25  # seconds in which /livez answers
NOISE = 0.02  # share of its answers that this machine's other work may delay
DONE = 5.0  # seconds in which another caller's small document is translated
GATEWAY = 200 << 20  # bytes that the gateway may ever have used


def packed(name: str, data: bytes) -> bytes:
    target = io.BytesIO()
    types = (
        '<Types><Default Extension="xml" ContentType="application/vnd.openxmlformats-'
        'officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("[Content_Types].xml", types)
        out.writestr(name, data)
    return target.getvalue()


PARAGRAPH = b"<w:p><w:r><w:t>a</w:t></w:r></w:p>"
WORD = b'<w:d xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">%s</w:d>'
# Each took a minute, or gigabytes, where it was read in the gateway without limits.
HOSTILE = {
    "blanks.md": b"a" + b" " * 60_000 + b"b",
    "paragraphs.md": b"a\n\n" * 300_000,
    "declarations.xlf": ("<?xml" * 24_000).encode("utf-16"),
    "types.html": b"<!DOCTYPE<[>" * 10_000,
    "tags.srt": b"1\n00:00:01,000 --> 00:00:02,000\n" + b"<a>" * 8_000 + b"</b>" * 8_000,
    "braces.json": b'"' + b"{{" * 20_000 + b'"',
    "paragraphs.docx": packed("word/document.xml", WORD % (PARAGRAPH * 400_000)),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    keys = [
        {"name": n, "sha256": hash_key(f"csk_{n}"), "scopes": ["translate"]} for n in ("one", "two")
    ]
    (home / "keys.json").write_text(json.dumps({"keys": keys}))
    with live_server(home, workers=1, api_keys_file=home / "keys.json", **STUB) as started:
        yield started


@dataclass
class Watch:
    """How long /livez took each time, and another caller's document."""

    client: httpx.AsyncClient
    answers: list[float] = field(default_factory=list)
    done: float = 0.0

    async def send(self, owner: str, name: str, data: bytes) -> httpx.Response:
        headers = {"Authorization": f"Bearer csk_{owner}"}
        return await self.client.post("/documents", files={"file": (name, data)}, headers=headers)

    async def other_caller(self) -> None:
        started = time.monotonic()
        identity = (await self.send("two", "a.txt", "你好".encode())).json()["id"]
        headers = {"Authorization": "Bearer csk_two"}
        status = ""
        while status != "done":
            await asyncio.sleep(0.05)
            status = (await self.client.get(f"/documents/{identity}", headers=headers)).json()[
                "status"
            ]
        self.done = time.monotonic() - started

    async def livez(self, tasks: list[asyncio.Task[None]]) -> None:
        while not all(task.done() for task in tasks):
            started = time.monotonic()
            await self.client.get("/livez")
            self.answers.append(time.monotonic() - started)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", HOSTILE)
def test_nobody_waits_for_hostile_documents(server: LiveServer, name) -> None:
    async def flood() -> tuple[Watch, list[httpx.Response]]:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            watch = Watch(client)
            uploads = [
                asyncio.create_task(watch.send("one", name, HOSTILE[name])) for _ in range(UPLOADS)
            ]
            other = asyncio.create_task(watch.other_caller())
            await watch.livez([*uploads, other])
            return watch, [await upload for upload in uploads]

    watch, refused = asyncio.run(flood())
    late = [seconds for seconds in watch.answers if seconds > ANSWERED]
    print(
        f"/livez {len(watch.answers)} times, {max(watch.answers):.3f} s at most; "
        f"the other's document {watch.done:.2f} s; gateway {peak(server) >> 20} MB"
    )
    assert len(late) <= NOISE * len(watch.answers) + 1
    assert max(watch.answers) < 10 * ANSWERED
    assert watch.done < DONE
    assert peak(server) < GATEWAY
    assert {answer.status_code for answer in refused} <= {202, 413, 422, 429}


def peak(server: LiveServer) -> int:
    """Most bytes that the gateway had in memory."""
    status = Path(f"/proc/{server.gateway_pid()}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10
