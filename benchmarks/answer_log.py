"""The file that keeps a subject's answers to a suite, so that a run can be continued.

One JSON line ``[index, text]`` a sentence, in order. What follows the first line that is
not the next sentence's is damage and is cut off. One process or thread at a time has the
file; another waits, and then finds the answers there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from csanmt.durable import lock
from csanmt.errors import StorageError

FORMAT = 2


@dataclass(slots=True)
class AnswerLog:
    """``found``: the answers to the first sentences, as far as they are kept."""

    found: list[str]
    _stream: IO[bytes]

    def append(self, batch: Sequence[str]) -> None:
        """Keep the answers to the next sentences."""
        start = len(self.found)
        lines = (json.dumps([start + i, text]) + "\n" for i, text in enumerate(batch))
        self._stream.write("".join(lines).encode())
        self._stream.flush()
        self.found += batch


@contextmanager
def open_log(path: Path, sentences: int) -> Iterator[AnswerLog]:
    """The log of a suite of so many sentences, for this caller alone.

    Raises:
        StorageError: it cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as stream:
            lock(stream, wait_seconds=math.inf)
            yield AnswerLog(_recover(stream, sentences), stream)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def _recover(stream: IO[bytes], sentences: int) -> list[str]:
    """The answers from the first sentence on; what is not one of them is cut off the file."""
    stream.seek(0)
    found: list[str] = []
    end = 0
    for line in stream:
        text = _text_of(line, len(found))
        if text is None or len(found) == sentences:
            break
        found.append(text)
        end += len(line)
    stream.truncate(end)
    return found


def _text_of(line: bytes, index: int) -> str | None:
    """The text of a whole line of this index."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    whole = line.endswith(b"\n") and isinstance(row, list) and len(row) == 2
    return row[1] if whole and row[0] == index and isinstance(row[1], str) else None
