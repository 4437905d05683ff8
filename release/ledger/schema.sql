-- The ledger, in one transaction; safe to run again, and beside another process that does the same.
-- A schema that an older version must not write to raises `PRAGMA user_version`.
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS entries (
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
) STRICT;
CREATE INDEX IF NOT EXISTS entries_by_version ON entries (version, sequence);
CREATE INDEX IF NOT EXISTS entries_by_kind ON entries (kind, sequence);
CREATE TRIGGER IF NOT EXISTS entries_never_change BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entries_never_go BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entries_only_at_the_end BEFORE INSERT ON entries
WHEN NEW.sequence IS NOT (SELECT COALESCE(MAX(sequence), 0) + 1 FROM entries)
  OR NEW.previous IS NOT COALESCE((SELECT hash FROM entries ORDER BY sequence DESC LIMIT 1), '')
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
-- What v0.1.0 looks for, which may be asked to roll back.
CREATE TABLE IF NOT EXISTS migrations (
    name       TEXT PRIMARY KEY,
    applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
INSERT OR IGNORE INTO migrations (name) VALUES ('0001_entries'), ('0002_append_only');
COMMIT;
