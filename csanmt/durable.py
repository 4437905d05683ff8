"""Files whose readers see the old content or the new, whatever is killed meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def replace_text(path: Path, text: str) -> None:
    """Give a small file a new content, as ``replacing`` does.

    Raises:
        OSError: it could not be written; the file is as it was.
    """
    with replacing(path) as stream:
        stream.write(text.encode())


@contextmanager
def replacing(path: Path, *, folder: Path | None = None) -> Iterator[IO[bytes]]:
    """A stream whose bytes become ``path`` by one rename when the body ends.

    If the body raises, or the disk is full, ``path`` is as it was and nothing is left
    behind; a killed process leaves its draft.

    Args:
        folder: where the draft is, on the file system of ``path``; by default beside it.

    Raises:
        OSError: it could not be written.
    """
    draft = (folder or path.parent) / f".{path.name}.{os.getpid()}"
    try:
        with draft.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
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
