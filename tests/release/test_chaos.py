"""Six walks of operators and mishaps, fixed seeds, under sixteen clients that repeat nothing."""

from __future__ import annotations

from functools import partial

import pytest

from release.rollout.nginx import NginxRouter
from release.rollout.site import Site
from tests.release.chaos import Walk
from tests.release.conftest import RELEASES
from tests.release.load import Load
from tests.release.test_nginx import nginx_missing

pytestmark = pytest.mark.skipif(nginx_missing, reason="nginx is not installed")

STEPS = 6


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
