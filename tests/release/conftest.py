"""Fixtures of the rollout's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.ledger.ledger import Ledger
from release.rollout import deployment as deployment_module
from release.rollout import promotion as promotion_module
from release.rollout import rollback as rollback_module
from release.rollout.alerts import StubAlert
from release.rollout.clock import FakeClock
from release.rollout.colours import Colours, StubLauncher
from release.rollout.metrics_source import ScriptedMetrics
from release.rollout.site import Site
from release.rollout.thresholds import Thresholds
from release.rollout.traffic import Colour, StubRouter
from tests.release.stub_site import Service, World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    services: dict[Colour, Service] = {"blue": Service(), "green": Service()}
    clock = FakeClock()
    last = [0.0]

    def pass_time(now: float) -> None:
        for service in services.values():
            service.pass_time(now - last[0])
        last[0] = now

    clock.on_sleep.append(pass_time)
    site = Site(
        home=tmp_path,
        router=StubRouter(),
        colours=Colours(tmp_path / "colours"),
        launcher=StubLauncher(),
        ledger=Ledger(tmp_path / "ledger.sqlite3"),
        metrics=ScriptedMetrics({c: services[c].sample for c in services}),
        thresholds=Thresholds(health_increase={"echoed": 0.05}),
        addresses={"blue": "127.0.0.1:1", "green": "127.0.0.1:2"},
        who="tester",
        clock=clock,
        alert=StubAlert(),
    )

    def up(url: str, timeout: float) -> bool:
        return services["blue" if url.endswith(":1") else "green"].up

    for module in (deployment_module, promotion_module, rollback_module):
        monkeypatch.setattr(module, "ready", up)
    monkeypatch.setattr(deployment_module, "_identify", lambda deployment, key: deployment)
    monkeypatch.setattr(deployment_module, "smoke", lambda url, api_key: None)
    assert isinstance(site.alert, StubAlert)
    return World(site, services, clock, site.alert)
