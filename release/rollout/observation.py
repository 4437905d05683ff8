"""Watching both colours and the front for a window, and what the watcher saw.

No data is no verdict: besides the users' requests the watcher sends its own through the
front, outside of their numbers, and a window with too few answers is called unobserved.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from release.ledger.ledger import Kind
from release.rollout.front import Answer
from release.rollout.metrics import Reading, Sample, between
from release.rollout.site import Site
from release.rollout.thresholds import Breach, judge, judge_front
from release.rollout.traffic import Colour, other

TICK_SECONDS = 1.0  # how often liveness is looked at between two readings
MORE = 1.5  # test requests that are sent for each answer that a window needs


@dataclass(frozen=True, slots=True)
class Observation:
    """The outcome of a window.

    Attributes:
        breaches: empty when the version was well to the end.
        seconds: how long was watched.
        readings: last reading of each colour, over the whole window.
        generation: of the traffic that was watched.
        interrupted: the traffic was changed by someone else meanwhile.
        answers: the users' and the watcher's own, over the window.
        needed: how many there must be for a verdict.
        unjudged: what there was too little of to judge, in words.
    """

    colour: Colour
    breaches: tuple[Breach, ...]
    seconds: float
    readings: dict[Colour, Reading] = field(default_factory=dict)
    generation: int = 0
    interrupted: bool = False
    answers: int = 0
    needed: int = 0
    unjudged: tuple[str, ...] = ()

    @property
    def observed(self) -> bool:
        """Whether there was enough to judge by."""
        return self.answers >= self.needed

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the version may not go on, in words."""
        if self.interrupted:
            return ("the traffic was changed meanwhile",)
        if self.breaches:
            return tuple(breach.message for breach in self.breaches)
        if not self.observed:
            return (f"not observed: {self.answers} answers, {self.needed} are needed",)
        return ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "observed": self.observed}


def observe(
    site: Site,
    colour: Colour,
    generation: int,
    seconds: float,
    interval: float = 10.0,
    tick: Callable[[float], None] = lambda _: None,
) -> Observation:
    """Watch ``colour`` beside the other one until ``seconds`` passed or it is ill.

    A colour that is down is noticed after ``down_checks`` looks a second apart, and so is a
    front that does not answer; rates are judged every ``interval``, and must be bad
    ``bad_checks`` times in a row. The other colour's reading is the baseline; without traffic
    of its own in the window, everything since its start is.

    Args:
        generation: of the traffic to watch; as soon as there is another one, the watching ends
            without a verdict.
        tick: told every second for how long was watched; an error of it ends the watching.
    """
    watcher = _Watcher(site, colour, interval)
    prober = _Prober(site, colour, seconds)
    while site.clock.now() - watcher.start < seconds:
        site.clock.sleep(min(TICK_SECONDS, interval))
        breaches = watcher.look()  # first: what is down answers no test request either
        if not breaches:
            prober.tick()
            breaches = prober.breaches(watcher.judged)
        tick(site.clock.now() - watcher.start)
        if breaches or watcher.judged:
            traffic = site.router.state()
            if traffic is not None and traffic.generation != generation:
                return _outcome(watcher, prober, (), generation, interrupted=True)
        if breaches:
            return _outcome(watcher, prober, breaches, generation)
    return _outcome(watcher, prober, prober.final(), generation)


def _outcome(
    watcher: _Watcher,
    prober: _Prober,
    breaches: tuple[Breach, ...],
    generation: int,
    *,
    interrupted: bool = False,
) -> Observation:
    readings, limits = watcher.whole(), watcher.site.thresholds
    mine, beside = readings[watcher.colour], readings[other(watcher.colour)]
    unjudged = []
    if mine.requests < limits.min_requests:
        unjudged.append(f"users' latency ({mine.requests:.0f} requests of theirs)")
    if mine.segments < limits.min_segments:
        unjudged.append(f"signs of sick translations ({mine.segments:.0f} sentences)")
    if not beside.up:
        unjudged.append("anything beside the other colour, which does not answer")
    return Observation(
        colour=watcher.colour,
        breaches=breaches,
        seconds=watcher.site.clock.now() - watcher.start,
        readings=readings,
        generation=generation,
        interrupted=interrupted,
        answers=round(mine.requests) + prober.answered,
        needed=limits.min_requests,
        unjudged=tuple(unjudged),
    )


