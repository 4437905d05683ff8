"""A rehearsal that is broken off, over stubs; whole ones are in tests/e2e."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from csanmt.errors import ConflictError
from release.ledger.ledger import Kind
from release.rollout.drill import drill
from release.rollout.load import Load
from release.rollout.promotion import Plan, promote
from release.rollout.rollback import rollback
from tests.release.stub_site import World, kinds, two_versions


@pytest.fixture
def rehearsed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """v2 in service on green, v1 beside it; nobody sends the load."""
    two_versions(world)
    promote(world.site, "v2.0.0-bbb", Plan())
    monkeypatch.setattr(Load, "__enter__", lambda load: load)
    monkeypatch.setattr(Load, "__exit__", lambda *_: None)
    return world


def break_off(monkeypatch: pytest.MonkeyPatch, sleep: int) -> None:
    """Ctrl-C in the given one of the drill's sleeps."""
    count = 0

    def interrupted(_: float) -> None:
        nonlocal count
        count += 1
        if count == sleep:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)


@pytest.mark.parametrize(
    ("sleep", "expected"), [(1, ["drill"]), (2, ["switch", "switch", "drill"])]
)
def test_a_drill_that_is_broken_off_leaves_the_version_in_service(
    rehearsed: World, monkeypatch: pytest.MonkeyPatch, sleep: int, expected: list[str]
) -> None:
    before = kinds(rehearsed)
    break_off(monkeypatch, sleep)
    with pytest.raises(KeyboardInterrupt):
        drill(rehearsed.site, "127.0.0.1:1")
    assert rehearsed.site.router.state().green == 100
    assert kinds(rehearsed)[len(before) :] == expected
    entry = rehearsed.site.ledger.last(Kind.DRILL)
    assert entry
    assert entry.why == "rehearsal broken off: KeyboardInterrupt"


def test_a_drill_speaks_against_nobody(rehearsed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    drill(rehearsed.site, "127.0.0.1:1")
    assert rollback(rehearsed.site, why="v2 echoes").release == "v1.0.0-aaa"


def test_a_drill_during_another_command_changes_nothing(rehearsed: World) -> None:
    before = kinds(rehearsed)
    with (
        replace(rehearsed.site).exclusive("deployment of v3.0.0-ccc"),
        pytest.raises(ConflictError, match="under way"),
    ):
        drill(rehearsed.site, "127.0.0.1:1")
    assert kinds(rehearsed) == before
