"""A site of stubs: two colours whose counters grow with a clock that jumps."""

from __future__ import annotations

from dataclasses import dataclass, field

from release.rollout.alerts import StubAlert
from release.rollout.clock import FakeClock
from release.rollout.deployment import deploy
from release.rollout.promotion import Plan, promote
from release.rollout.samples import Sample
from release.rollout.site import Site
from release.rollout.traffic import Colour, Traffic


@dataclass
class Service:
    """A colour's counters as they grow with time; what is wrong with it can be set."""

    per_second: float = 10.0
    error_share: float = 0.0
    seconds: float = 0.2
    echo_share: float = 0.0
    up: bool = True
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


def put(world: World, release: str, *, into_service: bool = False) -> None:
    deploy(world.site, release, f"csanmt:{release}", force="test")
    if into_service:
        promote(world.site, release, Plan())


def two_versions(world: World) -> None:
    """v1 in service on one colour, v2 idle on the other."""
    world.site.router.switch(Traffic.of("green"))
    put(world, "v1.0.0-aaa", into_service=True)
    put(world, "v2.0.0-bbb")


def three_served(world: World) -> None:
    """v3 in service on blue, v2 beside it, v1 no longer running."""
    two_versions(world)
    promote(world.site, "v2.0.0-bbb", Plan())
    put(world, "v3.0.0-ccc", into_service=True)


def kinds(world: World) -> list[str]:
    return [entry.kind for entry in world.site.ledger.history()]
