"""Shipments carried out by a keeper that may die at any moment, over stubs."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from cli import shipping
from csanmt.durable import lock, replace_text
from csanmt.errors import (
    ConfigurationError,
    ConflictError,
    NotFoundError,
    UnavailableError,
)
from release.ledger.ledger import Kind
from release.rollout.keeper import keep
from release.rollout.metrics import Sample
from release.rollout.promotion import PromotionPlan, promote
from release.rollout.rollback import rollback
from release.rollout.settings import APPLIED
from release.rollout.shipment import Shipment, Shipments
from release.rollout.site import Site
from tests.release.doubles import ScriptedMetrics
from tests.release.stub_site import Service, World, kinds, two_versions

FIRST, SECOND, THIRD = "v1.0.0-aaa", "v2.0.0-bbb", "v3.0.0-ccc"
PLAN = PromotionPlan((5, 25, 100), interval=20, observe=20, poll=10)
SHIPMENT = Shipment(THIRD, f"csanmt:{THIRD}", force="test", plan=PLAN, who="ada")


@pytest.fixture
def shipments(world: World) -> Shipments:
    """SECOND in service on green, FIRST beside it."""
    two_versions(world)
    promote(world.site, SECOND, PromotionPlan())
    return Shipments(world.site.home / "keeper")


def carry_out(world: World, shipments: Shipments) -> None:
    keep(lambda: replace(world.site), shipments, once=True)


def at(world: World, moment: Callable[[], bool], happens: Callable[[], object]) -> None:
    """Let something happen once, when ``moment`` has come."""
    done = []

    def hook(_: float) -> None:
        if not done and moment():
            done.append(True)
            happens()

    world.clock.on_sleep.append(hook)


def subjects(world: World) -> list[str]:
    return [subject for subject, _ in world.alert.sent]


def test_a_version_is_deployed_shared_watched_and_in_service(
    world: World, shipments: Shipments
) -> None:
    shipments.submit(SHIPMENT)
    carry_out(world, shipments)
    progress = shipments.progress()
    assert (progress.phase, progress.share) == ("done", 100)
    assert world.router.state().blue == 100
    weights = [e.detail["weight"] for e in world.site.ledger.history(kind=Kind.SWITCH)][-3:]
    assert weights == [5, 25, 100]
    assert world.site.ledger.last(Kind.DEPLOY).who == "ada"  # type: ignore[union-attr]
    assert kinds(world)[-1] == "observe"
    assert world.clock.time >= 60
    assert subjects(world) == [
        f"{THIRD} is being shipped",
        f"{THIRD} has all the traffic and was well",
    ]


def test_a_version_that_falls_ill_goes_back(world: World, shipments: Shipments) -> None:
    shipments.submit(SHIPMENT)

    def fall_ill() -> None:
        world.services["blue"].echo_share = 0.9

    at(world, lambda: world.router.state().blue == 25, fall_ill)
    carry_out(world, shipments)
    assert shipments.progress().phase == "back"
    assert world.router.state().green == 100
    assert "echoed" in subjects(world)[-1]


def test_a_version_that_cannot_be_deployed_changes_nothing(
    world: World, shipments: Shipments
) -> None:
    world.launcher.missing.add(f"csanmt:{THIRD}")
    shipments.submit(SHIPMENT)
    before = world.router.state()
    carry_out(world, shipments)
    assert shipments.progress().phase == "failed"
    assert world.router.state() == before
    assert "is not there" in subjects(world)[-1]


def test_it_waits_for_approval_where_it_was_told_to(world: World, shipments: Shipments) -> None:
    shipments.submit(replace(SHIPMENT, pause_at=(25.0,), deadline=90))
    waited = []

    def approve() -> None:
        waited.append(world.router.state().blue)
        shipments.order("approve", "grace")

    at(world, lambda: shipments.progress().phase == "paused" and world.clock.time > 100, approve)
    carry_out(world, shipments)
    assert waited == [25]
    assert shipments.progress().phase == "done"  # the pause is not of the deadline
    assert any("approved by grace" in words for words in shipments.progress().words)
    assert any("waits at 25% for approval" in subject for subject in subjects(world))


def test_an_approval_holds_that_was_given_while_no_keeper_ran(
    world: World, shipments: Shipments
) -> None:
    shipments.submit(replace(SHIPMENT, pause_at=(25.0,)))
    at(world, lambda: shipments.progress().phase == "paused", die)
    with pytest.raises(Killed):
        carry_out(world, shipments)
    shipments.order("approve", "grace")
    at(world, lambda: world.clock.time > 1000, die)
    carry_out(world, shipments)
    assert shipments.progress().phase == "done"


def test_a_version_that_dies_while_it_waits_goes_back(world: World, shipments: Shipments) -> None:
    shipments.submit(replace(SHIPMENT, pause_at=(25.0,)))
    at(world, lambda: shipments.progress().phase == "paused", lambda: world.dies("blue"))
    carry_out(world, shipments)
    assert (shipments.progress().phase, world.router.state().green) == ("back", 100)
    assert any("does not answer on blue" in subject for subject in subjects(world))


def test_an_abort_takes_the_traffic_from_what_died_a_moment_ago(
    world: World, shipments: Shipments
) -> None:
    def die_and_abort() -> None:
        world.dies("blue")
        shipments.order("abort", "it died")

    shipments.submit(replace(SHIPMENT, pause_at=(25.0,)))
    at(world, lambda: shipments.progress().phase == "paused", die_and_abort)
    carry_out(world, shipments)
    assert (shipments.progress().phase, world.router.state().green) == ("aborted", 100)


def test_a_rollback_during_a_pause_ends_it_and_frees_the_site(
    world: World, shipments: Shipments
) -> None:
    shipments.submit(replace(SHIPMENT, pause_at=(25.0,)))
    at(
        world,
        lambda: shipments.progress().phase == "paused",
        lambda: rollback(replace(world.site), why="by hand"),
    )
    carry_out(world, shipments)
    assert (shipments.progress().phase, world.router.state().green) == ("back", 100)
    assert "changed meanwhile" in subjects(world)[-1]
    with world.site.exclusive("what comes next"):
        pass


@pytest.mark.parametrize("share", [5, 100])
def test_an_order_to_abort_sends_the_traffic_back(
    world: World, shipments: Shipments, share: float
) -> None:
    shipments.submit(SHIPMENT)
    at(world, lambda: world.router.state().blue == share, lambda: shipments.order("abort", "no"))
    carry_out(world, shipments)
    assert shipments.progress().phase == "aborted"
    assert world.router.state().green == 100
    assert f"all traffic goes to {SECOND}" in subjects(world)[-1]


def test_what_takes_too_long_goes_back(world: World, shipments: Shipments) -> None:
    shipments.submit(replace(SHIPMENT, deadline=30))
    carry_out(world, shipments)
    assert shipments.progress().phase == "back"
    assert "its deadline" in subjects(world)[-1]
    assert world.router.state().green == 100


def test_what_nobody_foresaw_sends_it_back(
    world: World, shipments: Shipments, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sample() -> Sample:
        if shipments.progress().phase == "watching":
            monkeypatch.undo()
            raise RuntimeError
        return Service.sample(world.services["blue"])

    assert isinstance(world.site.metrics, ScriptedMetrics)
    monkeypatch.setitem(world.site.metrics.samples, "blue", sample)
    shipments.submit(SHIPMENT)
    carry_out(world, shipments)
    assert shipments.progress().phase == "failed"
    assert world.router.state().green == 100
    assert "RuntimeError; all traffic goes to" in subjects(world)[-1]


def test_somebody_elses_rollback_ends_it(world: World, shipments: Shipments) -> None:
    shipments.submit(SHIPMENT)
    at(world, lambda: world.router.state().blue == 25, lambda: rollback(world.site, why="by hand"))
    carry_out(world, shipments)
    assert shipments.progress().phase == "back"
    assert "changed meanwhile" in subjects(world)[-1]
    assert world.router.state().green == 100


class Killed(BaseException):
    """Signal 9, as far as a test of one process can have it."""


def die() -> None:
    raise Killed


@pytest.mark.parametrize("step", range(1, 20, 3))
def test_a_keeper_that_is_killed_is_gone_on_with_by_the_next(
    world: World, shipments: Shipments, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Killed just before the ``step``-th time that it writes or switches, then every 20th."""
    shipments.submit(SHIPMENT)
    count = 0

    def dying(method: Callable[..., object]) -> Callable[..., object]:
        def die_or_do(*words: object, **more: object) -> object:
            nonlocal count
            count += 1
            if count % 20 == step % 20:
                raise Killed
            return method(*words, **more)

        return die_or_do

    monkeypatch.setattr(Shipments, "save", dying(Shipments.save))
    monkeypatch.setattr(type(world.router), "switch", dying(type(world.router).switch))
    for _ in range(60):
        try:
            carry_out(world, shipments)
        except Killed:
            continue
        break
    assert shipments.progress().phase == "done", shipments.progress().words
    assert world.router.state().blue == 100
    weights = [e.detail["weight"] for e in world.site.ledger.history(kind=Kind.SWITCH)][2:]
    assert sorted(set(weights)) == [5, 25, 100]
    assert weights == sorted(weights)  # none was given twice over, or taken back
    assert world.clock.time >= 60  # every step was watched for its whole time


