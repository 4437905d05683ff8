"""The memory on disk: SQLite in WAL mode, so that several processes read and write it.

Newer answers to the same sentence replace older ones. When there are more entries than
allowed, those go that were not used for longest.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import Indel

from csanmt.durable import write_ahead
from csanmt.errors import InvalidInputError, NotFoundError, StorageError
from csanmt.memory.entries import (
    Direction,
    Entry,
    Match,
    TranslationUnit,
    by_sentence,
    normalised,
    storable,
)

LEAST = 0.75  # similarity of what is offered: 2 · (characters in common, in order) / (both lengths)
MAX_ENTRIES = 20_000
BUSY_SECONDS = 10.0  # another process may write for so long
SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    source_language TEXT NOT NULL, target_language TEXT NOT NULL, model TEXT NOT NULL,
    key TEXT NOT NULL,              -- the source, normalised
    source TEXT NOT NULL, target TEXT NOT NULL, origin TEXT NOT NULL,
    created REAL NOT NULL, used REAL NOT NULL, hits INTEGER NOT NULL DEFAULT 0,
    UNIQUE (source_language, target_language, key, model)
);
CREATE INDEX IF NOT EXISTS entries_used ON entries (used);
CREATE TABLE IF NOT EXISTS changes (count INTEGER NOT NULL);
INSERT INTO changes SELECT 0 WHERE NOT EXISTS (SELECT * FROM changes);
"""
COLUMNS = "id, source_language, target_language, model, source, target, origin, created, used, hits"
HERE = "source_language = ? AND target_language = ? AND model IN (?, '')"


