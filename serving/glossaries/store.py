"""Glossaries on disk: one SQLite file, each change one transaction.

A glossary belongs to the key it was made with; where keys are off, to everybody.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from csanmt.errors import InvalidInputError, NotFoundError, StorageError
from csanmt.glossary import Pair

MOST_OF_ONE_OWNER = 1000
MAX_NAME = 1024
Languages = tuple[str, str]  # source, target; ISO 639-1

_SCHEMA = """
create table if not exists glossaries (
    id text primary key, owner text not null, name text not null, created real not null
);
create index if not exists glossaries_by_owner on glossaries (owner, created);
create table if not exists dictionaries (
    glossary text not null references glossaries (id) on delete cascade,
    source text not null, target text not null, entries text not null,
    primary key (glossary, source, target)
);
"""


@dataclass(frozen=True, slots=True)
class Glossary:
    """Term pairs by direction."""

    identity: str
    name: str
    created: float
    dictionaries: Mapping[Languages, tuple[Pair, ...]]

    @property
    def created_at(self) -> str:
        """RFC 3339, UTC."""
        return datetime.fromtimestamp(self.created, UTC).isoformat(timespec="milliseconds")


class GlossaryStore:
    """Args: ``path``: the file; empty keeps everything in memory, until the server ends.

    Raises:
        StorageError: from any method; the file cannot be read or written.
    """

    def __init__(self, path: str = "") -> None:
        self._path = path or ":memory:"
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._open is None:
                    self._open = sqlite3.connect(self._path, timeout=10, check_same_thread=False)
                    self._open.execute("pragma foreign_keys = on")
                    self._open.executescript(_SCHEMA)
                with self._open:
                    yield self._open
            except sqlite3.Error as error:
                raise StorageError(f"the glossaries cannot be kept: {error}") from None

    def create(
        self, owner: str, name: str, dictionaries: Mapping[Languages, tuple[Pair, ...]]
    ) -> Glossary:
        """Raises InvalidInputError: the name is empty or too long, or there are too many."""
        name = _name(name)
        glossary = Glossary(str(uuid.uuid4()), name, round(time.time(), 3), dict(dictionaries))
        with self._transaction() as database:
            count = database.execute("select count(*) from glossaries where owner = ?", (owner,))
            if count.fetchone()[0] >= MOST_OF_ONE_OWNER:
                raise InvalidInputError(f"there are {MOST_OF_ONE_OWNER} glossaries already")
            database.execute(
                "insert into glossaries values (?, ?, ?, ?)",
                (glossary.identity, owner, name, glossary.created),
            )
            for languages, pairs in dictionaries.items():
                _put(database, glossary.identity, languages, pairs)
        return glossary

    def all(self, owner: str) -> list[Glossary]:
        """Oldest first."""
        with self._transaction() as database:
            rows = database.execute(
                "select id, name, created from glossaries where owner = ? order by created, id",
                (owner,),
            ).fetchall()
            return [_glossary(database, row) for row in rows]

    def get(self, owner: str, name_or_id: str) -> Glossary:
        """By id, or by name (the newest of that name). Raises NotFoundError."""
        with self._transaction() as database:
            row = database.execute(
                "select id, name, created from glossaries where owner = ? and (id = ? or name = ?)"
                " order by id = ? desc, created desc limit 1",
                (owner, name_or_id, name_or_id, name_or_id),
            ).fetchone()
            if row is None:
                raise NotFoundError("Glossary not found")
            return _glossary(database, row)

    def delete(self, owner: str, identity: str) -> None:
        """Raises NotFoundError."""
        with self._transaction() as database:
            done = database.execute(
                "delete from glossaries where owner = ? and id = ?", (owner, identity)
            )
            if not done.rowcount:
                raise NotFoundError("Glossary not found")

    def rename(self, owner: str, identity: str, name: str) -> None:
        """Raises NotFoundError, InvalidInputError."""
        with self._transaction() as database:
            done = database.execute(
                "update glossaries set name = ? where owner = ? and id = ?",
                (_name(name), owner, identity),
            )
            if not done.rowcount:
                raise NotFoundError("Glossary not found")

    def put(self, owner: str, identity: str, languages: Languages, pairs: tuple[Pair, ...]) -> None:
        """Replace the pairs of one direction, or add them. Raises NotFoundError."""
        with self._transaction() as database:
            _owned(database, owner, identity)
            _put(database, identity, languages, pairs)

    def drop(self, owner: str, identity: str, languages: Languages) -> None:
        """Remove one direction. Raises NotFoundError."""
        with self._transaction() as database:
            _owned(database, owner, identity)
            done = database.execute(
                "delete from dictionaries where glossary = ? and source = ? and target = ?",
                (identity, *languages),
            )
            if not done.rowcount:
                raise NotFoundError("Dictionary not found")


def _name(name: str) -> str:
    if not name.strip() or len(name) > MAX_NAME or any("\ud800" <= c <= "\udfff" for c in name):
        raise InvalidInputError(f"a glossary's name must have 1 to {MAX_NAME} characters")
    return name.strip()


def _owned(database: sqlite3.Connection, owner: str, identity: str) -> None:
    found = database.execute(
        "select 1 from glossaries where owner = ? and id = ?", (owner, identity)
    )
    if found.fetchone() is None:
        raise NotFoundError("Glossary not found")


def _put(
    database: sqlite3.Connection, identity: str, languages: Languages, pairs: tuple[Pair, ...]
) -> None:
    entries = json.dumps(pairs, ensure_ascii=False)
    database.execute(
        "insert into dictionaries values (?, ?, ?, ?) on conflict (glossary, source, target)"
        " do update set entries = excluded.entries",
        (identity, *languages, entries),
    )


def _glossary(database: sqlite3.Connection, row: tuple[str, str, float]) -> Glossary:
    identity, name, created = row
    return Glossary(identity, name, created, _dictionaries(database, identity))


def _dictionaries(database: sqlite3.Connection, identity: str) -> dict[Languages, tuple[Pair, ...]]:
    rows = database.execute(
        "select source, target, entries from dictionaries where glossary = ? order by rowid",
        (identity,),
    )
    return {(s, t): tuple((a, b) for a, b in json.loads(entries)) for s, t, entries in rows}
