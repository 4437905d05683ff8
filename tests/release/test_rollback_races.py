"""Rollbacks that meet another command, over stubs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from csanmt.errors import ConflictError, NotFoundError
from release.rollout import promotion as promotion_module
from release.rollout.keeper import keep
from release.rollout.metrics import Clock
from release.rollout.promotion import PromotionPlan, promote, watch
from release.rollout.rollback import rollback
from release.rollout.shipment import Shipment, Shipments, roll_back_past
from release.rollout.traffic import Traffic, TrafficMovedError
from tests.release.doubles import StubLauncher
from tests.release.stub_site import World, kinds, on, put, three_served, two_versions
from tests.serving.live_server import wait_until


def v2_in_service(world: World) -> None:
    """v1 beside it, running."""
    two_versions(world)
    promote(world.site, "v2.0.0-bbb", PromotionPlan())


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
    promote(world.site, "v2.0.0-bbb", PromotionPlan())
    promote(world.site, "v1.0.0-aaa", PromotionPlan())
    assert rollback(world.site, why="users complain").release == "v2.0.0-bbb"


def test_a_promotion_rolls_back_to_a_version_that_must_be_started(world: World) -> None:
    """Starting it takes the site, which the promotion holds itself."""
    two_versions(world)
    fallback = on(world, "v1.0.0-aaa")

    def both_die(now: float) -> None:
        if now == 5:
            world.services["blue"].up = world.services["green"].up = False
            world.dies(fallback.colour)

        if now > 10:
            world.services["blue"].up = True  # the deployment waits for it

    world.clock.on_sleep.append(both_die)
    done = promote(world.site, "v2.0.0-bbb", PromotionPlan(observe=60))
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
        promote(world.site, "v1.0.0-aaa", PromotionPlan(observe=60))
    assert "ill, and could not be rolled back: nothing served before" in world.alert.sent[0][0]


def test_a_watch_that_another_command_keeps_from_rolling_back_says_so(world: World) -> None:
    v2_in_service(world)
    world.dies("blue")
    world.services["blue"].up = world.services["green"].up = False
    with (
        replace(world.site).exclusive("deployment of v3.0.0-ccc"),
        pytest.raises(ConflictError, match=r"deployment of v3.0.0-ccc is under way"),
    ):
        watch(world.site, 60, 10)
    assert "could not be rolled back: deployment of v3.0.0-ccc" in world.alert.sent[0][0]


def during(monkeypatch: pytest.MonkeyPatch, moment: str, happens: Callable[[], object]) -> None:
    """Let something happen when the launcher is next asked for ``moment``."""
    method = getattr(StubLauncher, moment)

    def interrupted(launcher: StubLauncher, *args: object, **options: object) -> object:
        monkeypatch.setattr(StubLauncher, moment, method)
        happens()
        return method(launcher, *args, **options)

    monkeypatch.setattr(StubLauncher, moment, interrupted)


def test_no_rollback_goes_to_a_version_that_is_being_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    v2_in_service(world)

    def someone_rolls_back() -> None:
        with pytest.raises(ConflictError, match="deployment of v3"):
            rollback(replace(world.site), why="v2 echoes")

    during(monkeypatch, "stop", someone_rolls_back)
    put(world, "v3.0.0-ccc")
    assert world.site.router.state().green == 100
    assert on(world, "v3.0.0-ccc").colour == "blue"


def test_a_deployment_gives_way_to_a_rollback_before_it_stops_anything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    v2_in_service(world)
    during(monkeypatch, "require", lambda: rollback(replace(world.site), why="v2 echoes"))
    with pytest.raises(ConflictError, match=r"v1\.0\.0-aaa cannot be replaced"):
        put(world, "v3.0.0-ccc")
    v1 = on(world, "v1.0.0-aaa")
    assert world.site.launcher.alive(v1.handle)
    assert world.site.router.state().share(v1.colour) == 100


def test_no_candidate_is_started_on_a_colour_that_got_traffic_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollback that had read the record before it was marked."""
    v2_in_service(world)
    during(monkeypatch, "stop", lambda: world.site.router.switch(Traffic.of("blue")))
    with pytest.raises(ConflictError, match=r"v1\.0\.0-aaa is started again"):
        put(world, "v3.0.0-ccc")
    v1 = on(world, "v1.0.0-aaa")
    assert world.site.launcher.alive(v1.handle)


def test_a_killed_deployment_leaves_a_version_that_can_be_stopped_and_started(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    v2_in_service(world)

    def die() -> None:
        raise KeyboardInterrupt

    during(monkeypatch, "stop", die)
    with pytest.raises(KeyboardInterrupt):
        put(world, "v3.0.0-ccc")
    back = rollback(world.site, why="v2 echoes")
    assert (back.release, back.colour, back.started) == ("v1.0.0-aaa", "blue", True)
    assert isinstance(world.site.launcher, StubLauncher)
    assert len(world.site.launcher.running) == 2


def test_the_way_back_of_a_watched_version_is_not_replaced(world: World) -> None:
    v2_in_service(world)
    refusals: list[str] = []

    def someone_deploys(now: float) -> None:
        if now == 5:
            with pytest.raises(ConflictError) as caught:
                put(world, "v3.0.0-ccc")
            refusals.append(str(caught.value))

    world.clock.on_sleep.append(someone_deploys)
    watch(world.site, 60, 10)
    assert "v1.0.0-aaa on blue is its way back" in refusals[0]
    put(world, "v3.0.0-ccc")


def test_a_candidate_is_replaced_during_a_watch(world: World) -> None:
    two_versions(world)
    with world.site.watching():
        put(world, "v3.0.0-ccc")
    assert on(world, "v3.0.0-ccc").colour == "green"


@pytest.mark.parametrize("named", [True, False])
def test_a_rollback_that_must_start_a_version_ends_a_shipment_first(
    world: World, named: bool
) -> None:
    """FIRST runs no more, SECOND neither; THIRD serves and a fourth waits for approval at 25 %."""
    three_served(world)
    put(world, "v4.0.0-ddd")
    shipments = Shipments(world.site.home / "keeper")
    plan = PromotionPlan((25, 100), interval=20, observe=20)
    shipments.submit(Shipment("v4.0.0-ddd", plan=plan, pause_at=(25.0,)))
    mine = replace(world.site, clock=Clock())
    keeper = threading.Thread(
        target=keep, args=(lambda: replace(world.site), shipments), kwargs={"once": True}
    )
    keeper.start()
    wait_until(lambda: shipments.progress().phase == "paused")
    back = roll_back_past(mine, shipments, "v1.0.0-aaa" if named else None, why="all of them echo")
    keeper.join()
    assert back.release == ("v1.0.0-aaa" if named else "v3.0.0-ccc")
    assert shipments.progress().over
