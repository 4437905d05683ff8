"""The ledger keeps everything, in order, whatever happens to its writers."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from csanmt.errors import (
    ConfigurationError,
    ConflictError,
    IntegrityError,
    StorageError,
    UnavailableError,
)
from release.ledger.ledger import Kind, Ledger, current_user, default_path

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)

WRITER = """
import sys
from pathlib import Path
from release.ledger.ledger import Ledger
ledger, name, count = Ledger(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(count):
    ledger.append("note", "v1.0.0-abc1234", who=name, why=str(number), detail={"n": number})
    print(number, flush=True)
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "state" / "ledger.sqlite3")


def note(ledger: Ledger, why: str = "because", version: str = "v1.0.0-abc1234", **more):
    return ledger.append("note", version, who="tester", why=why, **more)


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(count)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_an_entry_comes_back_as_it_was_written(ledger: Ledger) -> None:
    written = ledger.append(
        Kind.BUILD,
        "v1.2.0-abc1234",
        who="工程师",
        why="first build",
        digests={"bento": "sha256:00", "image": "sha256:11"},
        detail={"size": 3, "层": [1]},
        at=NOON,
    )
    assert ledger.history() == [written]
    assert (written.sequence, written.at) == (1, "2026-01-02T12:00:00.000000+00:00")
    assert json.loads(json.dumps(asdict(written)))["detail"] == {"size": 3, "层": [1]}


def test_history_is_oldest_first_and_can_be_narrowed(ledger: Ledger) -> None:
    for number in range(3):
        note(ledger, f"note {number}")
    ledger.append("verdict", "v2.0.0-abc1234", who="ci", why="verify", detail={"ready": True})
    assert [entry.why for entry in ledger.history()] == ["note 0", "note 1", "note 2", "verify"]
    assert [entry.why for entry in ledger.history(kind="note", limit=2)] == ["note 1", "note 2"]
    assert [entry.kind for entry in ledger.history(version="v2.0.0-abc1234")] == ["verdict"]
    last = ledger.last(Kind.NOTE)
    assert last is not None
    assert last.why == "note 2"
    assert ledger.last(Kind.NOTE, "v9.9.9-abc1234") is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"kind": "explosion"}, "explosion"),
        ({"version": " "}, "version"),
        ({"who": ""}, "who"),
        ({"why": "\n"}, "why"),
    ],
)
def test_an_entry_without_its_essentials_is_refused(ledger: Ledger, change, named) -> None:
    fields = {"kind": "note", "version": "v1.0.0-abc1234", "who": "me", "why": "so", **change}
    with pytest.raises((ConfigurationError, ValueError), match=named):
        ledger.append(fields.pop("kind"), fields.pop("version"), **fields)
    assert ledger.history() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET why = 'another reason'",
        "DELETE FROM entries",
        "DELETE FROM entries WHERE sequence = 1",
        "INSERT OR REPLACE INTO entries SELECT 1, at, kind, version, who, 'new', digests, detail,"
        " previous, 'x' FROM entries WHERE sequence = 1",
        "INSERT INTO entries SELECT 9, at, kind, version, who, why, digests, detail, previous, 'y'"
        " FROM entries WHERE sequence = 1",
    ],
)
def test_sql_cannot_change_remove_or_slip_in_an_entry(ledger: Ledger, statement: str) -> None:
    before = [note(ledger, "one"), note(ledger, "two")]
    connection = sqlite3.connect(ledger.path)  # any client, without our pragmas
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()
    assert ledger.history() == before
    assert ledger.check() == 2


def test_an_edit_behind_the_triggers_shows(ledger: Ledger) -> None:
    for why in ("one", "two", "three"):
        note(ledger, why)
    connection = sqlite3.connect(ledger.path)
    connection.execute("DROP TRIGGER entries_never_change")
    connection.execute("UPDATE entries SET why = 'nicer' WHERE sequence = 2")
    connection.commit()
    connection.close()
    with pytest.raises(IntegrityError, match="entry 2 was edited"):
        ledger.check()


def test_a_removal_behind_the_triggers_shows(ledger: Ledger) -> None:
    for why in ("one", "two", "three"):
        note(ledger, why)
    connection = sqlite3.connect(ledger.path)
    connection.execute("DROP TRIGGER entries_never_go")
    connection.execute("DELETE FROM entries WHERE sequence = 2")
    connection.commit()
    connection.close()
    with pytest.raises(IntegrityError, match="lacks an entry before number 3"):
        ledger.check()


