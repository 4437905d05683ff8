"""Six walks of operators and mishaps, fixed seeds, under sixteen clients that repeat nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from release.rollout.deployment import deploy
from release.rollout.nginx import NginxRouter
from release.rollout.promotion import Plan, promote
from release.rollout.site import Site, apply_settings, open_site
from release.rollout.traffic import COLOURS
from tests.ports import free_addresses
from tests.release.chaos import Walk
from tests.release.load import Load
from tests.release.nginx_site import WORKERS
from tests.release.test_nginx import nginx_missing

pytestmark = pytest.mark.skipif(nginx_missing, reason="nginx is not installed")

STUB = Path(__file__).with_name("stub_bentoml")
RELEASES = ["v1.0.0-aaaaaaa", "v1.1.0-bbbbbbb", "v1.2.0-ccccccc"]
STEPS = 6


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[partial[Site]]:
    """The second release in service, the first beside it: stubs that ``bentoml serve`` starts."""
    monkeypatch.setenv("PYTHONPATH", str(STUB))
    listen, blue, green = free_addresses(3)
    home, store = tmp_path / "site", tmp_path / "store"
    home.mkdir()
    for release in RELEASES:
        (store / "bentos" / "csanmt" / release).mkdir(parents=True)
    (home / "rollout.toml").write_text(
        f'ready_seconds = 30\n[nginx]\nlisten = "{listen}"\nblue = "{blue}"\ngreen = "{green}"\n'
        f'rate_per_second = 100000\nburst = 10000\nuser = "{WORKERS}"\n'
    )
    opened = partial(open_site, home, store, tmp_path / "ledger.sqlite3", "test", applied=True)
    site = opened()
    apply_settings(site)
    for release in RELEASES[:2]:
        deploy(opened(), release, f"csanmt:{release}", force="test")
        promote(opened(), release, Plan())
    yield opened
    for colour in COLOURS:
        site.launcher.stop(site.place(colour), deadline_seconds=2)
    assert isinstance(site.router, NginxRouter)
    replace(site).router.stop()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", range(1, 7))
def test_after_any_walk_one_rollback_leads_to_a_version_that_serves(
    town: partial[Site], seed: int
) -> None:
    router = town().router
    assert isinstance(router, NginxRouter)
    models = {release: f"m:{release}" for release in RELEASES}
    with Load(router.settings.listen, clients=16, per_second=200) as load:
        walk = Walk(town, list(RELEASES), models, seed, load)
        for _ in range(STEPS):
            walk.step()
            walk.settle()
            walk.restore()
    assert walk.load.mislabelled() == [], walk.steps
    assert {a.version for a in load.answers if a.status == 200} <= set(models.values())
    assert walk.returned, walk.steps
    assert walk.lost() == [], (walk.steps, walk.lost()[:3])
