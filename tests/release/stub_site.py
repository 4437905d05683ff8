"""A site of stubs: two colours whose counters grow with a clock that jumps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from release.ledger.ledger import Ledger
from release.rollout.colours import Colours, Deployment
from release.rollout.deployment import deploy
from release.rollout.metrics import Sample
from release.rollout.promotion import PromotionPlan, promote
from release.rollout.site import Site
from release.rollout.status import look
from release.rollout.thresholds import Thresholds
from release.rollout.traffic import COLOURS, Colour, Traffic
from release.running.launchers import Place
from release.running.service import Identity
from tests.release.doubles import (
    FakeClock,
    ScriptedMetrics,
    StubAlert,
    StubFront,
    StubLauncher,
    StubRouter,
    StubService,
)


@dataclass
class Service(StubService):
    """A colour's counters as they grow with time; what is wrong with it can be set."""

    per_second: float = 10.0
    error_share: float = 0.0
    seconds: float = 0.2
    echo_share: float = 0.0
    counts: dict[str, float] = field(default_factory=lambda: {"n": 0.0, "e": 0.0, "echo": 0.0})
    buckets: dict[float, float] = field(
        default_factory=lambda: dict.fromkeys((0.1, 0.25, 0.5, 1.0, 2.5, float("inf")), 0.0)
    )

    def pass_time(self, seconds: float) -> None:
        n = self.per_second * seconds
        self.counts["n"] += n
        self.counts["e"] += n * self.error_share
        self.counts["echo"] += n * self.echo_share
        for bound in self.buckets:
            if self.seconds <= bound:
                self.buckets[bound] += n

    def sample(self) -> Sample:
        if not self.up:
            return Sample(up=False)
        health = {"echoed": self.counts["echo"]}
        return Sample(
            True, self.counts["n"], self.counts["e"], dict(self.buckets), self.counts["n"], health
        )


@dataclass
class World:
    site: Site
    services: dict[Colour, Service]
    clock: FakeClock
    alert: StubAlert
    launcher: StubLauncher
    router: StubRouter
    front: StubFront

    def dies(self, colour: Colour) -> None:
        """Every process of it."""
        self.launcher.stop(self.site.place(colour))
        self.services[colour].up = False

    def restarts(self) -> None:
        """What is started from now on becomes ready, as what it was started from."""
        self.launcher.started = self._started

    def _started(self, bento: str, place: Place) -> None:
        service = self.services["blue" if place.name == "blue" else "green"]
        service.up, service.identity = True, Identity(bento=bento)


def make_world(home: Path) -> World:
    """Nothing runs; blue has the traffic."""
    services: dict[Colour, Service] = {
        "blue": Service("http://127.0.0.1:1", up=False),
        "green": Service("http://127.0.0.1:2", up=False),
    }
    clock, launcher, router, alert = FakeClock(), StubLauncher(), StubRouter(), StubAlert()
    front = StubFront(lambda colour: 200 if services[colour].up else 503)
    last = [0.0]

    def pass_time(now: float) -> None:
        for service in services.values():
            service.pass_time(now - last[0])
        last[0] = now

    clock.on_sleep.append(pass_time)
    site = Site(
        home=home,
        router=router,
        colours=Colours(home / "colours"),
        launcher=launcher,
        ledger=Ledger(home / "ledger.sqlite3"),
        metrics=ScriptedMetrics({c: services[c].sample for c in services}),
        thresholds=Thresholds(health_increase={"echoed": 0.05}),
        addresses={c: services[c].url.removeprefix("http://") for c in COLOURS},
        services=dict(services),
        who="tester",
        clock=clock,
        alert=alert,
        front=front,
    )
    world = World(site, services, clock, alert, launcher, router, front)
    world.restarts()
    return world


def on(world: World, release: str) -> Deployment:
    """The record of a release that runs."""
    side = look(world.site).of(release)
    assert side is not None
    assert side.record is not None
    return side.record


def put(world: World, release: str, *, into_service: bool = False) -> None:
    deploy(world.site, release, f"csanmt:{release}", force="test")
    if into_service:
        promote(world.site, release, PromotionPlan())


def two_versions(world: World) -> None:
    """v1 in service on one colour, v2 idle on the other."""
    world.site.router.switch(Traffic.of("green"))
    put(world, "v1.0.0-aaa", into_service=True)
    put(world, "v2.0.0-bbb")


def three_served(world: World) -> None:
    """v3 in service on blue, v2 beside it, v1 no longer running."""
    two_versions(world)
    promote(world.site, "v2.0.0-bbb", PromotionPlan())
    put(world, "v3.0.0-ccc", into_service=True)


def kinds(world: World) -> list[str]:
    return [entry.kind for entry in world.site.ledger.history()]
