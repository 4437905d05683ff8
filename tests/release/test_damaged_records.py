"""A record that cannot be read stops no look, no way back and no repair."""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cli.main import main
from csanmt.errors import CsanmtError, StorageError
from release.ledger.ledger import Ledger
from release.rollout.deployment import deploy
from release.rollout.keeper import keep
from release.rollout.nginx_program import accepting_workers
from release.rollout.promotion import PromotionPlan, promote
from release.rollout.rollback import rollback
from release.rollout.settings import APPLIED, SETTINGS, WHOLE, NginxSettings, SiteSettings
from release.rollout.shipment import Shipments, roll_back_past
from release.rollout.site import Site, open_site, put_aside
from release.rollout.status import look, standing
from release.rollout.traffic import Colour
from tests.release.conftest import RELEASES
from tests.release.stub_site import World, on, put, three_served, two_versions
from tests.release.test_nginx import nginx_missing

FIRST, SECOND = "v1.0.0-aaa", "v2.0.0-bbb"


def record(world: World, colour: Colour) -> Path:
    return world.site.colours.directory / f"{colour}.json"


def truncate(path: Path) -> None:
    path.write_text(path.read_text()[:20])


def test_status_names_what_answers_and_what_it_ignores(world: World) -> None:
    two_versions(world)
    truncate(record(world, "blue"))
    now = standing(world.site)
    assert [(side.release, side.state) for side in now.sides] == [
        (FIRST, "ready"),
        (SECOND, "ready"),
    ]
    assert len(now.remarks) == 1
    assert "blue.json cannot be read" in now.remarks[0]


@pytest.mark.parametrize("damage", [truncate, Path.unlink], ids=["cut", "deleted"])
def test_deploying_again_repairs_it(world: World, damage: Callable[[Path], None]) -> None:
    two_versions(world)
    damage(record(world, "green"))
    deploy(world.site, SECOND, f"csanmt:{SECOND}", force="repair")
    assert on(world, SECOND).colour == "green"
    assert [bento for bento, _ in world.launcher.running.values()] == [
        f"csanmt:{FIRST}",
        f"csanmt:{SECOND}",
    ]


def test_a_rollback_leaves_a_sick_version_whose_record_is_damaged(world: World) -> None:
    two_versions(world)
    promote(world.site, SECOND, PromotionPlan())
    truncate(record(world, "green"))
    assert rollback(world.site, why="v2 echoes").release == FIRST


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("damage", [truncate, Path.unlink], ids=["cut", "deleted"])
def test_a_way_back_whose_record_is_damaged_is_known_by_what_answers(
    world: World, damage: Callable[[Path], None], named: bool
) -> None:
    three_served(world)
    damage(record(world, "green"))
    back = rollback(world.site, SECOND if named else None, why="v3 echoes")
    assert (back.release, back.colour, back.started) == (SECOND, "green", False)


def test_a_promotion_needs_no_record(world: World) -> None:
    two_versions(world)
    for colour in ("blue", "green"):
        truncate(record(world, colour))
    assert promote(world.site, SECOND, PromotionPlan()).completed


def test_fields_of_a_newer_version_are_passed_over(world: World) -> None:
    two_versions(world)
    path = record(world, "blue")
    path.write_text(json.dumps({**json.loads(path.read_text()), "zone": "b"}))
    assert on(world, FIRST).colour == "blue"


# -- whatever a file holds -------------------------------------------------------------------------

