"""A subject's translations of a suite, and their statistics: kept, so that nothing is asked twice.

One SQLite file holds both, sentence by sentence, each under a digest of all it depends on; a run
that was cut off goes on where it stopped. The answers of a subject without a digest are not kept,
nor are those of a URL: the server behind it may change.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.metrics import METRICS, Rows, extract, signature
from benchmarks.subject import SILENT, Progress, Subject
from benchmarks.suite import Suite
from csanmt.errors import StorageError

FORMAT = 3
FILE = "bench.sqlite"
BATCH = 32  # sentences asked at once while a suite is translated


class AnswerCache:
    """What was answered and scored before; ``root`` None forgets it with the object.

    Raises:
        StorageError: the file cannot be used.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root
        try:
            if root is not None:
                root.mkdir(parents=True, exist_ok=True)
            place = ":memory:" if root is None else root / FILE
            self._db = sqlite3.connect(place, timeout=60, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, value TEXT)")
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"cannot use {root}/{FILE}: {error}") from None

    def keeps(self, subject: Subject) -> bool:
        """Whether its answers may be kept."""
        known = subject.digest is not None and subject.kind == "model"
        return self.root is not None and known

    def find(self, keys: Iterable[bytes]) -> list[Any]:
        """What is kept under each key, or None."""
        ask = "SELECT value FROM kept WHERE key = ?"
        found = (self._db.execute(ask, (key,)).fetchone() for key in keys)
        return [None if row is None else json.loads(row[0]) for row in found]

    def keep(self, pairs: Iterable[tuple[bytes, Any]]) -> None:
        """Keep values under their keys."""
        rows = [(key, json.dumps(value)) for key, value in pairs]
        try:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            raise StorageError(f"cannot write {self.root}/{FILE}: {error}") from None


def _keys(common: Sequence[Any], each: Iterable[Any]) -> list[bytes]:
    """A digest of ``common`` and of each of the others."""
    known = hashlib.sha256(_bytes([FORMAT, *common]))
    keys = []
    for value in each:
        one = known.copy()
        one.update(_bytes(value))
        keys.append(one.digest())
    return keys


def _bytes(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, default=str).encode()


def translate_suite(
    subject: Subject,
    suite: Suite,
    cache: AnswerCache,
    progress: Progress = SILENT,
    workers: int = 1,
) -> list[str]:
    """All answers of a subject to a suite, in order.

    Args:
        workers: threads that ask at once, if the subject is ``parallel``.

    Raises:
        CsanmtError: whatever the subject raises; what was answered before is kept.
    """
    ready = subject.answers(suite)
    if ready is not None:
        return ready
    progress.start(f"{subject.label}: {suite.name}", len(suite.sources))
    keys = _keys(["answer", subject.digest, dict(subject.settings)], suite.sources)
    keeps = cache.keeps(subject)
    found: list[Any] = cache.find(keys) if keeps else [None] * len(keys)
    todo = [i for i, text in enumerate(found) if text is None]
    progress.advance(len(found) - len(todo))
    batches = [todo[i : i + BATCH] for i in range(0, len(todo), BATCH)]
    with ThreadPoolExecutor(workers if subject.parallel else 1) as pool:
        asked = pool.map(lambda b: subject.translate([suite.sources[i] for i in b]), batches)
        for batch, texts in zip(batches, asked, strict=True):
            for i, text in zip(batch, texts, strict=True):
                found[i] = text
            if keeps:
                cache.keep((keys[i], found[i]) for i in batch)
            progress.advance(len(batch))
    progress.finish()
    return found


def suite_statistics(
    key: str,
    suite: Suite,
    hypotheses: Sequence[str],
    cache: AnswerCache,
    progress: Progress = SILENT,
    workers: int = 1,
) -> Rows:
    """As ``extract``; what was scored before is not scored again."""
    references = suite.references
    name = signature(key, len(references))
    keys = _keys(["statistics", name], zip(hypotheses, *references, strict=True))
    rows = cache.find(keys)
    todo = [i for i, row in enumerate(rows) if row is None]
    if todo:
        progress.start(f"{METRICS[key].title}: {suite.name}", len(todo))
        chosen = [[lines[i] for i in todo] for lines in (hypotheses, *references)]
        found = extract(key, chosen[0], chosen[1:], workers, progress.advance)
        progress.finish()
        for i, row in zip(todo, found.tolist(), strict=True):
            rows[i] = row
        cache.keep((keys[i], rows[i]) for i in todo)
    return np.array(rows, dtype=np.float64)
