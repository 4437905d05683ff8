"""Files that may be compressed, by the end of their name: ``.gz``, ``.xz`` or neither."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any, cast

from csanmt.errors import InvalidInputError

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}


@contextmanager
def reading(path: Path) -> Iterator[IO[bytes]]:
    """The uncompressed bytes of ``path``.

    Raises:
        InvalidInputError: the body met the end or damage of a compressed stream.
    """
    try:
        with _OPENERS.get(path.suffix.lower(), open)(path, "rb") as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        raise InvalidInputError(f"{str(path)!r} is damaged or cut off: {error}") from error


def compressing(sink: IO[bytes], name: str) -> AbstractContextManager[IO[bytes]]:
    """A stream into ``sink``, compressed as ``name`` says, with no time or name inside."""
    if name.lower().endswith(".gz"):
        return cast(IO[bytes], gzip.GzipFile(filename="", mode="wb", fileobj=sink, mtime=0))
    if name.lower().endswith(".xz"):
        return cast(IO[bytes], lzma.open(sink, "wb"))
    return nullcontext(sink)
