"""Glossaries on disk: one SQLite file, each change one transaction.

A glossary belongs to the key it was made with; where keys are off, to everybody.
All methods read or write the file: call them beside the event loop.
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
from csanmt.glossary import Term, checked
from csanmt.surrogates import lone_surrogate
from serving.http.errors import TooLargeError

MOST_OF_ONE_OWNER = 1000
MAX_NAME = 1024
NO_GLOSSARY = "Glossary not found: the list of glossaries shows those there are"
NO_DICTIONARY = "Dictionary not found: the glossary has none for this direction"
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
    """A glossary without its pairs: ``counts`` says how many there are in which direction."""

    identity: str
    name: str
    created: float
    counts: Mapping[Languages, int]

    @property
    def created_at(self) -> str:
        """RFC 3339, UTC."""
        return datetime.fromtimestamp(self.created, UTC).isoformat(timespec="milliseconds")


class GlossaryStore:
    """See the module.

    Args:
        path: the file; empty keeps everything in memory, until the server ends.
        most_bytes: of all pairs of one owner, as they are kept.

    Raises:
        StorageError: from any method; the file cannot be read or written.
    """

    def __init__(self, path: str = "", most_bytes: int = 16 << 20) -> None:
        self._path = path or ":memory:"
        self._most_bytes = most_bytes
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
        self, owner: str, name: str, dictionaries: Mapping[Languages, tuple[Term, ...]]
    ) -> Glossary:
        """Store a new one.

        Raises:
            InvalidInputError: the name is empty or too long, or there are too many.
            TooLargeError: more bytes than one owner may keep.
        """
        name = _name(name)
        counts = {languages: len(pairs) for languages, pairs in dictionaries.items()}
        glossary = Glossary(str(uuid.uuid4()), name, round(time.time(), 3), counts)
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
            self._check_room(database, owner)
        return glossary

    def _check_room(self, database: sqlite3.Connection, owner: str) -> None:
        size = database.execute(
            "select sum(length(cast(entries as blob))) from dictionaries"
            " join glossaries on glossary = id where owner = ?",
            (owner,),
        )
        kept = size.fetchone()[0] or 0
        if kept > self._most_bytes:
            raise TooLargeError(
                f"your glossaries would take {kept} bytes; allowed are {self._most_bytes}"
            )

    def all(self, owner: str) -> list[Glossary]:
        """Oldest first."""
        with self._transaction() as database:
            rows = database.execute(
                "select id, name, created from glossaries where owner = ? order by created, id",
                (owner,),
            ).fetchall()
            return [_glossary(database, row) for row in rows]

    def get(self, owner: str, identity: str, *, by_name: bool = True) -> Glossary:
        """By id, or else by name (the newest of that name). Raises NotFoundError."""
        with self._transaction() as database:
            return _glossary(database, _found(database, owner, identity, by_name=by_name))

    def pairs(self, owner: str, name_or_id: str, languages: Languages) -> tuple[Term, ...] | None:
        """Of one direction; None if there is none. Raises NotFoundError: no such glossary."""
        with self._transaction() as database:
            return _pairs(database, _found(database, owner, name_or_id)[0], languages)

    def delete(self, owner: str, identity: str) -> None:
        """Raises NotFoundError."""
        with self._transaction() as database:
            _found(database, owner, identity, by_name=False)
            database.execute("delete from glossaries where id = ?", (identity,))

    def change(
        self,
        owner: str,
        identity: str,
        name: str | None,
        additions: Mapping[Languages, tuple[Term, ...]],
        *,
        replace: bool = False,
    ) -> Glossary:
        """Give it a new name (if any) and add pairs to its directions: all of that, or nothing.

        Args:
            replace: the pairs take the place of those that their direction has.

        Raises:
            NotFoundError: there is no such glossary.
            InvalidInputError: the name is empty or too long; too many terms in a direction.
            TooLargeError: more bytes than one owner may keep.
        """
        with self._transaction() as database:
            _found(database, owner, identity, by_name=False)
            if name is not None:
                database.execute(
                    "update glossaries set name = ? where id = ?", (_name(name), identity)
                )
            for languages, pairs in additions.items():
                if not replace:
                    merged = dict(_pairs(database, identity, languages) or ()) | dict(pairs)
                    pairs = checked(merged.items())
                _put(database, identity, languages, pairs)
            if additions:
                self._check_room(database, owner)
            return _glossary(database, _found(database, owner, identity))

    def drop(self, owner: str, identity: str, languages: Languages) -> None:
        """Remove one direction. Raises NotFoundError."""
        with self._transaction() as database:
            _found(database, owner, identity, by_name=False)
            done = database.execute(
                "delete from dictionaries where glossary = ? and source = ? and target = ?",
                (identity, *languages),
            )
            if not done.rowcount:
                raise NotFoundError(NO_DICTIONARY)


def _name(name: str) -> str:
    if not name.strip() or len(name) > MAX_NAME or lone_surrogate(name) is not None:
        raise InvalidInputError(f"a glossary's name must have 1 to {MAX_NAME} characters")
    return name.strip()


def _found(
    database: sqlite3.Connection, owner: str, identity: str, *, by_name: bool = True
) -> tuple[str, str, float]:
    """Its row. Raises NotFoundError."""
    row: tuple[str, str, float] | None = database.execute(
        "select id, name, created from glossaries where owner = ? and (id = ? or ? and name = ?)"
        " order by id = ? desc, created desc limit 1",
        (owner, identity, by_name, identity, identity),
    ).fetchone()
    if row is None:
        raise NotFoundError(NO_GLOSSARY)
    return row


def _put(
    database: sqlite3.Connection, identity: str, languages: Languages, pairs: tuple[Term, ...]
) -> None:
    entries = json.dumps(pairs, ensure_ascii=False)
    database.execute(
        "insert into dictionaries values (?, ?, ?, ?) on conflict (glossary, source, target)"
        " do update set entries = excluded.entries",
        (identity, *languages, entries),
    )


def _pairs(
    database: sqlite3.Connection, identity: str, languages: Languages
) -> tuple[Term, ...] | None:
    row = database.execute(
        "select entries from dictionaries where glossary = ? and source = ? and target = ?",
        (identity, *languages),
    ).fetchone()
    return None if row is None else tuple((a, b) for a, b in json.loads(row[0]))


def _glossary(database: sqlite3.Connection, row: tuple[str, str, float]) -> Glossary:
    identity, name, created = row
    rows = database.execute(
        "select source, target, json_array_length(entries) from dictionaries where glossary = ?"
        " order by rowid",
        (identity,),
    )
    return Glossary(identity, name, created, {(s, t): count for s, t, count in rows})
