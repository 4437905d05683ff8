"""Watching both colours for a window, and what the watcher saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from release.ledger.ledger import Kind
from release.rollout.samples import Reading, Sample, between
from release.rollout.site import Site
from release.rollout.thresholds import Breach, judge
from release.rollout.traffic import Colour, other

PROBE_SECONDS = 1.0
"""How often liveness is probed between two readings."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The outcome of a window.

    Attributes:
        breaches: empty when the version was well to the end.
        seconds: how long was watched.
        readings: last reading of each colour, over the whole window.
        generation: of the traffic that was watched.
        interrupted: the traffic was changed by someone else meanwhile.
    """

    colour: Colour
    breaches: tuple[Breach, ...]
    seconds: float
    readings: dict[Colour, Reading] = field(default_factory=dict)
    generation: int = 0
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def observe(
    site: Site,
    colour: Colour,
    generation: int,
    seconds: float,
    interval: float = 10.0,
    on_reading: Callable[[dict[Colour, Reading]], None] | None = None,
) -> Observation:
    """Watch ``colour`` beside the other one until ``seconds`` passed or it is ill.

    A colour that is down is noticed after ``down_checks`` probes a second apart; rates
    are judged every ``interval``, and must be bad ``bad_checks`` times in a row. The
    other colour's reading is the baseline; without traffic of its own in the window,
    everything since its start is.

    Args:
        generation: of the traffic to watch; as soon as there is another one, the watching ends
            without a verdict.
        on_reading: told every interval's readings, for a display.
    """
    watcher = _Watcher(site, colour, interval)
    start = watcher.start
    while site.clock.now() - start < seconds:
        site.clock.sleep(min(PROBE_SECONDS, interval))
        breaches = watcher.look()
        elapsed = site.clock.now() - start
        if watcher.judged and on_reading:
            on_reading(watcher.readings)
        if (breaches or watcher.judged) and site.router.state().generation != generation:
            return Observation(colour, (), elapsed, watcher.readings, generation, interrupted=True)
        if breaches:
            return Observation(colour, breaches, elapsed, watcher.readings, generation)
    return Observation(colour, (), site.clock.now() - start, watcher.whole(), generation)


class _Watcher:
    """Samples both colours and judges one, carrying thin evidence over to the next reading.

    A front that spares an ill version its requests lets only a few through, so a reading
    with too few answers is not thrown away: the next one covers its time as well.
    """

    def __init__(self, site: Site, colour: Colour, interval: float) -> None:
        self._site, self._colour, self._interval = site, colour, interval
        self.start = self._judged_at = self._since = site.clock.now()
        self._first = self._latest = self._from = self._sample()
        self._bad = self._down = 0
        self._seen = 0.0
        self.readings: dict[Colour, Reading] = {}
        self.judged = False

    def look(self) -> tuple[Breach, ...]:
        """Sample once; the breaches when the verdict is final, else nothing."""
        limits = self._site.thresholds
        now = self._site.clock.now()
        self._latest = self._sample()
        self.judged = False
        mine = self._latest[self._colour]
        self._down = 0 if mine.up else self._down + 1
        if self._down >= limits.down_checks:
            return tuple(judge(self._between(self._colour, now), None, limits))
        if self._down or now - self._judged_at < self._interval:
            return ()
        self.judged, self._judged_at = True, now
        self.readings = {c: self._between(c, now) for c in self._latest}
        return self._verdict(now)

    def whole(self) -> dict[Colour, Reading]:
        """Readings over everything that was watched."""
        seconds = self._site.clock.now() - self.start
        return {c: between(self._first[c], self._latest[c], seconds) for c in self._latest}

    def _verdict(self, now: float) -> tuple[Breach, ...]:
        limits, mine = self._site.thresholds, self.readings[self._colour]
        if mine.requests == self._seen:  # silence is no evidence either way
            return ()
        rival = other(self._colour)
        baseline = _baseline(self.readings[rival], self._latest[rival], limits.min_requests)
        breaches = judge(mine, baseline, limits)
        if breaches:
            self._bad += 1
        elif mine.requests >= limits.min_requests:  # too few answers acquit nobody
            self._bad = 0
        self._seen = mine.requests
        if mine.requests >= limits.min_requests:
            self._from, self._since, self._seen = self._latest, now, 0.0
        return tuple(breaches) if self._bad >= limits.bad_checks else ()

    def _between(self, colour: Colour, now: float) -> Reading:
        return between(self._from[colour], self._latest[colour], now - self._since)

    def _sample(self) -> dict[Colour, Sample]:
        return {c: self._site.metrics.sample(c) for c in (self._colour, other(self._colour))}


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


def _baseline(window: Reading, total: Sample, enough: int) -> Reading | None:
    if not window.up:
        return None
    if window.requests >= enough:
        return window
    return between(Sample(up=True), total, 0.0)
