"""What keeps a site alive, over stubs: deaths, reboots, stops, and systemd's units."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from csanmt.errors import NotFoundError, UnavailableError
from release.rollout.promotion import PromotionPlan, promote
from release.rollout.rollback import rollback
from release.rollout.status import look
from release.rollout.traffic import COLOURS, Colour, Traffic
from release.rollout.upkeep import Upkeep, down, units, up
from release.running.launchers import Place
from tests.release.stub_site import World, make_world, put, two_versions

FIRST, SECOND, THIRD = "v1.0.0-aaa", "v2.0.0-bbb", "v3.0.0-ccc"


@pytest.fixture(autouse=True)
def served(world: World) -> None:
    """SECOND in service on green, FIRST beside it."""
    two_versions(world)
    promote(world.site, SECOND, PromotionPlan())


def subjects(world: World) -> list[str]:
    return [subject for subject, _ in world.alert.sent]


def test_a_colour_that_died_is_started_again_with_growing_waits(world: World) -> None:
    upkeep = Upkeep(world.site)
    world.launcher.started = lambda bento, place: None  # and never becomes ready
    world.dies("green")
    starts = []
    for _ in range(40):
        before = world.launcher.count
        world.dies("green")
        upkeep.tend()
        starts += [world.clock.time] * (world.launcher.count - before)
        world.clock.sleep(1)
    assert starts == [0, 1, 3, 7, 15, 31]
    assert f"{SECOND} on green died; it is started again" in subjects(world)
    assert world.router.state().green == 100  # whom nginx spares it until it is back


def test_a_version_that_a_rollback_left_is_not_started_again(world: World) -> None:
    rollback(world.site, why="v2 echoes")
    world.dies("green")
    Upkeep(world.site).tend()
    assert not world.launcher.runs(world.site.place("green"))
    world.dies("blue")
    Upkeep(world.site).tend()
    assert world.launcher.runs(world.site.place("blue"))


def test_a_site_that_was_stopped_stays_so(world: World) -> None:
    down(world.site)
    for service in world.services.values():
        service.up = False
    Upkeep(world.site).tend()
    assert (world.router.up, world.launcher.running) == (False, {})
    assert up(world.site) == SECOND
    world.dies("green")
    Upkeep(world.site).tend()
    assert world.launcher.runs(world.site.place("green"))


def test_what_somebody_watches_is_left_to_its_verdict(world: World) -> None:
    world.dies("green")
    Upkeep(world.site).tend(spare="green")
    assert not world.launcher.runs(world.site.place("green"))


def test_a_front_that_is_gone_is_started_again(world: World) -> None:
    world.router.up = False
    Upkeep(world.site).tend()
    assert world.router.up
    assert subjects(world) == ["the front does not run; it is started again"]


def test_after_a_reboot_the_site_comes_back_with_what_served_last(world: World) -> None:
    world.router.switch(Traffic.of("blue", 25))  # in mid-canary of something else
    for colour in ("blue", "green"):
        world.dies(colour)
    world.router.up = False
    assert up(world.site) == SECOND
    assert (world.router.up, world.router.state().green) == (True, 100)
    assert world.launcher.runs(world.site.place("blue"))  # the way back, too
    assert rollback(world.site, why="v2 echoes").release == FIRST


def broken(world: World, *releases: str) -> None:
    """What is started of these ends before it is ready."""
    start = world.launcher.started

    def start_or_die(bento: str, place: Place) -> None:
        if bento.endswith(releases):
            world.launcher.stop(place)
        else:
            start(bento, place)

    world.launcher.started = start_or_die


def test_where_what_served_last_does_not_start_the_one_before_is_brought_up(world: World) -> None:
    for colour in COLOURS:
        world.dies(colour)
    world.router.up = False
    broken(world, SECOND)
    assert up(world.site) == FIRST
    now = look(world.site)
    assert (now.live, now.present and now.present.release) == (True, FIRST)
    assert f"{FIRST} serves instead" in subjects(world)[-1]


@pytest.mark.parametrize("died", [("green",), ("blue", "green")])
def test_a_rollback_after_a_start_that_failed_goes_further_back(
    world: World, died: tuple[Colour, ...]
) -> None:
    for colour in died:
        world.dies(colour)
    world.site.colours.clear("green")  # as a place where SECOND did not start leaves it
    broken(world, SECOND)
    assert rollback(world.site, why="v2 does not start").release == FIRST


def test_where_nothing_that_served_starts_the_first_failure_is_told(world: World) -> None:
    for colour in COLOURS:
        world.dies(colour)
    broken(world, FIRST, SECOND)
    with pytest.raises(UnavailableError, match=f"{SECOND} ended before it was ready"):
        up(world.site)
    assert "and nothing before it does" in subjects(world)[-1]


def test_a_site_that_is_up_stays_as_it_is(world: World) -> None:
    before, count = world.router.state(), world.launcher.count
    assert up(world.site) == SECOND
    assert (world.router.state(), world.launcher.count) == (before, count)


def test_nothing_comes_up_where_nothing_served(tmp_path: Path) -> None:
    (tmp_path / "another").mkdir()
    world = make_world(tmp_path / "another")
    with pytest.raises(NotFoundError, match="deploy and promote a version first"):
        up(world.site)


def test_down_ends_the_front_and_both_colours(world: World) -> None:
    down(world.site)
    assert (world.router.up, world.launcher.running) == (False, {})
    assert up(world.site) == SECOND


def test_a_dead_candidate_is_no_version_that_served(tmp_path: Path) -> None:
    """It answered in the place of a dead one; nobody promoted it."""
    (tmp_path / "another").mkdir()
    world = make_world(tmp_path / "another")
    two_versions(world)
    world.dies("blue")
    put(world, THIRD)
    assert world.site.recall()[0].served == (FIRST,)


def test_the_units_are_what_systemd_reads(tmp_path: Path) -> None:
    environment = {"BENTOML_HOME": "/srv/bentoml", "CSANMT_LEDGER": "/srv/ledger", "HOME": "/root"}
    files = units(Path("/bin/true"), tmp_path, "root", environment)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    site = files["csanmt-site.service"]
    assert 'Environment="BENTOML_HOME=/srv/bentoml"' in site
    assert "HOME=/root" not in site.replace("BENTOML_HOME", "")
    assert "TimeoutStopSec=5min" in site  # nginx, then both colours, each with what it has begun
    keeper = files["csanmt-keeper.service"]
    assert "Wants=csanmt-site.service" in keeper  # which tends what a failed start left, too
    assert "Requires=" not in keeper
    for unit in (site, keeper):
        assert "OOMPolicy=continue" in unit  # or one kill stops all that serves
    if shutil.which("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "verify", *(tmp_path / n for n in files if n.endswith("service"))],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    if shutil.which("logrotate"):
        done = subprocess.run(
            ["logrotate", "--debug", tmp_path / "csanmt"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
