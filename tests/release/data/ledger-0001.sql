-- A ledger of the first schema, frozen: every later version must open it.
BEGIN TRANSACTION;
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
            ;
INSERT INTO "entries" VALUES(1,'2026-01-01T00:00:00.000000+00:00','build','v0.1.0-abc1234','builder','first build','{"bento":"sha256:00"}','{}','','0c81ec95a4ada9bdd2dfcb2ddd60fc45a9564586b01c745204c0bc6c7b3d13fc');
INSERT INTO "entries" VALUES(2,'2026-01-01T01:00:00.000000+00:00','verdict','v0.1.0-abc1234','builder','checked','{}','{"ready":true,"reasons":[]}','0c81ec95a4ada9bdd2dfcb2ddd60fc45a9564586b01c745204c0bc6c7b3d13fc','0bfa37c917d9e941cba0cb8a1e379ff8135493221cf5ba8b2cc5df35ba89a97d');
CREATE TABLE migrations (
    name       TEXT PRIMARY KEY,
    applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT
;
INSERT INTO "migrations" VALUES('0001_entries','2026-11-23T23:38:59.880Z');
CREATE INDEX entries_by_version ON entries (version, sequence);
CREATE INDEX entries_by_kind ON entries (kind, sequence);
COMMIT;
