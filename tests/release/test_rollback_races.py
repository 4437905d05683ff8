"""Rollbacks that meet another command, over stubs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from csanmt.errors import ConflictError, NotFoundError
from release import promotion as promotion_module
from release.promotion import Plan, promote, watch
from release.rollback import rollback
from release.traffic import Traffic, TrafficMovedError
from tests.release.stub_site import World, kinds, put, three_served, two_versions


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


def test_a_promotion_rolls_back_to_a_version_that_must_be_started(world: World) -> None:
    """Starting it takes the site, which the promotion holds itself."""
    two_versions(world)
    fallback = world.site.colours.running("v1.0.0-aaa")

    def both_die(now: float) -> None:
        if now == 5:
            world.services["blue"].up = world.services["green"].up = False
            world.site.launcher.stop(fallback.handle)

        if now > 10:
            world.services["blue"].up = True  # the deployment waits for it

    world.clock.on_sleep.append(both_die)
    done = promote(world.site, "v2.0.0-bbb", Plan(observe=60))
    assert not done.completed
    assert world.site.router.state().blue == 100
    assert kinds(world)[-3:] == ["breach", "deploy", "rollback"]


def test_a_rollback_that_cannot_be_done_is_told_to_people(world: World) -> None:
    world.site.router.switch(Traffic.of("green"))
    put(world, "v1.0.0-aaa")

    def fall_ill(_: float) -> None:
        world.services["blue"].up = False

    world.clock.on_sleep.append(fall_ill)
    with pytest.raises(NotFoundError, match="nothing served before"):
        promote(world.site, "v1.0.0-aaa", Plan(observe=60))
    assert "ill, and could not be rolled back: nothing served before" in world.alert.sent[0][0]


def test_a_watch_that_another_command_keeps_from_rolling_back_says_so(world: World) -> None:
    v2_in_service(world)
    world.site.launcher.stop(world.site.colours.running("v1.0.0-aaa").handle)
    world.services["blue"].up = world.services["green"].up = False
    with (
        replace(world.site).exclusive("deployment of v3.0.0-ccc"),
        pytest.raises(ConflictError, match=r"deployment of v3.0.0-ccc is under way"),
    ):
        watch(world.site, 60, 10)
    assert "could not be rolled back: deployment of v3.0.0-ccc" in world.alert.sent[0][0]
