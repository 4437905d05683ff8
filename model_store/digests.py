"""SHA-256 of files, and one digest that stands for all files of a version.

The digest of a version is what ``sha256sum`` prints for the list that
``sha256sum`` prints for its files, sorted by path in byte order::

    cd VERSION && find . -type f ! -name model.yaml ! -name provenance.json -printf '%P\\n' |
        LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum

so it depends on contents and names alone, and anybody can recompute it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from csanmt.errors import InvalidInputError

_CHUNK = 1 << 20  # bytes
_watcher: ContextVar[Callable[[int], None] | None] = ContextVar("watcher", default=None)


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Size in bytes and SHA-256 in lower-case hexadecimal."""

    size: int
    sha256: str


@contextmanager
def watching(watcher: Callable[[int], None]) -> Iterator[None]:
    """Tell ``watcher`` of every stretch of bytes that is digested in the body: for progress."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def digest_file(path: Path) -> FileDigest:
    """Read ``path`` once."""
    with path.open("rb") as stream:
        return digest_stream(stream)


def digest_stream(source: IO[bytes], sink: IO[bytes] | None = None) -> FileDigest:
    """Read ``source`` to its end, copying to ``sink`` on the way if there is one."""
    sha256, size, watch = hashlib.sha256(), 0, _watcher.get()
    while chunk := source.read(_CHUNK):
        sha256.update(chunk)
        size += len(chunk)
        if watch is not None:
            watch(len(chunk))
        if sink is not None:
            sink.write(chunk)
    return FileDigest(size, sha256.hexdigest())


def model_digest(files: Mapping[str, FileDigest]) -> str:
    """The digest of the digests, as ``sha256:<hex>``; see the head of this module."""
    listing = "".join(f"{files[path].sha256}  {path}\n" for path in sorted(files, key=str.encode))
    return "sha256:" + hashlib.sha256(listing.encode()).hexdigest()


def walk_files(directory: Path) -> Iterator[str]:
    """Relative POSIX paths of all regular files under ``directory``, sorted.

    Raises:
        InvalidInputError: there is a link, a device, or a name that no archive could carry.
    """
    for parent, folders, names in os.walk(directory):
        folders.sort()
        for name in sorted(folders + names):
            path = Path(parent, name)
            mode = path.lstat().st_mode
            relative = path.relative_to(directory).as_posix()
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                kind = "a link" if stat.S_ISLNK(mode) else "not a regular file"
                raise InvalidInputError(f"{relative!r} in {str(directory)!r} is {kind}")
            if not relative.isprintable() or "\\" in relative:
                raise InvalidInputError(f"file name {relative!r} is not allowed in a model")
            if stat.S_ISREG(mode):
                yield relative
