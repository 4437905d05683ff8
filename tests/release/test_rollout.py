"""Deploy, promote, observe, roll back over stubs: every decision, no server."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from csanmt.errors import ConflictError, NotFoundError, UnavailableError
from release.ledger.ledger import Kind
from release.rollout.deployment import deploy, idle_colour
from release.rollout.promotion import PromotionPlan, promote, watch
from release.rollout.rollback import rollback
from release.rollout.status import look
from release.rollout.traffic import Traffic
from tests.release.doubles import StubLauncher, StubRouter
from tests.release.stub_site import World, kinds, on, put, three_served, two_versions


def test_a_version_goes_to_the_colour_without_traffic(world: World) -> None:
    two_versions(world)
    assert world.site.router.state().blue == 100
    assert idle_colour(look(world.site)) == "green"
    assert on(world, "v2.0.0-bbb").colour == "green"


def test_an_unjudged_version_is_refused_unless_forced_with_a_reason(world: World) -> None:
    with pytest.raises(ConflictError, match="never judged"):
        deploy(world.site, "v3.0.0-ccc", "csanmt:v3")
    world.site.ledger.append(
        Kind.VERDICT, "v3.0.0-ccc", who="gate", why="bleu fell", detail={"ready": False}
    )
    with pytest.raises(ConflictError, match="not ready"):
        deploy(world.site, "v3.0.0-ccc", "csanmt:v3")
    deploy(world.site, "v3.0.0-ccc", "csanmt:v3", force="night fix")
    assert world.site.ledger.last(Kind.DEPLOY).why == "forced: night fix"  # type: ignore[union-attr]


def test_a_version_that_fails_a_trial_is_stopped_and_recorded(world: World) -> None:
    def broken(url: str) -> None:
        raise UnavailableError("it echoes")

    with pytest.raises(UnavailableError, match="echoes"):
        deploy(world.site, "v1.0.0-aaa", "csanmt:v1", force="test", checks=(broken,))
    assert world.site.colours.get("green") is None
    assert kinds(world) == ["abort"]
    assert isinstance(world.site.launcher, StubLauncher)
    assert not world.site.launcher.running


def test_what_others_started_is_promoted_as_it_is_seen(world: World) -> None:
    """As a compose file does: no record and no entry, but it answers by its name."""
    world.launcher.start("csanmt:v1.0.0-aaa", world.site.place("blue"))
    assert promote(world.site, "v1.0.0-aaa", PromotionPlan()).completed
    put(world, "v2.0.0-bbb", into_service=True)
    assert rollback(world.site, why="v2 echoes").release == "v1.0.0-aaa"


def test_blue_green_switches_everything_at_once(world: World) -> None:
    two_versions(world)
    done = promote(world.site, "v2.0.0-bbb", PromotionPlan())
    assert done.completed
    assert world.site.router.state().green == 100
    assert kinds(world)[-1] == "switch"


def test_canary_walks_its_steps_and_watches_each(world: World) -> None:
    two_versions(world)
    done = promote(world.site, "v2.0.0-bbb", PromotionPlan((5, 25, 50, 100), interval=60, poll=10))
    assert done.completed
    weights = [e.detail["weight"] for e in world.site.ledger.history(kind="switch")][1:]
    assert weights == [5, 25, 50, 100]
    assert world.clock.time == 180


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"up": False}, "does not answer"),
        ({"error_share": 0.2}, "20.0% of its answers are errors"),
        ({"seconds": 0.9}, "times the other colour"),
        ({"echo_share": 0.5}, "echoed rose by 50.0%"),
    ],
)
def test_a_sick_canary_is_rolled_back_with_the_reason(
    world: World, wrong: dict[str, float], words: str
) -> None:
    two_versions(world)

    def fall_ill(now: float) -> None:
        if now >= 70:
            for key, value in wrong.items():
                setattr(world.services["green"], key, value)

    world.clock.on_sleep.append(fall_ill)
    done = promote(world.site, "v2.0.0-bbb", PromotionPlan((5, 50, 100), interval=60, poll=10))
    assert not done.completed
    assert done.share == 50
    assert words in done.reasons[0]
    assert world.site.router.state().blue == 100
    assert kinds(world)[-2:] == ["breach", "rollback"]
    assert words in world.alert.sent[0][0]


def test_the_watched_window_after_promotion_rolls_back_too(world: World) -> None:
    two_versions(world)
    promote(world.site, "v2.0.0-bbb", PromotionPlan())
    world.services["green"].up = False
    seen = watch(world.site, 1800, 10)
    assert [breach.rule for breach in seen.breaches] == ["down"]
    assert world.clock.time < 10
    assert world.site.router.state().blue == 100


def test_a_few_errors_are_enough_when_the_front_spares_the_version(world: World) -> None:
    two_versions(world)
    promote(world.site, "v2.0.0-bbb", PromotionPlan())
    green = world.services["green"]
    green.per_second, green.error_share = 0.2, 1.0  # one request, one error every five seconds
    seen = watch(world.site, 1800, 10)
    assert [breach.rule for breach in seen.breaches] == ["error_rate"]
    assert world.clock.time <= 60


def test_a_slow_version_is_found_where_few_requests_come(world: World) -> None:
    """Readings with too few answers between two bad ones do not acquit it."""
    two_versions(world)
    world.clock.sleep(60)  # the baseline
    promote(world.site, "v2.0.0-bbb", PromotionPlan())
    green = world.services["green"]
    green.per_second, green.seconds = 1.5, 0.9  # 15 answers a reading, 20 are judged
    seen = watch(world.site, 300, 10)
    assert [breach.rule for breach in seen.breaches] == ["p95_ratio"]


def test_a_quiet_window_is_recorded(world: World) -> None:
    two_versions(world)
    seen = watch(world.site, 1800, 10)
    assert not seen.breaches
    assert seen.readings["blue"].qps == pytest.approx(10)
    assert kinds(world)[-1] == "observe"
    json.dumps(seen.to_json())


def test_rollback_returns_to_the_other_colour(world: World) -> None:
    two_versions(world)
    promote(world.site, "v2.0.0-bbb", PromotionPlan())
    back = rollback(world.site, why="users complain")
    assert (back.release, back.from_release) == ("v1.0.0-aaa", "v2.0.0-bbb")
    assert world.site.ledger.last(Kind.ROLLBACK).why == "users complain"  # type: ignore[union-attr]


def test_rollback_in_mid_canary_returns_to_the_version_in_service(world: World) -> None:
    two_versions(world)
    world.site.router.switch(Traffic.of("green", 80))  # and the command was killed
    assert rollback(world.site, why="killed").release == "v1.0.0-aaa"


def test_rollback_with_nowhere_to_go_says_so(world: World) -> None:
    world.site.router.switch(Traffic.of("green"))
    put(world, "v1.0.0-aaa", into_service=True)
    with pytest.raises(NotFoundError, match="nothing served before v1"):
        rollback(world.site, why="panic")
    with pytest.raises(NotFoundError, match="blue: v1"):
        rollback(world.site, "v0.9.0-zzz", why="panic")


def test_rollback_never_goes_to_a_candidate_that_never_served(world: World) -> None:
    two_versions(world)
    with pytest.raises(NotFoundError, match="nothing served before v1"):
        rollback(world.site, why="panic")
    assert world.site.router.state().blue == 100


def test_rollback_starts_one_of_the_last_three_that_no_longer_runs(world: World) -> None:
    three_served(world)
    told: list[str] = []
    back = rollback(world.site, "v1.0.0-aaa", why="users complain", tell=told.append)
    assert (back.release, back.colour, back.started) == ("v1.0.0-aaa", "green", True)
    assert world.site.router.state().green == 100
    assert isinstance(world.site.launcher, StubLauncher)
    assert ("csanmt:v1.0.0-aaa", "127.0.0.1:2") in world.site.launcher.running.values()
    assert kinds(world)[-2:] == ["deploy", "rollback"]
    assert "does not run any more" in told[0]


def test_rollback_starts_the_fallback_again_where_it_died(world: World) -> None:
    three_served(world)
    dead = on(world, "v2.0.0-bbb")
    world.dies(dead.colour)
    world.services["green"].up = False

    def up_again(_now: float) -> None:
        world.services["green"].up = True

    world.clock.on_sleep.append(up_again)
    back = rollback(world.site, why="v3 echoes")
    assert (back.release, back.colour, back.started) == ("v2.0.0-bbb", "green", True)


def test_rollback_in_mid_canary_to_a_third_version_settles_first(world: World) -> None:
    three_served(world)
    world.site.router.switch(Traffic.of("green", 25))
    back = rollback(world.site, "v1.0.0-aaa", why="both are bad")
    assert (back.release, back.colour) == ("v1.0.0-aaa", "green")
    shares = [t.green for t in world.site.router.history[-3:]]  # type: ignore[attr-defined]
    assert shares == [25, 0, 100]  # v3 alone while v1 was started


def test_a_missing_bento_costs_nobody_the_fallback(world: World) -> None:
    three_served(world)
    assert isinstance(world.site.launcher, StubLauncher)
    world.site.launcher.missing.add("csanmt:v1.0.0-aaa")
    with pytest.raises(NotFoundError, match="is not there"):
        rollback(world.site, "v1.0.0-aaa", why="panic")
    fallback = on(world, "v2.0.0-bbb")
    assert world.site.launcher.alive(fallback.handle)


def test_a_rollback_killed_before_the_ledger_is_finished_not_undone(world: World) -> None:
    two_versions(world)
    promote(world.site, "v2.0.0-bbb", PromotionPlan())
    world.site.router.switch(Traffic.of("blue", purpose="rollback"))  # and it was killed
    assert rollback(world.site, why="again").release == "v1.0.0-aaa"
    assert world.site.router.state().blue == 100


def test_two_commands_at_once_are_refused(world: World) -> None:
    two_versions(world)
    another = replace(world.site)  # as a second command opens it
    with another.exclusive("promotion of v2.0.0-bbb"), pytest.raises(ConflictError) as caught:
        promote(world.site, "v2.0.0-bbb", PromotionPlan())
    assert "promotion of v2.0.0-bbb is under way" in str(caught.value)


def test_a_rollback_in_mid_promotion_stops_the_promotion(world: World) -> None:
    two_versions(world)

    def someone_rolls_back(now: float) -> None:
        if now == 30:
            rollback(world.site, why="by hand")

    world.clock.on_sleep.append(someone_rolls_back)
    done = promote(world.site, "v2.0.0-bbb", PromotionPlan((50, 100), interval=60, poll=10))
    assert not done.completed
    assert world.site.router.state().blue == 100


def test_deploying_in_mid_canary_is_refused(world: World) -> None:
    two_versions(world)
    world.site.router.switch(Traffic.of("green", 25))
    with pytest.raises(ConflictError, match="both colours have traffic"):
        deploy(world.site, "v3.0.0-ccc", "csanmt:v3", force="test")


def test_a_canary_of_the_version_in_service_would_give_the_rest_to_a_candidate(
    world: World,
) -> None:
    two_versions(world)
    with pytest.raises(ConflictError, match="has 100% of the traffic already"):
        promote(world.site, "v1.0.0-aaa", PromotionPlan((5, 100)))
    assert world.site.router.state().blue == 100
    assert promote(world.site, "v1.0.0-aaa", PromotionPlan()).completed


def test_a_killed_canary_is_resumed_from_its_share_upwards(world: World) -> None:
    two_versions(world)
    world.site.router.switch(Traffic.of("green", 25))
    with pytest.raises(ConflictError, match="has 25% of the traffic already"):
        promote(world.site, "v2.0.0-bbb", PromotionPlan((5, 100)))
    assert promote(world.site, "v2.0.0-bbb", PromotionPlan((25, 100), interval=10)).completed


def test_a_canary_needs_a_version_in_service_beside_it(world: World) -> None:
    two_versions(world)
    world.services["blue"].up = False
    with pytest.raises(UnavailableError, match="would keep 95% of the traffic, is not ready"):
        promote(world.site, "v2.0.0-bbb", PromotionPlan((5, 100)))
    world.site.colours.clear("blue")
    with pytest.raises(ConflictError, match="nothing in service on blue"):
        promote(world.site, "v2.0.0-bbb", PromotionPlan((5, 100)))
    assert world.site.router.state().blue == 100
    assert promote(world.site, "v2.0.0-bbb", PromotionPlan()).completed


def test_the_first_version_of_a_site_is_no_canary(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_: StubRouter) -> Traffic:
        raise UnavailableError("nothing was deployed yet")

    put(world, "v1.0.0-aaa")
    with monkeypatch.context() as patched:
        patched.setattr(StubRouter, "state", absent)
        with pytest.raises(ConflictError, match=r"promote v1\.0\.0-aaa at once"):
            promote(world.site, "v1.0.0-aaa", PromotionPlan((5, 100)))
