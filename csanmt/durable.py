"""Files that stay whole: readers see the old content or the new, whatever is killed meanwhile."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3


def replace_text(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Give a small file a new content, as ``replacing`` does.

    Raises:
        OSError: it could not be written; the file is as it was.
    """
    with replacing(path, mode=mode) as stream:
        stream.write(text.encode())


@contextmanager
def replacing(path: Path, *, folder: Path | None = None, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """A stream whose bytes become ``path`` by one rename when the body ends.

    If the body raises, or the disk is full, ``path`` is as it was and nothing is left
    behind; a killed process leaves its draft.

    Args:
        folder: where the draft is, on the file system of ``path``; by default beside it.
        mode: whom the file lets in, from its first byte on, less the process's umask.

    Raises:
        OSError: it could not be written.
    """
    draft = (folder or path.parent) / f".{path.name}.{os.getpid()}"
    try:
        with open(draft, "wb", opener=partial(os.open, mode=mode)) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        error.filename = error.filename or os.fspath(path)  # a full disk names none
        raise
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def lock(
    file: IO[Any] | int,
    *,
    shared: bool = False,
    wait_seconds: float = 0.0,
    on_wait: Callable[[], None] | None = None,
) -> bool:
    """Lock an open file (or its descriptor) against its other openings, also of this process.

    The lock is advisory; closing the file frees it, and so does any death of the process.

    Args:
        shared: beside other shared locks.
        wait_seconds: how long to wait for those who hold it.
        on_wait: called once if there is something to wait for.

    Returns:
        Whether it was obtained.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    end = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            if on_wait is not None:
                on_wait()
                on_wait = None
            time.sleep(0.01)


def write_ahead(database: sqlite3.Connection, *, wait_seconds: float) -> None:
    """Give a database SQLite's write-ahead log, in which who reads waits for nobody who writes.

    SQLite's own timeout does not hold here: of several who make one file at the same moment
    it refuses all but one at once.

    Raises:
        sqlite3.OperationalError: it cannot be written, or others held it all the time.
    """
    import sqlite3  # for those only who have a database

    end = time.monotonic() + wait_seconds
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= end:
                raise
            time.sleep(0.01)