GARBAGE = {
    "empty": b"", "zeros": bytes(4096), "no text": b"\xff\xfe\x00\x80", "null": b"null",
    "number": b"-5", "list": b"[1]", "deep": b"[" * 100_000, "huge number": b"9" * 30,
    "other types": json.dumps({
        "colour": "blue", "release": None, "bento": 5, "handle": [], "phase": {}, "plan": "x",
        "weights": 1, "share": "all", "blue": "100", "green": None, "generation": "x",
    }).encode(),
    "absurd values": json.dumps({
        "colour": "green", "release": "x", "bento": "", "kind": "", "handle": f"{10**30}:1",
        "address": "", "started_at": "", "phase": "done", "words": [1], "blue": float("nan"),
        "green": 1e308, "generation": -(10**30),
    }).encode(),
    "an unknown entry": b'{"kind": "zzz", "version": "", "who": "", "why": ""}\n5\n',
}  # fmt: skip


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize(
    "name",
    [
        "colours/blue.json",
        "colours/green.json",
        "unrecorded.jsonl",
        "ledger.sqlite3",
        "lock",
        "keeper/plan.json",
        "keeper/progress.json",
        "keeper/abort",
        "down",
    ],
)
def test_no_content_of_a_file_stands_in_the_way_back(
    world: World, name: str, content: bytes
) -> None:
    two_versions(world)
    promote(world.site, SECOND, PromotionPlan())
    path = world.site.home / name
    path.parent.mkdir(exist_ok=True)
    if name == "ledger.sqlite3":
        broken_ledger(world)
    path.write_bytes(content)
    shipments = Shipments(world.site.home / "keeper")
    standing(world.site)
    assert roll_back_past(world.site, shipments, None, why="v2 echoes").release == FIRST
    keep(lambda: world.site, shipments, once=True)
    assert world.router.state().blue == 100
    put(world, "v3.0.0-ccc")
    assert on(world, "v3.0.0-ccc").colour == "green"


