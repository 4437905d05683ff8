"""What once went wrong on call, each as it was found; the front's are in test_nginx.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from csanmt.errors import ConflictError, CsanmtError, IntegrityError, NotFoundError
from release.ledger.ledger import Kind
from release.ledger.state import fold
from release.rollout.metrics import ServiceMetrics
from release.rollout.observation import observe
from release.rollout.promotion import PromotionPlan, promote, watch
from release.rollout.retention import plan
from release.rollout.rollback import rollback
from release.rollout.status import look, standing
from release.rollout.traffic import Traffic
from release.rollout.upkeep import up
from release.running.launchers import Place
from release.running.service import Identity
from tests.release.stub_site import World, kinds, on, put, three_served, two_versions

PAST = datetime(2001, 1, 1, tzinfo=UTC)
FIRST, SECOND, THIRD = "v1.0.0-aaa", "v2.0.0-bbb", "v3.0.0-ccc"


def switched(world: World) -> None:
    """SECOND in service on green, FIRST beside it."""
    two_versions(world)
    promote(world.site, SECOND, PromotionPlan())


# -- what was started is what answers ------------------------------------------------------------


def test_a_stranger_on_the_port_is_not_taken_for_the_version(world: World) -> None:
    two_versions(world)
    world.services["green"].listening = True
    with pytest.raises(ConflictError, match="ss -ltnp 'sport = :2'"):
        put(world, THIRD)
    assert kinds(world)[-1] == "deploy"  # no word against the innocent candidate


def test_an_answer_while_the_started_process_is_gone_is_not_its_own(world: World) -> None:
    two_versions(world)

    def die_at_once(bento: str, place: Place) -> None:
        world.launcher.stop(place)  # the port was taken: EADDRINUSE

    world.launcher.started = die_at_once
    with pytest.raises(CsanmtError, match=r"ended before it was ready; its log: green\.log"):
        put(world, THIRD)


@pytest.mark.parametrize(
    "said", [Identity(bento=f"csanmt:{SECOND}"), Identity(model="m:other", digest="sha256:other")]
)
def test_what_answers_as_something_else_is_stopped_again(world: World, said: Identity) -> None:
    two_versions(world)
    world.site.ledger.append(
        Kind.BUILD, THIRD, who="ci", why="test", digests={"model": "sha256:right"}
    )

    def start(bento: str, place: Place) -> None:
        world.services["green"].identity = said

    world.launcher.started = start
    with pytest.raises(IntegrityError, match="answers as"):
        put(world, THIRD)
    assert not world.launcher.runs(world.site.place("green"))


def test_a_colour_without_a_record_is_known_by_what_answers(world: World) -> None:
    switched(world)
    world.site.colours.clear("blue")
    side = look(world.site).sides["blue"]
    assert (side.release, side.state, side.runs) == (FIRST, "ready", True)


def test_a_record_that_what_answers_contradicts_is_ignored(world: World) -> None:
    switched(world)
    world.services["blue"].identity = Identity(bento=f"csanmt:{THIRD}")
    now = standing(world.site)
    assert now.sides[0].release == THIRD
    assert f"blue answers as {THIRD}, its record says {FIRST}" in now.remarks[0]


def test_an_orphaned_worker_is_stopped_before_another_version_starts(world: World) -> None:
    two_versions(world)
    place = world.site.place("green")
    world.launcher.running = {
        "orphan" if where == place.address else handle: (bento, where)
        for handle, (bento, where) in world.launcher.running.items()
    }
    put(world, THIRD)
    assert "orphan" not in world.launcher.running
    assert on(world, THIRD).colour == "green"


# -- never stop the only process that serves -----------------------------------------------------


def test_a_deployment_spares_the_colour_that_answers_for_a_dead_one(world: World) -> None:
    switched(world)
    world.dies("green")
    put(world, THIRD)
    assert on(world, THIRD).colour == "green"
    assert on(world, FIRST).colour == "blue"
    assert world.router.state().blue == 100  # THIRD has no users before it is promoted
    assert world.site.ledger.history(kind=Kind.SWITCH)[-1].why == "green is dead"


def test_a_rollback_starts_where_no_process_runs(world: World) -> None:
    two_versions(world)
    world.dies("blue")  # SECOND, a candidate on green, answers for it
    back = rollback(world.site, why="FIRST died")
    assert (back.release, back.colour, back.started) == (FIRST, "blue", True)
    assert world.launcher.runs(world.site.place("green"))
    assert world.router.state().blue == 100


def test_a_rollback_spares_a_version_that_nobody_can_name(world: World) -> None:
    three_served(world)  # THIRD on blue, SECOND beside it
    world.site.colours.clear("blue")
    world.services["blue"].identity = Identity()
    world.dies("green")
    back = rollback(world.site, FIRST, why="go there")
    assert (back.release, back.colour) == (FIRST, "green")
    assert world.launcher.runs(world.site.place("blue"))


def test_without_a_ledger_no_rollback_goes_to_what_never_served(world: World) -> None:
    two_versions(world)  # SECOND is a candidate
    world.site.ledger.path.write_bytes(b"garbage")
    with pytest.raises(NotFoundError, match="there is no version to go back to"):
        rollback(world.site, why="panic")
    assert rollback(world.site, SECOND, why="panic").release == SECOND
    assert rollback(world.site, why="panic").release == FIRST  # which served


def test_a_site_whose_only_version_died_starts_it_again(world: World) -> None:
    world.router.switch(Traffic.of("green"))
    put(world, FIRST, into_service=True)
    world.dies("blue")
    world.router.up = False
    back = rollback(world.site, why="the machine came back")
    assert (back.release, back.started, world.router.up) == (FIRST, True, True)


# -- where a way back leads ----------------------------------------------------------------------


def test_a_version_is_not_deployed_beside_itself(world: World) -> None:
    switched(world)
    with pytest.raises(ConflictError, match=f"{SECOND} serves already on green"):
        put(world, SECOND)
    assert rollback(world.site, why="v2 echoes").release == FIRST


def test_a_rollback_to_what_serves_says_that_nothing_changed(world: World) -> None:
    switched(world)
    generation = world.router.state().generation
    assert rollback(world.site, SECOND, why="panic").already
    assert world.router.state().generation == generation


def test_a_short_name_needs_no_ledger(world: World) -> None:
    switched(world)
    assert rollback(world.site, "v1.0.0", why="v2 echoes").release == FIRST


def test_of_two_rollbacks_at_once_the_slower_is_told(world: World) -> None:
    two_versions(world)
    world.router.switch(Traffic.of("green", 50))  # a canary whose command is gone
    switch, overtaken = world.router.switch, False

    def be_overtaken(traffic: Traffic, *, expected: int | None = None) -> Traffic:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            rollback(replace(world.site), SECOND, why="somebody else's")
        return switch(traffic, expected=expected)

    world.site.router = _with(world, be_overtaken)
    with pytest.raises(ConflictError, match=f"another rollback sent all traffic to {SECOND}"):
        rollback(world.site, FIRST, why="mine")


def _with(world: World, switch: object) -> object:
    class Router(type(world.router)):  # type: ignore[misc]
        pass

    router = Router(world.router.history)
    Router.switch = lambda _, traffic, *, expected=None: switch(traffic, expected=expected)
    return router


def test_a_killed_rollback_that_is_repeated_does_not_go_back_to_the_ill_version(
    world: World,
) -> None:
    switched(world)
    world.router.switch(Traffic.of("blue", purpose="rollback"))  # killed before the ledger
    world.router.history[-1] = replace(world.router.state(), generation=1)  # and the files lost
    assert rollback(world.site, why="again").release == FIRST


def test_a_way_back_that_hangs_is_started_again(world: World) -> None:
    switched(world)
    world.services["blue"].up = False  # its process lives
    told: list[str] = []
    back = rollback(world.site, why="v2 echoes", tell=told.append)
    assert (back.release, back.colour, back.started) == (FIRST, "blue", True)
    assert f"{FIRST} lives on blue and does not answer" in told
    assert look(world.site).present.state == "ready"


def test_of_two_that_hang_the_one_without_users_is_started_again(world: World) -> None:
    switched(world)
    world.services["blue"].up = world.services["green"].up = False
    assert rollback(world.site, why="nothing answers").started
    assert look(world.site).present.state == "ready"


def test_a_canary_whose_stable_version_hangs_goes_back_to_it_anew(world: World) -> None:
    two_versions(world)
    world.router.switch(Traffic.of("green", 25))  # a canary whose command is gone
    world.services["blue"].up = False
    back = rollback(world.site, why="both are bad")
    assert (back.release, back.started) == (FIRST, True)
    assert [t.green for t in world.router.history[-2:]] == [100, 0]
    assert look(world.site).present.state == "ready"


def test_a_site_whose_version_hangs_comes_up(world: World) -> None:
    switched(world)
    world.services["green"].up = False
    assert up(world.site) == SECOND
    assert look(world.site).present.state == "ready"


def test_a_stranger_in_the_place_of_what_served_is_named(world: World) -> None:
    switched(world)
    world.dies("blue")
    world.dies("green")
    for service in world.services.values():
        service.up, service.listening = True, True
        service.identity = Identity(bento="theirs:1")
    with pytest.raises(ConflictError, match="this site did not start listens"):
        up(world.site)


# -- observation ---------------------------------------------------------------------------------


def test_silence_is_no_promotion(world: World) -> None:
    two_versions(world)
    world.services["green"].per_second = 0.0
    world.site.front = None
    done = promote(world.site, SECOND, PromotionPlan((5, 100), interval=30, poll=10))
    assert (done.completed, done.share) == (False, 5)
    assert done.reasons == ("not observed: 0 answers, 20 are needed",)
    assert world.router.state().blue == 100


def test_without_users_the_watcher_asks_through_the_front_itself(world: World) -> None:
    two_versions(world)
    world.services["green"].per_second = 0.0
    seen = observe(world.site, "green", world.router.state().generation, 30)
    assert (seen.reasons, seen.answers) == ((), 30)
    assert "users' latency (0 requests of theirs)" in seen.unjudged


def test_a_front_that_is_gone_is_not_well_and_is_started_again(world: World) -> None:
    switched(world)
    world.front.status = lambda colour: 0
    seen = watch(world.site, 60, 10)
    assert [breach.rule for breach in seen.breaches] == ["front"]
    assert (world.router.starts, world.router.state().green) == (1, 100)
    assert "the front was started again" in world.alert.sent[0][0]


def test_test_requests_that_hang_hold_no_verdict_up(world: World) -> None:
    two_versions(world)
    world.services["green"].up = False

    def hang(colour: str) -> int:
        world.clock.sleep(10)
        return 0

    world.front.status = hang
    seen = observe(world.site, "green", world.router.state().generation, 30)
    assert [breach.rule for breach in seen.breaches] == ["down"]
    assert world.clock.now() < 15


def test_a_front_that_fails_under_the_candidate_sends_it_back(world: World) -> None:
    two_versions(world)
    world.front.status = lambda colour: 502 if colour == "green" else 200
    done = promote(world.site, SECOND, PromotionPlan((5, 100), interval=60, poll=10))
    assert "of test requests through the front are errors" in done.reasons[0]
    assert world.router.state().blue == 100


def test_a_version_that_hangs_is_ended_so_that_its_requests_are_asked_elsewhere(
    world: World,
) -> None:
    switched(world)
    world.services["green"].up = False  # and its process lives
    assert watch(world.site, 60, 10).breaches
    assert not world.launcher.runs(world.site.place("green"))
    assert world.launcher.runs(world.site.place("blue"))


def test_metrics_that_are_none_break_no_look(world: World) -> None:
    switched(world)
    for service in world.services.values():
        service.text = "<html>hello\n"
    world.site.metrics = ServiceMetrics(world.site.services)
    now = standing(world.site)
    assert [side.state for side in now.sides] == ["ready", "ready"]
    seen = world.site.metrics.sample("blue")
    assert not seen.up


# -- the ledger's clock --------------------------------------------------------------------------


def test_retention_asks_no_clock(world: World) -> None:
    three_served(world)
    ledger = world.site.ledger
    ledger.append(Kind.BUILD, FIRST, who="ci", why="test")
    ledger.append(Kind.BUILD, "v4.0.0-ddd", who="ci", why="test", at=PAST)
    assert "v4.0.0-ddd" in plan(fold(ledger.history()), ()).keep


def test_a_version_that_serves_against_its_verdict_is_remarked(world: World) -> None:
    switched(world)
    world.site.ledger.append(
        Kind.VERDICT, SECOND, who="ci", why="test", detail={"ready": False, "reasons": ["slow"]}
    )
    assert f"{SECOND} serves although it was judged not ready" in standing(world.site).remarks


def test_nothing_to_go_back_to_is_said_with_the_next_command(world: World) -> None:
    switched(world)
    rollback(world.site, why="v2 echoes")
    with pytest.raises(NotFoundError, match=f"csanmt release rollback {SECOND}"):
        rollback(world.site, why="again")