class _Prober:
    """Asks through the front all the while, often enough that the window can be judged."""

    def __init__(self, site: Site, colour: Colour, seconds: float) -> None:
        self._site, self._colour = site, colour
        self._per_tick = max(
            1, min(20, math.ceil(MORE * site.thresholds.min_requests / max(seconds, 1.0)))
        )
        self.probes: list[Answer] = []
        self._users: list[Answer] = []
        self._refused = self._bad = 0

    @property
    def answered(self) -> int:
        return sum(probe.status == 200 and probe.by(self._colour) for probe in self.probes)

    def tick(self) -> None:
        if self._site.front is None:
            return
        sent: list[Answer] = []
        while len(sent) < self._per_tick and all(probe.status for probe in sent):
            sent.append(self._site.front.probe(self._colour))
        self.probes += sent
        self._refused = self._refused + 1 if not any(p.status for p in sent) else 0
        self._users += self._site.front.served(self._colour)

    def breaches(self, whole: bool) -> tuple[Breach, ...]:
        """A front that is gone at once; errors and latency when a reading is due."""
        if self._refused >= self._site.thresholds.down_checks:
            words = f"the front did not answer {self._refused} times in a row"
            return (Breach("front", self._refused, 0, words),)
        if not whole:
            return ()
        found = self.final()
        self._bad = self._bad + 1 if found else 0
        return found if self._bad >= self._site.thresholds.bad_checks else ()

    def final(self) -> tuple[Breach, ...]:
        """What users and the watcher met at the front, over the window."""
        return tuple(
            breach
            for answers, what in (
                (self.probes, "test requests through the front"),
                (self._users, "answers that users got"),
            )
            for breach in judge_front(answers, self._colour, self._site.thresholds, what)
        )


class _Watcher:
    """Samples both colours and judges one, carrying thin evidence over to the next reading.

    A front that spares an ill version its requests lets only a few through, so a reading
    with too few answers is not thrown away: the next one covers its time as well.
    """

    def __init__(self, site: Site, colour: Colour, interval: float) -> None:
        self.site, self.colour, self._interval = site, colour, interval
        self.start = self._judged_at = self._since = site.clock.now()
        self._first = self._latest = self._from = self._sample()
        self._bad = self._down = 0
        self._seen = 0.0
        self._readings: dict[Colour, Reading] = {}
        self.judged = False

    def look(self) -> tuple[Breach, ...]:
        """Sample once; the breaches when the verdict is final, else nothing."""
        limits = self.site.thresholds
        now = self.site.clock.now()
        self._latest = self._sample()
        self.judged = False
        mine = self._latest[self.colour]
        self._down = 0 if mine.up else self._down + 1
        if self._down >= limits.down_checks:
            return tuple(judge(self._between(self.colour, now), None, limits))
        if self._down or now - self._judged_at < self._interval:
            return ()
        self.judged, self._judged_at = True, now
        self._readings = {c: self._between(c, now) for c in self._latest}
        return self._verdict(now)

    def whole(self) -> dict[Colour, Reading]:
        """Readings over everything that was watched."""
        seconds = self.site.clock.now() - self.start
        return {c: between(self._first[c], self._latest[c], seconds) for c in self._latest}

    def _verdict(self, now: float) -> tuple[Breach, ...]:
        limits, mine = self.site.thresholds, self._readings[self.colour]
        if mine.requests == self._seen:  # silence is no evidence either way
            return ()
        rival = other(self.colour)
        baseline = _baseline(self._readings[rival], self._latest[rival], limits.min_requests)
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
        return {c: self.site.metrics.sample(c) for c in (self.colour, other(self.colour))}


def record(site: Site, release: str, seen: Observation) -> None:
    """Write the outcome into the ledger: a breach with its reasons, or a quiet window."""
    if seen.interrupted:
        return
    if seen.reasons:
        kind, why = Kind.BREACH, "; ".join(seen.reasons)
    else:
        kind, why = Kind.OBSERVE, f"well for {seen.seconds:.0f} s on {seen.colour}"
    site.note(kind, release, why=why, detail=seen.to_json())


def _baseline(window: Reading, total: Sample, enough: int) -> Reading | None:
    if not window.up:
        return None
    if window.requests >= enough:
        return window
    return between(Sample(up=True), total, 0.0)
