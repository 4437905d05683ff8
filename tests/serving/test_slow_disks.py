"""A file that somebody else holds costs those who want it, and nobody else."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import Serve

WAITING = 40  # more than the threads that a process has for everything
SUGGESTED = {"q": "你好", "s": "Hi", "source": "zh", "target": "en"}


@contextmanager
def locked_glossaries(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        yield
        other.execute("rollback")


@contextmanager
def locked_suggestions(path: Path) -> Iterator[None]:
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize(
    ("setting", "lock", "path", "body"),
    [
        ("glossaries_file", locked_glossaries, "/glossaries", {"name": "a", "terms": {"你": "u"}}),
        ("suggestions_file", locked_suggestions, "/suggest", SUGGESTED),
    ],
)
def test_others_do_not_wait(
    serve: Serve, tmp_path: Path, setting: str, lock: Callable[..., Any], path: str, body: Any
) -> None:
    file = tmp_path / "kept"
    client = serve(**{setting: str(file)}).client
    assert client.post(path, json=body).is_success
    with ThreadPoolExecutor(WAITING) as pool:
        with lock(file):
            held = [pool.submit(client.post, path, json=body) for _ in range(WAITING)]
            long = "你好。" * 1000  # long enough to be taken apart beside the event loop
            answer = client.post("/translate", json={"text": long})
            assert answer.status_code == 200
            assert not any(request.done() for request in held)
        assert {request.result().status_code for request in held} <= {200, 201}
