"""The release ledger: who did what to which version, when, why, with which digests.

One SQLite file in WAL mode. Entries are only ever added: triggers refuse
updates, deletions and insertions anywhere but at the end, and every entry
carries the SHA-256 of its own content and of the entry before, so that an edit
behind the triggers' back shows in :meth:`Ledger.check`. An append is one
transaction: after a kill at any moment it is there in full or not at all.
Writers of several processes queue for the file's write lock.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from csanmt.durable import write_ahead
from csanmt.errors import (
    ConfigurationError,
    ConflictError,
    IntegrityError,
    StorageError,
    UnavailableError,
)

BUSY_TIMEOUT_SECONDS = 30.0  # how long a writer waits for another before it gives up
FULL = 64 * 1024  # bytes that a disk must have left, or it is called full
SCHEMA = Path(__file__).with_name("schema.sql")
LAST_OF_SCHEMA = "entries_only_at_the_end"
SCHEMA_VERSION = 0


class Kind(StrEnum):
    """What an entry records. New kinds are added, none is ever renamed."""

    BUILD = "build"  # a bento and an image were made
    VERDICT = "verdict"  # verify ended: detail.ready, detail.reasons
    REVIEW = "review"  # of v0.1.0: a person signed a sample off, or refused
    PUSH = "push"  # an image reached a registry or an archive
    DEPLOY = "deploy"  # a version was put on a colour, without traffic
    SWITCH = "switch"  # traffic (detail.weight percent) went to a colour
    ROLLBACK = "rollback"  # traffic went back
    ABORT = "abort"  # a promotion was given up before it was complete
    BREACH = "breach"  # a threshold was broken while observing
    OBSERVE = "observe"  # an observation window closed without a breach
    DRILL = "drill"  # of v0.1.0: a rehearsed switch and rollback, with its measurements
    RETIRE = "retire"  # a release's bento, image and model go; detail.removed: they went
    NOTE = "note"  # anything a person wants remembered


@dataclass(frozen=True)
class Entry:
    """One line of the ledger, as stored."""

    sequence: int
    at: str
    kind: str
    version: str
    who: str
    why: str
    digests: dict[str, str] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)
    previous: str = ""
    hash: str = ""


def default_path(environment: Mapping[str, str] | None = None) -> Path:
    """Where the ledger lies unless told otherwise.

    ``CSANMT_LEDGER``, else ``$XDG_STATE_HOME/csanmt/ledger.sqlite3``, else below
    ``~/.local/state``. Called at the edge only (command line, scripts).
    """
    env = os.environ if environment is None else environment
    if chosen := env.get("CSANMT_LEDGER"):
        return Path(chosen)
    home = Path(env.get("HOME") or "~").expanduser()
    state = Path(env.get("XDG_STATE_HOME") or home / ".local" / "state")
    return state / "csanmt" / "ledger.sqlite3"


def current_user(environment: Mapping[str, str] | None = None) -> str:
    """Who is acting: ``CSANMT_WHO``, the CI's actor, or the login name."""
    env = os.environ if environment is None else environment
    for key in ("CSANMT_WHO", "GITHUB_ACTOR"):
        if env.get(key):
            return env[key]
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container user without a passwd line
        return f"uid-{os.getuid()}"


