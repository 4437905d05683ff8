"""Lines of a file, a pipe or a terminal, in batches that never make the writer wait.

A batch is what has arrived by the time the last one is done, at most ``size``
lines: a file comes in full batches, a person at a terminal gets an answer after
every line, and the order is always that of the input.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from dataclasses import dataclass

from csanmt.errors import InvalidInputError

_CHUNK = 1 << 16  # bytes
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text and what ended it: ``\\n``, ``\\r\\n`` or nothing (the last line)."""

    text: str
    ending: str
    size: int  # bytes in the input, ending included


def line_batches(descriptor: int, size: int, name: str) -> Iterator[list[Line]]:
    """Read an open file to its end.

    Only ``\\n`` ends a line: form feeds and Unicode's line separators are text.

    Args:
        size: most lines in a batch.
        name: what to call the input in errors.

    Raises:
        InvalidInputError: a line is not UTF-8; says which.
    """
    buffer, waiting, number = bytearray(), list[Line](), 0
    ended = False
    while not ended or waiting:
        while waiting and (ended or len(waiting) >= size or not _readable(descriptor)):
            yield waiting[:size]
            del waiting[:size]
        if ended:
            continue
        chunk = os.read(descriptor, _CHUNK)
        ended = not chunk
        buffer += chunk
        *complete, rest = bytes(buffer).split(b"\n")
        buffer = bytearray(rest)
        raw = [line + b"\n" for line in complete]
        if ended and buffer:
            raw.append(bytes(buffer))
        for line in raw:
            number += 1
            try:
                waiting.append(_decode(line, number, name))
            except InvalidInputError:
                if waiting:
                    yield waiting  # what came before the bad line is not lost
                raise


def _decode(raw: bytes, number: int, name: str) -> Line:
    content = raw.removeprefix(_BOM) if number == 1 else raw
    ending = b"\r\n" if content.endswith(b"\r\n") else b"\n" if content.endswith(b"\n") else b""
    try:
        text = content[: len(content) - len(ending)].decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{name}, line {number}: not UTF-8 at byte {error.start + 1}; convert it first, "
            "e.g. with iconv -f GB18030 -t UTF-8"
        ) from error
    return Line(text, ending.decode("ascii"), len(raw))


def _readable(descriptor: int) -> bool:
    """Would a read return at once? True at the end of the input too."""
    return bool(select.select([descriptor], [], [], 0)[0])
