"""Better translations that users offered: a file of JSON lines that only grows."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from csanmt.errors import InvalidInputError, NotFoundError, StorageError


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
    """Appends from one process; a line is written at once, so a kill leaves no half behind it."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()

    def add(self, suggestion: Suggestion) -> None:
        """Store it for good.

        Raises:
            StorageError: the file cannot be written.
        """
        data = (json.dumps(asdict(suggestion), ensure_ascii=False) + "\n").encode()
        try:
            with self._lock:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                try:
                    os.write(descriptor, data)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise StorageError(f"the suggestion could not be stored: {error.strerror}") from None


def read_suggestions(path: Path) -> list[Suggestion]:
    """All of a file, in order.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: a line is not a suggestion; names it.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist: no suggestions were stored there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}") from None
    return [_read(path, number, line) for number, line in enumerate(lines, 1) if line]


def _read(path: Path, number: int, line: str) -> Suggestion:
    names = [field.name for field in fields(Suggestion)]
    try:
        row = json.loads(line)
        suggestion = Suggestion(**{name: row[name] for name in names})
    except (ValueError, KeyError, TypeError):
        raise InvalidInputError(f"{path}, line {number}: not a suggestion") from None
    if not all(isinstance(getattr(suggestion, name), str) for name in names[1:]):
        raise InvalidInputError(f"{path}, line {number}: not a suggestion")
    return suggestion
