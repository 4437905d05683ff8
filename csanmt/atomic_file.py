"""A file that is written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path, *, folder: Path | None = None) -> Iterator[IO[bytes]]:
    """A stream whose bytes become ``path`` by one rename when the body ends, on disk before.

    If the body raises, or the disk is full, ``path`` stays as it was and nothing is left
    behind; a killed process leaves its temporary file in ``folder``.

    Args:
        folder: where the temporary file is made, on the file system of ``path``; by
            default beside it.

    Raises:
        OSError: the file cannot be written.
    """
    draft = (folder or path.parent) / f".{path.name}.{os.getpid()}"
    try:
        with draft.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames within ``folder`` survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