def test_a_killed_keeper_whose_version_was_rolled_back_leaves_it_there(
    world: World, shipments: Shipments
) -> None:
    shipments.submit(SHIPMENT)
    at(world, lambda: world.router.state().blue == 25, die)
    with pytest.raises(Killed):
        carry_out(world, shipments)
    rollback(world.site, why="nobody watches it")
    carry_out(world, shipments)
    assert (shipments.progress().phase, world.router.state().green) == ("back", 100)


@pytest.mark.parametrize("share", [5, 25, 100])
@pytest.mark.parametrize("record", ["whole", "gone"])
def test_a_version_that_died_with_its_keeper_loses_its_traffic(
    world: World, shipments: Shipments, share: float, record: str
) -> None:
    shipments.submit(SHIPMENT)
    at(world, lambda: world.router.state().blue == share, die)
    with pytest.raises(Killed):
        carry_out(world, shipments)
    world.dies("blue")
    if record == "gone":
        world.site.colours.clear("blue")
    carry_out(world, shipments)
    assert shipments.progress().phase == "failed"
    assert world.router.state().green == 100
    assert any(f"all traffic goes to {SECOND}" in subject for subject in subjects(world))


@pytest.mark.parametrize("what", ["plan.json", "progress.json"])
@pytest.mark.parametrize("damage", ["garbage", "{}", "[1]", '{"phase": "gone"}', None])
@pytest.mark.parametrize("blue", [0, 25, 100])
def test_a_damaged_plan_or_progress_ships_nothing_and_stops_no_keeper(
    world: World, shipments: Shipments, what: str, damage: str | None, blue: float
) -> None:
    """However far it had come when its keeper was killed; a split of the traffic is ended."""
    shipments.submit(SHIPMENT)
    if blue:
        at(world, lambda: world.router.state().blue == blue, die)
        with pytest.raises(Killed):
            carry_out(world, shipments)
    if damage is None:
        (shipments.directory / what).unlink()
    else:
        (shipments.directory / what).write_text(damage)
    carry_out(world, shipments)
    if what == "progress.json":
        assert world.router.state().blue == (100 if blue == 100 else 0)
        assert "its progress is lost" in subjects(world)[-1]
    assert shipments.pending() is None
    shipments.submit(SHIPMENT)  # the next one may