class Ledger:
    """An append-only record in one SQLite file; created by the first who looks or writes.

    Raises:
        StorageError: the file cannot be opened, written, or is not a ledger.
        UnavailableError: another writer held the lock for too long.
    """

    def __init__(self, path: Path, *, busy_timeout: float = BUSY_TIMEOUT_SECONDS) -> None:
        self.path = path
        self._timeout = busy_timeout

    def append(
        self,
        kind: Kind | str,
        version: str,
        *,
        who: str,
        why: str,
        digests: Mapping[str, str] | None = None,
        detail: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> Entry:
        """Add one entry and return it once it is safely on disk.

        Args:
            kind: one of :class:`Kind`.
            version: the image tag (``v1.2.0-abc1234``) or model tag concerned.
            who: person or machine that acts; must not be empty.
            why: the reason, in words; must not be empty.
            digests: what was touched, e.g. ``{"image": "sha256:…"}``.
            detail: anything else, as JSON.
            at: the time of the entry, for tests; now by default.

        Raises:
            ConfigurationError: ``who``, ``why`` or ``version`` is empty.
            ValueError: unknown kind.
        """
        kind = Kind(kind)
        for name, value in (("version", version), ("who", who), ("why", why)):
            if not value.strip():
                raise ConfigurationError(f"a ledger entry needs a {name}, not {value!r}")
        moment = (at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="microseconds")
        with self._reporting(), self._connection() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")  # locked before anything is read
            last = connection.execute(
                "SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1"
            ).fetchone()
            sequence, previous = (last[0] + 1, last[1]) if last else (1, "")
            bare = Entry(
                sequence, moment, str(kind), version, who, why,
                dict(digests or {}), dict(detail or {}), previous,
            )  # fmt: skip
            entry = Entry(**{**asdict(bare), "hash": _digest(bare)})
            marks = ", ".join(f":{name}" for name in asdict(entry))
            connection.execute(f"INSERT INTO entries VALUES ({marks})", _row(entry))
        return entry

    def history(
        self,
        *,
        kind: Kind | str | None = None,
        version: str | None = None,
        limit: int | None = None,
    ) -> list[Entry]:
        """Entries, oldest first; ``limit`` keeps the newest of those that match."""
        conditions = {"kind": kind and str(Kind(kind)), "version": version}
        chosen = {name: value for name, value in conditions.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in chosen) or "1"
        statement = f"SELECT * FROM entries WHERE {where} ORDER BY sequence DESC LIMIT ?"
        arguments = (*chosen.values(), -1 if limit is None else limit)
        with self._reporting(), self._connection(reading=True) as connection:
            rows = connection.execute(statement, arguments).fetchall()
        try:
            return [_entry(row) for row in reversed(rows)]
        except (ValueError, TypeError) as error:
            raise IntegrityError(
                f"the ledger {self.path} holds what is no entry: {error}"
            ) from None

    def last(self, kind: Kind | str, version: str | None = None) -> Entry | None:
        """The newest entry of a kind (and version), or None."""
        found = self.history(kind=kind, version=version, limit=1)
        return found[-1] if found else None

    def check(self) -> int:
        """Walk the chain of hashes and return the number of entries.

        Raises:
            IntegrityError: an entry was edited or removed; the message says which.
        """
        previous = ""
        entries = self.history()
        for position, entry in enumerate(entries, start=1):
            if entry.sequence != position or entry.previous != previous:
                raise IntegrityError(f"the ledger lacks an entry before number {entry.sequence}")
            if _digest(entry) != entry.hash:
                raise IntegrityError(f"ledger entry {entry.sequence} was edited after it was made")
            previous = entry.hash
        return len(entries)

    @contextmanager
    def _connection(self, *, reading: bool = False) -> Iterator[sqlite3.Connection]:
        """An open file; one that cannot be written, as on a full disk, can still be read."""
        try:
            connection = self._open()
        except sqlite3.OperationalError as error:
            if not reading or "locked" in str(error) or not self.path.is_file():
                raise
            source = f"{self.path.resolve().as_uri()}?mode=ro&immutable=1"
            connection = sqlite3.connect(source, uri=True, isolation_level=None)
        connection.row_factory = sqlite3.Row
        with closing(connection):
            yield connection

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=self._timeout, isolation_level=None)
        try:
            write_ahead(connection, wait_seconds=self._timeout)
            connection.execute("PRAGMA synchronous = FULL")
            # Without it INSERT OR REPLACE would delete without asking the trigger.
            connection.execute("PRAGMA recursive_triggers = ON")
            _require_schema(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise UnavailableError(
                    f"another writer held the ledger {self.path} for {self._timeout:g} s"
                ) from error
            folder = self.path.parent
            full = folder.is_dir() and shutil.disk_usage(folder).free < FULL
            word = "the disk is full" if full else str(error)
            raise StorageError(f"the ledger {self.path}: {word}") from error
        except OSError as error:
            raise StorageError(f"the ledger {self.path}: {error.strerror}") from error
        except sqlite3.DatabaseError as error:
            raise StorageError(f"the ledger {self.path}: {error}") from error


def _require_schema(connection: sqlite3.Connection) -> None:
    """Make the tables where they are not; readers of a whole ledger wait for no writer.

    Raises:
        ConflictError: the file was written by a newer version of the product.
    """
    (written,) = connection.execute("PRAGMA user_version").fetchone()
    if written > SCHEMA_VERSION:
        raise ConflictError("the ledger was written by a newer version; upgrade before using it")
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (LAST_OF_SCHEMA,))
    if there.fetchone() is None:
        connection.executescript(SCHEMA.read_text(encoding="utf-8"))


def _digest(entry: Entry) -> str:
    content = {name: value for name, value in asdict(entry).items() if name != "hash"}
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _row(entry: Entry) -> dict[str, object]:
    texts = {"digests": _canonical(entry.digests), "detail": _canonical(entry.detail)}
    return {**asdict(entry), **texts}


def _entry(row: sqlite3.Row) -> Entry:
    values = {**row, "digests": json.loads(row["digests"]), "detail": json.loads(row["detail"])}
    return Entry(**values)
