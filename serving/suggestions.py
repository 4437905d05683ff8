"""Better translations that users offered: a file of JSON lines that only grows."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from csanmt.durable import lock
from csanmt.errors import ConfigurationError, InvalidInputError, NotFoundError, StorageError
from csanmt.tables import from_json

MOST_BYTES = 64 * 1024 * 1024
LOCK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One offer.

    Attributes:
        at: seconds since 1970.
        model: the version that served when it was made.
        q, s: the text and the translation offered for it.
        source, target: the languages as the client named them.
    """

    at: float
    model: str
    q: str
    s: str
    source: str
    target: str


class SuggestionFile:
    """Appends from several processes. A line is there as a whole or not at all.

    Args:
        most: bytes that the file may have.
    """

    def __init__(self, path: str | Path, most: int = MOST_BYTES) -> None:
        self._path = Path(path)
        self._most = most
        self._lock = threading.Lock()

    def add(self, suggestion: Suggestion) -> None:
        """Store it for good.

        Raises:
            StorageError: the file cannot be written, or has as many bytes as it may.
        """
        data = (json.dumps(asdict(suggestion), ensure_ascii=False) + "\n").encode()
        try:
            with self._lock:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
                try:
                    if not lock(descriptor, wait_seconds=LOCK_SECONDS):  # two colours may share it
                        raise StorageError("another process holds the file of suggestions")
                    self._append(descriptor, data)
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise StorageError(f"the suggestion could not be stored: {error.strerror}") from None

    def _append(self, descriptor: int, data: bytes) -> None:
        """All of ``data`` on a line of its own, or what was there before."""
        before = os.fstat(descriptor).st_size
        if before and os.pread(descriptor, 1, before - 1) != b"\n":
            data = b"\n" + data  # after the half line that something else left
        if before + len(data) > self._most:
            raise StorageError(f"the server keeps {self._most} bytes of suggestions, and has them")
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise


def read_suggestions(path: Path) -> tuple[list[Suggestion], list[int]]:
    """All of a file, in order, and the numbers of the lines that are no suggestion.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: it cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist: no suggestions were stored there") from None
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from None
    found, bad = [], []
    for number, line in enumerate(lines, 1):
        try:
            found += [from_json(Suggestion, line)] if line else []
        except ConfigurationError:
            bad.append(number)
    return found, bad
