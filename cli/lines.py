"""Lines of a file, a pipe or a terminal, in batches that never make the writer wait.

A batch is of what has arrived by the time the last one is done: a file comes in full
batches, a person at a terminal gets an answer after every line.
"""

from __future__ import annotations

import os
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
    rest, number, ended = b"", 0, False
    while not ended:
        chunk = os.read(descriptor, _CHUNK)
        ended = not chunk
        *complete, rest = (rest + chunk).split(b"\n")
        lines = [line + b"\n" for line in complete] + ([rest] if ended and rest else [])
        for start in range(0, len(lines), size):
            batch = list[Line]()
            for line in lines[start : start + size]:
                number += 1
                try:
                    batch.append(_decode(line, number, name))
                except InvalidInputError:
                    if batch:
                        yield batch  # what came before the bad line is not lost
                    raise
            yield batch


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
