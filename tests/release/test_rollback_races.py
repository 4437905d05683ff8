"""Rollbacks that meet another command, over stubs."""

from __future__ import annotations

import pytest

from csanmt.errors import NotFoundError
from release import promotion as promotion_module
from release.promotion import Plan, promote, watch
from release.rollback import rollback
from release.traffic import TrafficMovedError
from tests.release.stub_site import World, kinds, three_served, two_versions


def v2_in_service(world: World) -> None:
    """v1 beside it, running."""
    two_versions(world)
    promote(world.site, "v2.0.0-bbb", Plan())


def test_an_observer_stands_down_when_somebody_rolled_back_first(world: World) -> None:
    v2_in_service(world)

    def fall_ill_and_be_rolled_back(now: float) -> None:
        if now == 5:
            world.services["green"].up = False
        if now == 6:  # before the second probe, which makes it sure
            rollback(world.site, why="users complain")

    world.clock.on_sleep.append(fall_ill_and_be_rolled_back)
    seen = watch(world.site, 1800, 10)
    assert (seen.interrupted, seen.breaches) == (True, ())
    assert world.site.router.state().blue == 100
    assert kinds(world)[-1] == "rollback"
    assert not world.alert.sent


def test_an_observer_stands_down_when_somebody_is_faster_after_its_verdict(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    v2_in_service(world)
    world.services["green"].up = False

    def record_and_be_overtaken(*_: object) -> None:
        rollback(world.site, why="users complain")

    monkeypatch.setattr(promotion_module, "record", record_and_be_overtaken)
    assert watch(world.site, 1800, 10).interrupted
    assert world.site.router.state().blue == 100
    assert kinds(world).count("rollback") == 1


def test_a_rollback_of_a_traffic_that_moved_on_is_refused(world: World) -> None:
    v2_in_service(world)
    watched = world.site.router.state().generation
    rollback(world.site, why="users complain")
    with pytest.raises(TrafficMovedError):
        rollback(world.site, why="the observer's", expected=watched)
    assert world.site.router.state().blue == 100


def test_a_second_rollback_does_not_return_to_what_the_first_one_left(world: World) -> None:
    v2_in_service(world)
    rollback(world.site, why="users complain")
    with pytest.raises(NotFoundError, match=r"v2\.0\.0-bbb served .* was rolled back from"):
        rollback(world.site, why="again")
    assert rollback(world.site, "v2.0.0-bbb", why="it was not v2").release == "v2.0.0-bbb"
    assert rollback(world.site, why="it was").release == "v1.0.0-aaa"


def test_a_second_rollback_goes_further_back(world: World) -> None:
    three_served(world)
    assert rollback(world.site, why="v3 echoes").release == "v2.0.0-bbb"
    back = rollback(world.site, why="v2 echoes too")
    assert (back.release, back.started) == ("v1.0.0-aaa", True)


def test_a_version_that_was_promoted_again_is_a_way_back_again(world: World) -> None:
    v2_in_service(world)
    rollback(world.site, why="false alarm")
    promote(world.site, "v2.0.0-bbb", Plan())
    promote(world.site, "v1.0.0-aaa", Plan())
    assert rollback(world.site, why="users complain").release == "v2.0.0-bbb"