def test_writers_of_several_processes_lose_and_mix_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"  # created by whoever comes first
    writers = [writer(path, f"writer-{number}", 25) for number in range(4)]
    assert [process.wait(timeout=120) for process in writers] == [0, 0, 0, 0]
    ledger = Ledger(path)
    assert ledger.check() == 100
    for number in range(4):
        own = [e.detail["n"] for e in ledger.history() if e.who == f"writer-{number}"]
        assert own == list(range(25))


def test_it_waits_for_another_who_makes_the_file_at_the_same_moment(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "ledger.sqlite3", isolation_level=None)
    other.execute("CREATE TABLE t (x)")  # not in WAL mode yet, and about to be written:
    other.execute("BEGIN IMMEDIATE")  # SQLite refuses to change the mode without waiting
    with ThreadPoolExecutor(1) as threads:
        written = threads.submit(note, Ledger(tmp_path / "ledger.sqlite3", busy_timeout=30))
        assert wait([written], timeout=0.3).not_done
        other.execute("COMMIT")
        other.close()
        assert written.result().sequence == 1


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_killed_writer_leaves_whole_entries_only(tmp_path: Path, after: int) -> None:
    path = tmp_path / "ledger.sqlite3"
    process = writer(path, "victim", 1_000_000)
    assert process.stdout is not None
    acknowledged = -1
    deadline = time.monotonic() + 60
    while acknowledged < after and time.monotonic() < deadline:
        acknowledged = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    rest = process.stdout.read().split()
    acknowledged = int(rest[-1]) if rest else acknowledged
    ledger = Ledger(path)
    assert ledger.check() >= acknowledged + 1  # everything acknowledged is there
    assert note(ledger, "life goes on").sequence == ledger.check()


def test_a_writer_that_holds_the_lock_too_long_is_reported_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    note(Ledger(path))
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    impatient = Ledger(path, busy_timeout=0.05)
    assert len(impatient.history()) == 1
    with pytest.raises(UnavailableError, match="another writer"):
        note(impatient)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert note(impatient).sequence == 2


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    ledger = Ledger(path, busy_timeout=0.05)
    note(ledger)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    assert len(ledger.history()) == 1
    blocker.close()


def test_a_file_that_is_no_ledger_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_text("these are not the pages you are looking for" * 50)
    with pytest.raises(StorageError, match=r"ledger\.sqlite3"):
        Ledger(path).history()


def test_a_directory_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        note(Ledger(tmp_path / "file" / "ledger.sqlite3"))


def test_the_first_ledger_ever_written_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    frozen = (Path(__file__).parent / "data" / "ledger-0001.sql").read_text(encoding="utf-8")
    connection = sqlite3.connect(path)
    connection.executescript(frozen)
    connection.close()
    ledger = Ledger(path)
    assert ledger.check() == 2
    assert [entry.why for entry in ledger.history()] == ["first build", "checked"]
    assert note(ledger).sequence == 3
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("DELETE FROM entries")  # the later migration arrived


def test_a_ledger_of_a_newer_version_is_left_alone(ledger: Ledger) -> None:
    note(ledger)
    connection = sqlite3.connect(ledger.path, isolation_level=None)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(ConflictError, match="newer version"):
        Ledger(ledger.path).history()


def test_the_first_release_finds_its_schema_in_a_new_ledger(ledger: Ledger) -> None:
    note(ledger)
    with sqlite3.connect(ledger.path) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM migrations ORDER BY name")]
    assert names == ["0001_entries", "0002_append_only"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"CSANMT_LEDGER": "/srv/l.sqlite3"}, "/srv/l.sqlite3"),
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/x"}, "/state/csanmt/ledger.sqlite3"),
        ({"HOME": "/home/x"}, "/home/x/.local/state/csanmt/ledger.sqlite3"),
    ],
)
def test_where_the_ledger_lies(environment: dict[str, str], expected: str) -> None:
    assert default_path(environment) == Path(expected)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({"CSANMT_WHO": "ada", "GITHUB_ACTOR": "bot"}, "ada"), ({"GITHUB_ACTOR": "bot"}, "bot")],
)
def test_who_acts(environment: dict[str, str], expected: str) -> None:
    assert current_user(environment) == expected
    assert current_user({})
