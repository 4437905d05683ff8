"""Watching both colours for a window, and what the watcher saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from release.ledger import Kind
from release.samples import Reading, Sample, between
from release.site import Site
from release.thresholds import Breach, judge
from release.traffic import Colour, other

PROBE_SECONDS = 1.0
"""How often liveness is probed between two readings."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The outcome of a window.

    Attributes:
        breaches: empty when the version was well to the end.
        seconds: how long was watched.
        readings: last reading of each colour, over the whole window.
        interrupted: the traffic was changed by someone else meanwhile.
    """

    colour: Colour
    breaches: tuple[Breach, ...]
    seconds: float
    readings: dict[Colour, Reading] = field(default_factory=dict)
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def observe(
    site: Site,
    colour: Colour,
    seconds: float,
    interval: float = 10.0,
    on_reading: Callable[[dict[Colour, Reading]], None] | None = None,
) -> Observation:
    """Watch ``colour`` beside the other one until ``seconds`` passed or it is ill.

    A colour that is down is noticed after ``down_checks`` probes a second apart; rates
    are judged every ``interval`` over the interval, and must be bad ``bad_checks`` times
    in a row. The other colour's reading is the baseline; without traffic of its own in
    the window, everything since its start is.

    Args:
        on_reading: told every interval's readings, for a display.
    """
    limits = site.thresholds
    generation = site.router.state().generation
    start = site.clock.now()
    first = _samples(site, colour)
    previous, previous_at = first, start
    bad = down = 0
    latest = first
    readings: dict[Colour, Reading] = {}
    while site.clock.now() - start < seconds:
        site.clock.sleep(min(PROBE_SECONDS, interval))
        now = site.clock.now()
        latest = _samples(site, colour)
        down = 0 if latest[colour].up else down + 1
        if down >= limits.down_checks:
            breaches = judge(between(first[colour], latest[colour], now - start), None, limits)
            return Observation(colour, tuple(breaches), now - start, readings)
        if down or now - previous_at < interval:
            continue
        readings = {c: between(previous[c], latest[c], now - previous_at) for c in latest}
        if on_reading:
            on_reading(readings)
        baseline = _baseline(readings[other(colour)], latest[other(colour)], limits.min_requests)
        breaches = judge(readings[colour], baseline, limits)
        bad = bad + 1 if breaches else 0
        if bad >= limits.bad_checks:
            return Observation(colour, tuple(breaches), now - start, readings)
        previous, previous_at = latest, now
        if site.router.state().generation != generation:
            return Observation(colour, (), now - start, readings, interrupted=True)
    elapsed = site.clock.now() - start
    whole = {c: between(first[c], latest[c], elapsed) for c in latest}
    return Observation(colour, (), elapsed, whole)


def record(site: Site, release: str, observation: Observation) -> None:
    """Write the outcome into the ledger: a breach with its reasons, or a quiet window."""
    if observation.breaches:
        why = "; ".join(breach.message for breach in observation.breaches)
        site.ledger.append(
            Kind.BREACH, release, who=site.who, why=why, detail=observation.to_json()
        )
    elif not observation.interrupted:
        why = f"well for {observation.seconds:.0f} s on {observation.colour}"
        site.ledger.append(
            Kind.OBSERVE, release, who=site.who, why=why, detail=observation.to_json()
        )


def _samples(site: Site, colour: Colour) -> dict[Colour, Sample]:
    return {c: site.metrics.sample(c) for c in (colour, other(colour))}


def _baseline(window: Reading, total: Sample, enough: int) -> Reading | None:
    if not window.up:
        return None
    if window.requests >= enough:
        return window
    return between(Sample(up=True), total, 0.0)