@pytest.mark.skipif(nginx_missing, reason="nginx is not installed")
def test_no_content_of_nginxs_files_stands_in_the_way_back(town: partial[Site]) -> None:
    router = town().router
    files = [
        router.routes / "active",
        router.routes / "active" / "traffic.json",
        router.note,
        router.main,
        router.directory / "nginx.pid",
        router.directory / "traffic.conf",
        town().home / APPLIED,
        town().home / SETTINGS,
    ]
    for path in files:
        before = path.read_bytes() if path.is_file() else None
        kinds = ("empty", "zeros", "no text", "other types", "absurd values")
        for content in [
            *(GARBAGE[kind] for kind in kinds),
            *([before[: len(before) // 2]] if before else []),
        ]:
            if path.is_symlink():
                path.unlink()
            with suppress(NotADirectoryError):  # the link before was left as garbage
                path.write_bytes(content)
            now = look(town())
            assert now.live
            wanted = next(name for name in RELEASES[:2] if name != now.serving.release)
            assert rollback(town(), wanted, why=path.name).release == wanted
            assert standing(town(), window=0).sides
            assert look(town()).present.release == wanted, (path, content)
        if before and path.is_file():
            path.write_bytes(before)


@pytest.mark.skipif(nginx_missing, reason="nginx is not installed")
@pytest.mark.parametrize("kind", ["empty", "no text", "other types"])
def test_an_nginx_that_died_starts_whatever_its_files_hold(town: partial[Site], kind: str) -> None:
    router = town().router
    for path in (router.main, router.note, router.directory / "nginx.pid"):
        master = router.program.master()
        assert master is not None
        for pid in (master, *accepting_workers(master)):
            os.kill(pid, signal.SIGKILL)
        path.write_bytes(GARBAGE[kind])
        wanted = RELEASES[look(town()).sides["blue"].share == 100]
        assert rollback(town(), wanted, why=path.name).release == wanted
        assert look(town()).present.release == wanted


# -- the traffic ---------------------------------------------------------------------------------


def test_where_nobody_can_say_who_serves_the_ledger_does(world: World) -> None:
    two_versions(world)
    promote(world.site, SECOND, PromotionPlan())
    world.router.history.clear()
    assert rollback(world.site, why="who serves?").release == SECOND
    assert world.router.state().green == 100


def test_where_nobody_can_say_who_serves_nothing_is_replaced(world: World) -> None:
    two_versions(world)
    world.router.history.clear()
    with pytest.raises(CsanmtError, match="csanmt release rollback settles it"):
        put(world, "v3.0.0-ccc")
    assert len(world.launcher.running) == 2


# -- the ledger ----------------------------------------------------------------------------------


def broken_ledger(world: World) -> Path:
    """The file is no database any more."""
    path = world.site.ledger.path
    for wal in path.parent.glob(f"{path.name}-*"):
        wal.unlink()
    path.write_bytes(b"garbage" * 1000)
    world.site.ledger = Ledger(path)
    return path


@pytest.mark.parametrize("named", [True, False])
def test_a_rollback_needs_no_ledger(world: World, named: bool) -> None:
    two_versions(world)
    promote(world.site, SECOND, PromotionPlan())
    path = broken_ledger(world)
    told: list[str] = []
    back = rollback(world.site, FIRST if named else None, why="v2 echoes", tell=told.append)
    assert (back.release, world.router.state().blue) == (FIRST, 100)
    assert any("not a database" in word for word in told)
    assert any("not recorded" in word for word in world.site.ignored)
    path.unlink()
    world.site.ledger = Ledger(path)  # as somebody repairs it
    put(world, "v3.0.0-ccc")
    assert [entry.kind for entry in world.site.ledger.history()] == ["rollback", "deploy"]
    assert not (world.site.home / "unrecorded.jsonl").exists()


def test_a_deployment_without_a_ledger_is_not_judged_and_can_be_forced(world: World) -> None:
    two_versions(world)
    broken_ledger(world)
    with pytest.raises(CsanmtError, match="never judged"):
        deploy(world.site, "v3.0.0-ccc", "csanmt:v3.0.0-ccc")
    put(world, "v3.0.0-ccc")
    assert on(world, "v3.0.0-ccc").colour == "green"


def test_what_a_full_disk_refuses_is_named_and_reading_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_versions(world)

    def full(_: Ledger) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Ledger, "_open", full)
    assert world.site.recall()[0].active == FIRST
    with pytest.raises(StorageError, match="disk I/O error"):
        world.site.ledger.append("note", FIRST, who="me", why="why")


# -- the settings --------------------------------------------------------------------------------


@pytest.mark.parametrize("edit", ["nginx = 1", "[nginx]\nmax_body_bytes = ", "no_such_key = 1"])
def test_an_unfinished_edit_of_the_settings_changes_nothing_yet(tmp_path: Path, edit: str) -> None:
    (tmp_path / APPLIED).write_text(f'[nginx]\nlisten = "127.0.0.1:8081"\n{WHOLE}')
    (tmp_path / SETTINGS).write_text(edit)
    site = open_site(tmp_path, tmp_path, tmp_path / "ledger", "me", applied=True)
    assert site.router.settings.listen == "127.0.0.1:8081"
    with pytest.raises(CsanmtError):
        open_site(tmp_path, tmp_path, tmp_path / "ledger", "me")


def test_settings_that_are_all_lost_are_read_from_nginxs_configuration(tmp_path: Path) -> None:
    (tmp_path / APPLIED).write_text("garbage")
    (tmp_path / SETTINGS).write_text("garbage")
    (tmp_path / "nginx").mkdir()
    (tmp_path / "nginx" / "nginx.conf").write_text(
        "upstream blue {\n  server 127.0.0.1:1 max_fails=3;\n}\n"
        "upstream green {\n  server 127.0.0.1:2 max_fails=3;\n}\n"
        "server {\n  listen 127.0.0.1:3 backlog=1;\n}\n"
    )
    settings, ignored = SiteSettings.applied(tmp_path)
    found = settings.nginx
    assert (found.listen, found.blue, found.green) == tuple(f"127.0.0.1:{n}" for n in (3, 1, 2))
    assert len(ignored) == 2


def test_a_key_that_cannot_be_read_is_named_and_stops_no_rollback(tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_text('api_key_file = "/nonexistent/key"\n')
    site = open_site(tmp_path, tmp_path, tmp_path / "ledger", "me", applied=True)
    assert "/nonexistent/key" in look(site).ignored[0]


def test_a_disk_without_room_for_a_record_keeps_no_version_from_starting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_served(world)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(world.site.colours), "put", full)
    back = rollback(world.site, FIRST, why="both are bad")
    assert (back.release, back.started) == (FIRST, True)
    assert "the record of green is not written: No space left on device" in world.site.ignored


@pytest.mark.skipif(nginx_missing, reason="nginx is not installed")
@pytest.mark.parametrize("damage", [lambda path: path.write_text("garbage"), Path.unlink])
def test_settings_that_no_file_holds_any_more_are_those_of_what_runs(
    town: partial[Site], damage: Callable[[Path], None]
) -> None:
    site = town()
    for path in (site.home / SETTINGS, site.home / APPLIED, site.router.main):
        damage(path)
    assert town().router.settings == replace(
        NginxSettings(), listen=site.router.settings.listen, **site.addresses
    )
    assert rollback(town(), why="v1.1 echoes").release == RELEASES[0]
    assert site.router.live().blue == 100


def test_a_key_that_no_header_can_carry_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a comment\nsecret")
    (tmp_path / SETTINGS).write_text(f'api_key_file = "{tmp_path / "key"}"\n')
    site = open_site(tmp_path, tmp_path, tmp_path / "ledger", "me", applied=True)
    assert site.ignored == (f"api_key_file {tmp_path / 'key'}: allowed is one key on one line",)
    assert not site.api_key


# -- something else in the place of a file -------------------------------------------------------


def folder(path: Path) -> None:
    (path / "inside").mkdir(parents=True)


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def nowhere(path: Path) -> None:
    path.symlink_to("/nonexistent/folder/file")


@pytest.mark.skipif(nginx_missing, reason="nginx is not installed")
@pytest.mark.parametrize("make", [folder, circle, nowhere, os.mkfifo])
def test_what_is_no_file_is_put_aside_and_named(
    town: partial[Site], make: Callable[[Path], None]
) -> None:
    site, names = town(), ("switch.lock", "nginx.pid", "nginx.conf", "error.log", "access.log")
    paths = [site.home / name for name in ("lock", "watch.lock", "down", "colours/blue.json")]
    paths += [site.router.directory / name for name in names]
    master = site.router.program.master()
    assert master is not None
    for pid in (master, *accepting_workers(master)):
        os.kill(pid, signal.SIGKILL)
    site.launcher.stop(site.place("blue"), deadline_seconds=0)
    for path in paths:
        path.unlink(missing_ok=True)
        make(path)
    told: list[str] = []
    assert rollback(town(), RELEASES[0], why="v1.1 echoes", tell=told.append).started
    assert look(town()).present.release == RELEASES[0]
    for path in paths:
        assert any(word.startswith(f"ignored: {path} is no file") for word in told), path


def test_a_link_to_what_is_made_later_stays(tmp_path: Path) -> None:
    (tmp_path / "nginx").mkdir()
    (tmp_path / "nginx" / "access.log").symlink_to(tmp_path / "elsewhere.log")
    (tmp_path / "nginx" / "error.log").symlink_to("/dev/null")
    assert put_aside(tmp_path) == []


@pytest.mark.parametrize("detail", ["[1]", '{"generation": null, "weight": null}', "no JSON"])
def test_entries_of_another_shape_are_named_by_status(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    detail: str,
) -> None:
    path = tmp_path / "ledger"
    Ledger(path).append("switch", FIRST, who="me", why="why")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TRIGGER entries_never_change")
        database.execute("UPDATE entries SET detail = ?", (detail,))
    monkeypatch.setenv("CSANMT_LEDGER", str(path))
    assert main(["release", "status", "--site", str(tmp_path / "site")]) == 0
    assert str(path) in capsys.readouterr().err


def test_without_a_ledger_what_its_record_says_served_is_started(world: World) -> None:
    two_versions(world)
    promote(world.site, SECOND, PromotionPlan())
    broken_ledger(world)
    world.dies("blue")
    world.dies("green")
    back = rollback(world.site, why="all is dead")
    assert (back.release, back.started) == (FIRST, True)


@pytest.mark.skipif(nginx_missing, reason="nginx is not installed")
def test_an_nginx_that_hangs_is_ended(town: partial[Site]) -> None:
    router = town().router
    master = router.program.master()
    assert master is not None
    os.kill(master, signal.SIGSTOP)
    router.stop(deadline_seconds=0.2)
    assert not router.running()
    assert router.live() is None