def test_the_progress_of_what_went_back_is_lost_and_it_is_not_shipped_again(
    world: World, shipments: Shipments
) -> None:
    test_a_version_that_falls_ill_goes_back(world, shipments)
    world.services["blue"].echo_share = 0.0
    (shipments.directory / "progress.json").unlink()
    carry_out(world, shipments)
    assert world.router.state().green == 100


@pytest.mark.parametrize("writes", [0, 1, 2])
@pytest.mark.parametrize("first", [True, False])
def test_a_shipment_that_was_half_handed_over_ships_nothing(
    world: World, shipments: Shipments, monkeypatch: pytest.MonkeyPatch, writes: int, first: bool
) -> None:
    """The disk is full after so many files; the last shipment, which failed, is no plan."""
    if not first:
        world.launcher.missing.add(f"csanmt:{THIRD}")
        shipments.submit(SHIPMENT)
        carry_out(world, shipments)
        world.launcher.missing.clear()
    before, left = world.router.state(), writes

    def write(path: Path, text: str) -> None:
        nonlocal left
        if not left:
            raise OSError(28, "No space left on device")
        left -= 1
        replace_text(path, text)

    monkeypatch.setattr("release.rollout.shipment.replace_text", write)
    handed_over = writes == 2 and not first
    with nullcontext() if handed_over else pytest.raises(OSError, match="No space"):
        shipments.submit(replace(SHIPMENT, release="v4.0.0-ddd", bento="csanmt:v4.0.0-ddd"))
    monkeypatch.undo()
    assert [s.release for s in [shipments.pending()] if s] == ["v4.0.0-ddd"] * handed_over
    if not handed_over:
        carry_out(world, shipments)
        assert world.router.state() == before
        shipments.submit(SHIPMENT)  # and the next one may


