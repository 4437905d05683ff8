"""What a colour's counters say at one moment, over the time between two, and where from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from csanmt.errors import UnavailableError
from release.rollout.traffic import Colour
from release.running.service import HttpService
from serving import metric_names

# Endpoints whose latency and errors are the users'; probes and scrapes are not.
TRANSLATING = (
    "/translate", "/v2/translate", "/translate/stream", "/translate/batch", "/deeplx", "/immersive",
    "/imme", "/kiss", "/v1/chat/completions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters of one colour since its start; all zero when it does not answer.

    Attributes:
        up: the colour answered and says it is ready.
        requests, errors: answers, and those with status 5xx.
        buckets: upper bound in seconds → answers within it (cumulative).
        segments: translated sentences.
        health: signal → sentences showing it.
    """

    up: bool
    requests: float = 0.0
    errors: float = 0.0
    buckets: Mapping[float, float] = field(default_factory=dict)
    segments: float = 0.0
    health: Mapping[str, float] = field(default_factory=dict)


DOWN = Sample(up=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """Rates over a window. Latencies are seconds; None where nothing was measured."""

    up: bool
    seconds: float
    requests: float
    errors: float
    qps: float
    error_rate: float
    p95: float | None
    segments: float
    health: Mapping[str, float]


def between(first: Sample, last: Sample, seconds: float) -> Reading:
    """Rates from ``first`` to ``last``, ``seconds`` apart; a restart counts from zero."""
    if last.requests < first.requests or last.segments < first.segments or not first.up:
        first = Sample(up=True)
    requests = last.requests - first.requests
    errors = last.errors - first.errors
    segments = last.segments - first.segments
    buckets = {
        bound: count - first.buckets.get(bound, 0.0) for bound, count in last.buckets.items()
    }
    return Reading(
        up=last.up,
        seconds=seconds,
        requests=requests,
        errors=errors,
        qps=requests / seconds if seconds > 0 else 0.0,
        error_rate=errors / requests if requests else 0.0,
        p95=quantile(buckets, 0.95),
        segments=segments,
        health={
            signal: (count - first.health.get(signal, 0.0)) / segments if segments else 0.0
            for signal, count in last.health.items()
        },
    )


def quantile(buckets: Mapping[float, float], q: float) -> float | None:
    """The q-quantile of a cumulative histogram, as Prometheus' ``histogram_quantile``.

    Within a bucket the answers are taken as evenly spread; beyond the last finite
    bound that bound is the answer. None without answers.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None
    rank = q * total
    lower, below = 0.0, 0.0
    for bound in bounds:
        count = buckets[bound]
        if count >= rank:
            if bound == float("inf"):
                return lower
            share = (rank - below) / (count - below) if count > below else 1.0
            return lower + (bound - lower) * share
        lower, below = bound, count
    return lower


def _collect(text: str, *, up: bool) -> Sample:
    """A sample of what the service publishes in Prometheus' text format.

    Raises:
        ValueError: it is another format.
    """
    requests = errors = segments = 0.0
    buckets: dict[float, float] = {}
    health: dict[str, float] = dict.fromkeys(metric_names.SIGNALS, 0.0)
    for point in (p for family in text_string_to_metric_families(text) for p in family.samples):
        name, labels, value = point.name, point.labels, point.value
        users = labels.get("endpoint", "") in TRANSLATING
        if name == metric_names.REQUESTS.name and users:
            requests += value
            errors += value if labels.get("status", "").startswith("5") else 0.0
        elif name == metric_names.REQUEST_SECONDS.name + "_bucket" and users:
            bound = float(labels["le"])
            buckets[bound] = buckets.get(bound, 0.0) + value
        elif name == metric_names.SEGMENTS.name:
            segments += value
        elif name == metric_names.HEALTH.name and labels.get("signal") in health:
            health[labels["signal"]] += value
    return Sample(up, requests, errors, buckets, segments, health)


class Clock:
    """The machine's monotonic clock, which no operator sets back; tests have one that jumps."""

    def now(self) -> float:
        """Seconds; only differences mean anything."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def until(self, happened: Callable[[], bool], seconds: float, every: float = 0.2) -> bool:
        """Wait for something; whether it happened in time."""
        end = self.now() + seconds
        while not happened():
            if self.now() > end:
                return False
            self.sleep(every)
        return True


@dataclass(frozen=True, slots=True)
class ServiceMetrics:
    """Asks the colours themselves."""

    services: Mapping[Colour, HttpService]
    timeout: float = 2.0

    def sample(self, colour: Colour) -> Sample:
        """The colour's counters now; not ``up`` when it does not answer. Never raises for that.

        Raises:
            ConfigurationError: the colour answers, but refuses to be asked.
        """
        service = self.services[colour]
        try:
            text = service.metrics(self.timeout)
            return _collect(text, up=service.ready(self.timeout))
        except (UnavailableError, ValueError):  # also where something else answers
            return DOWN
