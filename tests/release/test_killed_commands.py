"""A promotion or rollback killed with -9 at any step, on a real nginx with two real services.

A step is anything by which a command changes the world or asks another program: a rename,
a removal, a started program, a signal, a look into the ledger, the site's lock. The child
dies just before its Nth; so each state between two steps is met once.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from csanmt.errors import NotFoundError
from release.ledger.ledger import Kind
from release.ledger.state import fold
from release.rollout.colours import Deployment
from release.rollout.nginx import NginxRouter
from release.rollout.promotion import PromotionPlan, promote
from release.rollout.rollback import rollback
from release.rollout.site import Site
from release.rollout.status import Standing, standing
from release.rollout.traffic import COLOURS, Colour
from release.running.service import HttpService
from tests.killing import killed_at
from tests.ports import free_addresses
from tests.release.doubles import StubLauncher
from tests.release.load import Load
from tests.release.nginx_site import nginx_site
from tests.release.test_nginx import nginx_missing

pytestmark = pytest.mark.skipif(nginx_missing, reason="nginx is not installed")

STEPS = {
    "os.rename",
    "os.remove",
    "os.kill",
    "subprocess.Popen",
    "sqlite3.connect",
    "fcntl.flock",
    "os.symlink",
    "os.mkdir",
}
FIRST, SECOND = "v1.0.0-aaaaaaa", "v2.0.0-bbbbbbb"
RELEASES: dict[Colour, str] = {"blue": FIRST, "green": SECOND}


@pytest.fixture(scope="module")
def services() -> Iterator[dict[Colour, str]]:
    """Addresses of two running services, blue and green."""
    script = Path(__file__).with_name("small_service.py")
    found: dict[Colour, str] = dict(zip(COLOURS, free_addresses(2), strict=True))
    running = [
        subprocess.Popen([sys.executable, script, address.rpartition(":")[2], f"m:{colour}"])
        for colour, address in found.items()
    ]
    end = time.monotonic() + 30
    while not all(HttpService(f"http://{address}").ready(1) for address in found.values()):
        assert time.monotonic() < end, "the small services did not start"
        time.sleep(0.02)
    yield found
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def site(tmp_path: Path, services: dict[Colour, str]) -> Iterator[Site]:
    """FIRST in service on blue, SECOND ready on green."""
    launcher = StubLauncher(running={"h-blue": ("", ""), "h-green": ("", "")})
    site, router = nginx_site(tmp_path, services, launcher)
    for colour, release in RELEASES.items():
        site.colours.put(
            Deployment(colour, release, release, "process", f"h-{colour}", services[colour], "now")
        )
    promote(site, FIRST, PromotionPlan())
    yield site
    router.stop()


def truth(site: Site, load: Load) -> Standing:
    """How things stand, after checking it against what clients meet."""
    router = site.router
    assert isinstance(router, NginxRouter)
    now = standing(site, window=0.0)
    live = router.live()
    assert live is not None
    assert {side.colour: side.share for side in now.sides} == {
        "blue": live.blue,
        "green": live.green,
    }
    if 100 in (live.blue, live.green):
        moment, wanted = time.monotonic(), f"m:{live.major}"
        while not load.versions(since=moment)[wanted]:
            time.sleep(0.01)
        assert set(load.versions(since=moment)) == {wanted}
    recorded = fold(site.ledger.history())
    settled = (
        router.written() == live
        and live.generation == recorded.generation
        and live.share(live.major) == 100
    )
    assert bool(now.remarks) != settled, now.remarks
    with site.exclusive("a check that the dead command holds nothing"):
        pass
    return now


def test_a_promotion_killed_at_any_step_can_be_told_and_undone(site: Site) -> None:
    plan = PromotionPlan((50, 100), interval=0.02, poll=0.02)
    step, unsettled, killed = 0, 0, True
    assert isinstance(site.router, NginxRouter)
    with Load(site.router.settings.listen, clients=2) as load:
        while killed:
            step += 1
            killed = killed_at(step, STEPS, lambda: promote(site, SECOND, plan))
            unsettled += bool(truth(site, load).remarks)
            try:
                assert rollback(site, why="the command was killed").release == FIRST
            except NotFoundError:  # killed before anything had happened
                assert fold(site.ledger.history()).served == (FIRST,)
            now = truth(site, load)
            assert (now.sides[0].share, now.remarks) == (100, ())
    assert step > 15, "too few steps were seen: the hook is blind"
    assert unsettled > 5
    assert (load.lost(), load.mislabelled()) == ([], [])
    assert site.ledger.check()


def test_a_rollback_killed_at_any_step_is_finished_by_the_next(site: Site) -> None:
    step, killed = 0, True
    assert isinstance(site.router, NginxRouter)
    with Load(site.router.settings.listen, clients=2) as load:
        while killed:
            promote(site, SECOND, PromotionPlan())
            step += 1
            killed = killed_at(step, STEPS, lambda: rollback(site, why="users complain"))
            now = truth(site, load)
            if now.remarks or now.sides[1].share:
                assert rollback(site, why="again").release == FIRST
                now = truth(site, load)
            assert (now.sides[0].share, now.remarks) == (100, ())
    assert step > 5
    assert (load.lost(), load.mislabelled()) == ([], [])
    assert site.ledger.last(Kind.ROLLBACK) is not None
