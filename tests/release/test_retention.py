"""What retention keeps and removes, as a table of ledgers."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

from csanmt.errors import ConflictError, StorageError
from release.ledger.ledger import Kind, Ledger
from release.ledger.state import fold
from release.rollout.colours import Deployment
from release.rollout.retention import plan, retain
from release.rollout.site import Site
from release.rollout.traffic import COLOURS
from tests.killing import killed_at
from tests.release.stub_site import make_world


def ledger_of(path: Path, story: str) -> Ledger:
    """``"b1 s1 b2"``: build v1, all traffic to v1, build v2; r1 removed v1, i1 meant to."""
    ledger = Ledger(path / "ledger.sqlite3")
    kinds = {"b": Kind.BUILD, "s": Kind.SWITCH, "r": Kind.RETIRE, "i": Kind.RETIRE}
    for word in story.split():
        detail = {"removed": []} if word[0] == "r" else {}
        ledger.append(kinds[word[0]], f"v{word[1:]}", who="test", why="story", detail=detail)
    return ledger


@pytest.mark.parametrize(
    ("story", "deployed", "removed"),
    [
        ("", (), ()),
        ("b1 s1", ("v1",), ()),
        ("b1 s1 b2 s2 b3 s3", ("v2", "v3"), ()),
        ("b1 s1 b2 s2 b3 s3 b4 s4", ("v3", "v4"), ("v1",)),
        ("b1 s1 b2 s2 b3 s3 b4 s4", ("v1", "v4"), ()),  # deployed: stays however old
        ("b1 b2 s2 b3 s3 b4 s4", (), ("v1",)),  # never served and overtaken
        ("b1 s1 b2", (), ()),  # built after the newest that served
        ("b1 s1 b2 s2 b3 s3 b4 s4 s1", (), ("v2",)),  # a return to v1 makes it the newest
        ("b1 s1 b2 s2 b3 s3 b4 s4 r1", (), ()),  # gone already
        ("b1 s1 b2 s2 b3 s3 b4 s4 i1", (), ("v1",)),  # to be removed, and it never was
        ("b1 s1 b2 s2 b3 s3 b4 s4 r1 b1", (), ("v1",)),  # built again
    ],
)
def test_retention(
    tmp_path: Path, story: str, deployed: tuple[str, ...], removed: tuple[str, ...]
) -> None:
    assert plan(fold(ledger_of(tmp_path, story).history()), deployed).remove == removed


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """v1 to v4 served, v4 and v3 are deployed; each has a bento."""
    site = make_world(tmp_path).site
    site.ledger = ledger_of(tmp_path, "b1 s1 b2 s2 b3 s3 b4 s4")
    for colour, release in zip(COLOURS, ("v3", "v4"), strict=True):
        site.colours.put(Deployment(colour, release, release, "process", "", "", "now"))
    for release in ("v1", "v2", "v3", "v4"):
        (bento(site, release) / "src").mkdir(parents=True)
        (bento(site, release) / "src" / "service.py").write_text("")
    return site


def bento(site: Site, release: str) -> Path:
    return site.home / "bentos" / "csanmt" / release


def details(site: Site) -> list[dict[str, object]]:
    return [entry.detail for entry in site.ledger.history(kind=Kind.RETIRE, version="v1")]


def test_removal_is_recorded_before_and_after(site: Site) -> None:
    keeping, removed = retain(site, site.home)
    assert (keeping.remove, removed) == (("v1",), {"v1": ["bento csanmt:v1"]})
    assert details(site) == [{}, {"removed": ["bento csanmt:v1"]}]
    assert not bento(site, "v1").exists()
    assert retain(site, site.home)[1] == {}


def test_a_removal_that_failed_is_planned_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", fail)
        with pytest.raises(StorageError, match="disk is gone"):
            retain(site, site.home)
    assert details(site) == [{}]
    assert not fold(site.ledger.history()).versions["v1"].retired
    assert retain(site, site.home)[1] == {"v1": ["bento csanmt:v1"]}


@pytest.mark.parametrize("status", [0, 2])
def test_an_image_in_use_is_not_recorded_as_gone(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    tool = tools / "podman"  # keeps its images in a file
    tool.write_text(
        "#!/bin/sh\ncase $1 in\n"
        f"  inspect) [ -e {tools}/stored ] && echo '[]' ;;\n"
        f"  rmi) [ {status} = 0 ] && /bin/rm {tools}/stored; exit {status} ;;\nesac\n"
    )
    tool.chmod(0o755)
    (tools / "stored").touch()
    monkeypatch.setenv("PATH", str(tools))
    site.ledger.append(Kind.BUILD, "v1", who="test", why="story", detail={"image": "csanmt:v1"})
    if status:
        with pytest.raises(StorageError, match="image csanmt:v1 could not be removed"):
            retain(site, site.home)
        assert not fold(site.ledger.history()).versions["v1"].retired
    else:
        removed = retain(site, site.home)[1]
        assert removed == {"v1": ["bento csanmt:v1", "image csanmt:v1"]}


STEPS = {"os.rename", "os.remove", "os.rmdir", "sqlite3.connect", "fcntl.flock"}


def test_a_removal_killed_at_any_step_is_finished_by_the_next(site: Site) -> None:
    everything = site.home / "bentos" / "csanmt"
    saved = shutil.copytree(everything, site.home / "saved")
    step, killed = 0, True
    while killed:
        step += 1
        shutil.copytree(saved, everything, dirs_exist_ok=True)
        site.ledger.append(Kind.BUILD, "v1", who="test", why="again")
        killed = killed_at(step, STEPS, lambda: retain(site, site.home))
        retain(site, site.home)
        assert sorted(path.name for path in everything.iterdir()) == ["v2", "v3", "v4"]
        assert fold(site.ledger.history()).versions["v1"].retired
    assert step > 8, "too few steps were seen: the hook is blind"


def test_nothing_is_removed_while_another_command_holds_the_site(site: Site) -> None:
    with (site.home / "lock").open("w") as file:  # as another process does
        fcntl.flock(file, fcntl.LOCK_EX)
        print("deployment of v5", file=file, flush=True)
        with pytest.raises(ConflictError, match="deployment of v5 is under way"):
            retain(site, site.home)
    assert details(site) == []
