"""The ledger's schema as named migrations, applied in order and never edited.

A ledger written by any earlier version opens for ever: add a migration at the
end, do not change one that was released. ``tests/release`` keeps a frozen
ledger of the first schema that must go on opening.
"""

from __future__ import annotations

import sqlite3

from csanmt.errors import ConflictError

MIGRATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "0001_entries",
        (
            """
            CREATE TABLE entries (
                sequence INTEGER PRIMARY KEY,
                at       TEXT NOT NULL,             -- UTC, ISO 8601 with microseconds
                kind     TEXT NOT NULL,
                version  TEXT NOT NULL,             -- image tag, model tag or '-'
                who      TEXT NOT NULL,
                why      TEXT NOT NULL,
                digests  TEXT NOT NULL,             -- JSON object: what -> 'sha256:...'
                detail   TEXT NOT NULL,             -- JSON object
                previous TEXT NOT NULL,             -- hash of the entry before
                hash     TEXT NOT NULL UNIQUE
            ) STRICT
            """,
            "CREATE INDEX entries_by_version ON entries (version, sequence)",
            "CREATE INDEX entries_by_kind ON entries (kind, sequence)",
        ),
    ),
    (
        "0002_append_only",
        (
            """
            CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
            """,
            """
            CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
            """,
            """
            CREATE TRIGGER entries_only_at_the_end BEFORE INSERT ON entries
            WHEN NEW.sequence IS NOT (SELECT COALESCE(MAX(sequence), 0) + 1 FROM entries)
              OR NEW.previous IS NOT COALESCE(
                    (SELECT hash FROM entries ORDER BY sequence DESC LIMIT 1), '')
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
            """,
        ),
    ),
)

_BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS migrations (
    name       TEXT PRIMARY KEY,
    applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT
"""


def migrate(
    connection: sqlite3.Connection,
    migrations: tuple[tuple[str, tuple[str, ...]], ...] = MIGRATIONS,
) -> list[str]:
    """Apply what is missing in one transaction; return the names.

    Safe against a second process doing the same: the write lock is taken before
    looking. The connection must be in autocommit mode (``isolation_level=None``).

    Raises:
        ConflictError: the file was written by a newer version of the product.
    """
    known = [name for name, _ in migrations]
    there = _applied(connection)
    if unknown := [name for name in there if name not in known]:
        raise ConflictError(
            f"the ledger was written by a newer version (it has {', '.join(unknown)}); "
            "upgrade before using it"
        )
    if there == known:  # readers wait for no writer
        return []
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_BOOKKEEPING)
        there = _applied(connection)
        for name, statements in migrations:
            if name in there:
                continue
            for statement in statements:
                connection.execute(statement)
            connection.execute("INSERT INTO migrations (name) VALUES (?)", (name,))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return [name for name in known if name not in there]


def _applied(connection: sqlite3.Connection) -> list[str]:
    """Names of the migrations that the file has had, in order."""
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'migrations'")
    if tables.fetchone() is None:
        return []
    return [row[0] for row in connection.execute("SELECT name FROM migrations ORDER BY name")]