def test_a_lost_plan_leaves_no_split_behind(world: World, shipments: Shipments) -> None:
    shipments.submit(SHIPMENT)
    at(world, lambda: world.router.state().blue == 25, die)
    with pytest.raises(Killed):
        carry_out(world, shipments)
    (shipments.directory / "plan.json").write_text("{")
    carry_out(world, shipments)
    assert (shipments.progress().phase, world.router.state().green) == ("failed", 100)
    assert "the plan of what was being shipped is lost" in subjects(world)[-1]


def test_a_keeper_that_starts_while_somebody_asks_for_one_is_there(shipments: Shipments) -> None:
    shipments.directory.mkdir()
    asking = (shipments.directory / "keeper.lock").open("a")
    assert lock(asking)
    threading.Timer(0.2, asking.close).start()
    with shipments.kept():
        assert asking.closed


def test_a_keeper_takes_up_settings_that_were_applied(world: World, shipments: Shipments) -> None:
    opened: list[float] = []

    def reopened() -> Site:
        opened.append(world.clock.time)
        if len(opened) > 1:
            raise Killed
        return replace(world.site)

    world.clock.on_sleep.append(
        lambda now: (world.site.home / APPLIED).write_text("") if now > 5 else None
    )
    world.clock.on_sleep.append(lambda now: die() if now > 50 else None)
    with pytest.raises(Killed):
        keep(reopened, shipments)
    assert len(opened) == 2


def test_one_shipment_and_one_keeper_at_a_time(world: World, shipments: Shipments) -> None:
    shipments.submit(SHIPMENT)
    with pytest.raises(ConflictError, match=f"{THIRD} is being shipped: csanmt release status"):
        shipments.submit(SHIPMENT)
    with shipments.kept():
        assert shipments.keeper_runs()
        with pytest.raises(ConflictError, match="keeper of this site runs already"):
            carry_out(world, shipments)
    assert not shipments.keeper_runs()


def test_orders_need_something_that_is_shipped(shipments: Shipments) -> None:
    with pytest.raises(NotFoundError, match="nothing is being shipped"):
        shipments.order("abort", "why not")


def test_a_pause_is_at_a_step() -> None:
    with pytest.raises(ConfigurationError, match="--pause-at 30 is no step"):
        replace(SHIPMENT, pause_at=(30.0,))


def test_the_files_are_plain_json(world: World, shipments: Shipments) -> None:
    shipments.submit(SHIPMENT)
    assert shipments.current() == SHIPMENT
    assert json.loads((shipments.directory / "progress.json").read_text())["phase"] == "waiting"


def test_whoever_follows_is_told_that_no_keeper_stays(
    shipments: Shipments, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipments.submit(Shipment(SECOND))
    monkeypatch.setattr(shipping, "ORPHANED_SECONDS", 0.0)
    monkeypatch.setattr(shipping, "FOLLOW_SECONDS", 0.01)
    monkeypatch.setattr(shipping, "_start_keeper", lambda _: None)
    args = argparse.Namespace(site=str(shipments.directory.parent), json=False)
    with pytest.raises(UnavailableError, match=r"no keeper .* its log: .*/keeper/keeper.log"):
        shipping._follow(args, shipments, Shipment(SECOND))
