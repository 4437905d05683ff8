"""Fixtures of the rollout's tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from release.rollout.deployment import deploy
from release.rollout.promotion import PromotionPlan, promote
from release.rollout.site import Site, apply_settings, open_site
from release.rollout.traffic import COLOURS
from tests.ports import free_addresses
from tests.release.nginx_site import WORKERS
from tests.release.stub_site import World, make_world

STUB = Path(__file__).with_name("stub_bentoml")
RELEASES = ["v1.0.0-aaaaaaa", "v1.1.0-bbbbbbb", "v1.2.0-ccccccc"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[partial[Site]]:
    monkeypatch.setenv("PYTHONPATH", str(STUB))
    with stub_town(tmp_path, tmp_path / "store") as opened:
        yield opened


@contextmanager
def stub_town(folder: Path, store: Path) -> Iterator[partial[Site]]:
    """The second release in service, the first beside it: stubs that ``bentoml serve`` starts."""
    listen, blue, green = free_addresses(3)
    home = folder / "site"
    home.mkdir()
    for release in RELEASES:
        (store / "bentos" / "csanmt" / release).mkdir(parents=True)
    (home / "rollout.toml").write_text(
        f'ready_seconds = 30\n[nginx]\nlisten = "{listen}"\nblue = "{blue}"\ngreen = "{green}"\n'
        f'rate_per_second = 100000\nburst = 10000\nuser = "{WORKERS}"\n'
    )
    opened = partial(open_site, home, store, folder / "ledger.sqlite3", "test", applied=True)
    site = opened()
    apply_settings(site)
    try:
        for release in RELEASES[:2]:
            deploy(opened(), release, f"csanmt:{release}", force="test")
            promote(opened(), release, PromotionPlan())
        yield opened
    finally:
        for colour in COLOURS:
            site.launcher.stop(site.place(colour), deadline_seconds=2)
        replace(site).router.stop()