class TranslationMemory:
    """See the module. Safe for several threads and processes.

    Args:
        path: made if it does not exist, with its folder.
        most: entries kept.
        clock: seconds since the epoch.
        create: make it if it does not exist.

    Raises:
        NotFoundError: it does not exist and is not to be made.
        StorageError: the file cannot be opened, or is no memory.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        most: int = MAX_ENTRIES,
        clock: Callable[[], float] = time.time,
        create: bool = True,
    ) -> None:
        self.path = Path(path)
        self._most, self._clock = most, clock
        self._writing_lock, self._reading_lock = threading.Lock(), threading.Lock()
        self._similar: dict[Direction, tuple[int, dict[int, str]]] = {}
        if not create and not self.path.exists():
            raise NotFoundError(f"there is no translation memory {str(path)!r}")
        with _storage_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            self._writer = self._connected()
            write_ahead(self._writer, wait_seconds=BUSY_SECONDS)
            self._writer.execute("PRAGMA synchronous = NORMAL")
            self._writer.executescript("BEGIN IMMEDIATE;" + SCHEMA + "COMMIT;")
            self._reader = self._connected()  # in WAL mode nobody who writes makes it wait

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level="IMMEDIATE"
        )

    def close(self) -> None:
        with self._writing_lock, self._reading_lock:
            self._writer.close()
            self._reader.close()

    # --- writing ---------------------------------------------------------------------------

    def add(self, direction: Direction, pairs: Iterable[TranslationUnit]) -> int:
        """Store pairs sentence by sentence; returns how many sentences.

        Raises:
            InvalidInputError: a pair has an empty or overlong side; nothing is stored.
            StorageError: the disk is full or fails, or another process does not let go.
        """
        rows = []
        now = self._clock()
        place = (direction.source, direction.target, direction.model)
        for pair in pairs:
            for one in by_sentence(pair):
                if not storable(one):
                    raise InvalidInputError(f"not a pair of texts: {one.source[:60]!r}")
                key = normalised(one.source)
                rows.append((*place, key, one.source, one.target, one.origin, now, now))
        with self._writing() as database:
            database.executemany(
                "INSERT INTO entries (source_language, target_language, model, key, source,"
                " target, origin, created, used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET source = excluded.source, target = excluded.target,"
                " origin = excluded.origin, created = excluded.created, used = excluded.used",
                rows,
            )
            database.execute(
                "DELETE FROM entries WHERE id IN (SELECT id FROM entries ORDER BY used, id"
                " LIMIT max(0, (SELECT count(*) FROM entries) - ?))",
                (self._most,),
            )
        return len(rows)

    def forget(
        self,
        *,
        ids: Sequence[int] = (),
        source: str | None = None,
        origin: str | None = None,
        everything: bool = False,
    ) -> int:
        """Delete the entries that any of the criteria names; returns how many."""
        with self._writing() as database:
            before = database.total_changes
            if everything:
                database.execute("DELETE FROM entries")
            database.executemany("DELETE FROM entries WHERE id = ?", [(key,) for key in ids])
            if source is not None:
                database.execute("DELETE FROM entries WHERE key = ?", (normalised(source),))
            if origin is not None:
                database.execute("DELETE FROM entries WHERE origin = ?", (origin,))
            return database.total_changes - before

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; the caches of all processes learn of it."""
        with self._writing_lock, _storage_errors(self.path), self._writer:
            yield self._writer
            self._writer.execute("UPDATE changes SET count = count + 1")

    # --- reading ---------------------------------------------------------------------------

    def exact(self, direction: Direction, sentences: Sequence[str]) -> dict[str, Match]:
        """Those of ``sentences`` that are remembered; an entry for the model goes before others.

        Raises:
            StorageError: the file cannot be read.
        """
        found: dict[str, Match] = {}
        ids = []
        with self._reading_lock, _storage_errors(self.path):
            for sentence in dict.fromkeys(sentences):
                row = self._reader.execute(
                    f"SELECT {COLUMNS} FROM entries WHERE {HERE} AND key = ?"
                    " ORDER BY model DESC LIMIT 1",
                    (direction.source, direction.target, direction.model, normalised(sentence)),
                ).fetchone()
                if row:
                    found[sentence] = Match(1.0, _entry(row).pair)
                    ids.append(int(row[0]))
        if ids:
            self._note_use(ids)
        return found

    def _note_use(self, ids: Sequence[int]) -> None:
        """Count hits. Losing a count to a writer or a full disk is better than losing a hit."""
        if not self._writing_lock.acquire(blocking=False):
            return
        now = self._clock()
        try:
            self._writer.execute("PRAGMA busy_timeout = 50")
            with self._writer:
                self._writer.executemany(
                    "UPDATE entries SET hits = hits + 1, used = ? WHERE id = ?",
                    [(now, i) for i in ids],
                )
        except sqlite3.Error:
            return
        finally:
            with suppress(sqlite3.Error):
                self._writer.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
            self._writing_lock.release()

    def similar(self, direction: Direction, sentence: str) -> Match | None:
        """The entry most like ``sentence``, if it is similar enough to be offered.

        Raises:
            StorageError: the file cannot be read.
        """
        with self._reading_lock, _storage_errors(self.path):
            found = process.extractOne(
                normalised(sentence),
                self._sources(direction),
                scorer=Indel.normalized_similarity,
                score_cutoff=LEAST,
            )
            if found is None:
                return None
            row = self._reader.execute(
                f"SELECT {COLUMNS} FROM entries WHERE id = ?", (found[2],)
            ).fetchone()
        return Match(found[1], _entry(row).pair) if row else None

    def _sources(self, direction: Direction) -> dict[int, str]:
        """Those of the direction by id, read again when any process has changed the entries."""
        (count,) = self._reader.execute("SELECT count FROM changes").fetchone()
        known = self._similar.get(direction)
        if known is None or known[0] != count:
            rows = self._reader.execute(
                f"SELECT id, key FROM entries WHERE {HERE} ORDER BY length(key)",
                (direction.source, direction.target, direction.model),
            )
            known = self._similar[direction] = (count, dict(rows))
        return known[1]

    def entries(self, containing: str = "") -> Iterator[Entry]:
        """All entries, or those whose source or translation holds a text; newest first."""
        with self._reading_lock, _storage_errors(self.path):
            rows = self._reader.execute(
                f"SELECT {COLUMNS} FROM entries WHERE instr(source, ?1) OR instr(target, ?1)"
                " ORDER BY created DESC, id DESC",
                (containing,),
            ).fetchall()
        return map(_entry, rows)

    def __len__(self) -> int:
        with self._reading_lock, _storage_errors(self.path):
            (count,) = self._reader.execute("SELECT count(*) FROM entries").fetchone()
        return int(count)


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(row[0], Direction(*row[1:4]), TranslationUnit(*row[4:7]), *row[7:])


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"the translation memory {str(path)!r}: {error}") from error
