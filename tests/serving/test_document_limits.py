"""Documents made to freeze or flood the service, and owners who want all of it."""

from __future__ import annotations

import asyncio
import errno
import tempfile
import time
from typing import Any

import pytest

from csanmt.documents.limits import DocumentError, DocumentTooLargeError
from serving.documents import upload
from serving.documents.parsers import ParserPool
from serving.documents.turns import FairTurns
from serving.http.keys import ApiKey, KeyRing, hash_key
from tests.serving.conftest import Serve
from tests.serving.test_documents import LIBRE, bearer, ring, send, translated, wait_for


def folder_with(tmp_path, name: str, data: bytes) -> dict[str, Any]:
    (tmp_path / "source").write_bytes(data)
    limits = {"characters": 10**9, "units": 10**9}
    return {
        "do": "open",
        "folder": str(tmp_path),
        "name": name,
        "limits": limits,
        "languages": ["zh", "en"],
    }


MANY = b"<b>a</b>\n" * 500_000


@pytest.mark.parametrize(
    ("memory", "seconds", "words"),
    [(300 << 20, 60.0, "memory"), (4 << 30, 0.2, "time")],
    ids=["memory", "seconds"],
)
def test_parser_beyond_its_limits_is_replaced(tmp_path, memory, seconds, words) -> None:
    async def run() -> dict[str, Any]:
        pool = ParserPool(1, memory=memory, seconds=seconds)
        try:
            with pytest.raises(DocumentTooLargeError, match=words):
                await pool.run("x", folder_with(tmp_path, "a.html", MANY))
            return await pool.run("x", folder_with(tmp_path, "a.txt", "你好".encode()))
        finally:
            await pool.stop()

    assert asyncio.run(run())["characters"] == 2


def test_parser_that_dies_costs_its_document_alone(tmp_path) -> None:
    async def run() -> dict[str, Any]:
        pool = ParserPool(1)
        try:
            asked = asyncio.create_task(pool.run("x", folder_with(tmp_path, "a.html", MANY)))
            while not pool._all:
                await asyncio.sleep(0.01)
            next(iter(pool._all)).kill()
            with pytest.raises(DocumentError):
                await asked
            return await pool.run("x", folder_with(tmp_path, "a.txt", "你好".encode()))
        finally:
            await pool.stop()

    assert asyncio.run(run())["characters"] == 2


def test_turns_go_round_between_owners() -> None:
    async def run() -> list[str]:
        turns, order = FairTurns(1), []

        async def work(owner: str, rank: int) -> None:
            async with turns.turn(owner, rank):
                order.append(f"{owner}{rank}")
                await asyncio.sleep(0)

        wanted = [("a", 0), ("a", 2), ("a", 1), ("b", 5), ("a", 3), ("c", 6)]
        await asyncio.gather(*(work(*one) for one in wanted))
        return order

    assert asyncio.run(run()) == ["a0", "b5", "c6", "a1", "a2", "a3"]


def test_one_owner_never_has_all_turns() -> None:
    async def run() -> None:
        turns = FairTurns(2, 1)
        async with turns.turn("a"):
            waiting = asyncio.create_task(turns.turn("a").__aenter__())
            async with asyncio.timeout(5), turns.turn("b"):
                assert not waiting.done()
            waiting.cancel()

    asyncio.run(run())


def test_one_owner_may_hold_so_many_and_no_more(serve: Serve) -> None:
    client = serve(keys=ring(), document_jobs=4, document_jobs_each=1, translator=Slow()).client
    assert send(client, headers=bearer("one")).status_code == 202
    more = send(client, headers=bearer("one"))
    assert (more.status_code, more.json()["error"]["code"]) == (429, "overloaded")
    assert send(client, headers=bearer("two")).status_code == 202


class Slow:
    """A translator that fails every document by its time."""

    model_tag, source_language, target_language = "m", "zh", "en"

    def translate(self, sources: Any, options: Any = None, *, should_stop: Any = None) -> Any:
        while not (should_stop and should_stop()):
            time.sleep(0.01)
        return []


def test_what_fails_or_is_cancelled_is_not_charged(serve: Serve) -> None:
    keys = KeyRing((ApiKey("one", hash_key("csk_one"), characters_per_day=10),))
    client = serve(keys=keys, translator=Slow(), document_timeout=0.05).client
    failed = send(client, data="好".encode() * 8, headers=bearer("one")).json()["id"]
    wait_for(client, failed, "error", headers=bearer("one"))
    cancelled = send(client, data="好".encode() * 8, headers=bearer("one"))
    assert cancelled.status_code == 202
    client.delete(f"/documents/{cancelled.json()['id']}", headers=bearer("one"))
    assert send(client, data="好".encode() * 8, headers=bearer("one")).status_code == 202


def test_documents_are_fetched_through_their_own_api_alone(serve: Serve) -> None:
    client = serve().client
    ours = translated(client)
    files = {"file": ("a.txt", "你好".encode())}
    deepl = client.post("/v2/document", files=files, data={"target_lang": "EN"}).json()
    url = client.post("/translate_file", files=files, data=LIBRE).json()["translatedFileUrl"]
    libre = url.rpartition("/")[2].partition(".")[0]
    for identity in (ours, deepl["document_id"]):
        assert client.get(f"/download_file/{identity}.txt").status_code == 404
    for identity in (libre, deepl["document_id"]):
        assert client.get(f"/documents/{identity}/content").status_code == 404
    key = {"document_key": deepl["document_key"]}
    assert client.post(f"/v2/document/{ours}", data=key).status_code == 404


def test_documents_of_before_a_restart_are_said_to_be_lost(serve: Serve) -> None:
    identity = translated(serve().client)
    again = serve().client
    answer = again.get(f"/documents/{identity}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "document_lost")
    key = {"document_key": "x"}
    assert "send it again" in again.post(f"/v2/document/{identity}", data=key).json()["message"]
    assert "send it again" in again.get(f"/download_file/{identity}.txt").json()["error"]
    assert again.get("/documents/none").json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [(errno.ENOSPC, 507, "storage_full"), (errno.EIO, 503, "unavailable")],
)
def test_disk_that_takes_no_more_is_the_servers_fault(
    serve: Serve, monkeypatch, caplog, number, status, code
) -> None:
    def store(*_: Any) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(upload, "_store", store)
    caplog.set_level("ERROR", "csanmt.documents")
    answer = send(serve().client)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_nothing_of_a_document_stays_on_the_disk(serve: Serve, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "csanmt-documents-999999999-x").mkdir()  # of a server that was killed
    client = serve().client
    identity = translated(client)
    (root,) = tmp_path.iterdir()
    assert oct(root.stat().st_mode & 0o777) == "0o700"
    client.delete(f"/documents/{identity}")
    assert not list(root.iterdir())
    assert send(client, "a.exe").status_code == 415
    assert not list(root.iterdir())
