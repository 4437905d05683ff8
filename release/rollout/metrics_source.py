"""Where samples come from: the colours' own ``/metrics``, a Prometheus, or a script of a test."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from prometheus_client.parser import text_string_to_metric_families

from csanmt.errors import CsanmtError, UnavailableError
from release.rollout.clock import Clock, SystemClock
from release.rollout.direct import ask
from release.rollout.samples import DOWN, Sample, collect
from release.rollout.traffic import Colour
from serving import metric_names


class MetricsSource(Protocol):
    def sample(self, colour: Colour) -> Sample:
        """The colour's counters now; not ``up`` when it does not answer. Never raises for that.

        Raises:
            ConfigurationError: the colour answers, but refuses to be asked.
        """
        ...


def ready(url: str, timeout: float) -> bool:
    """Whether the service at ``url`` answers ``/readyz`` with 200 within ``timeout`` seconds."""
    return _get(f"{url}/readyz", timeout) is not None


def _get(url: str, timeout: float) -> str | None:
    try:
        return ask(url, timeout=timeout)
    except CsanmtError:
        return None


@dataclass(frozen=True, slots=True)
class ServiceMetrics:
    """Scrapes the colours themselves. ``urls``: colour → ``http://host:port``."""

    urls: Mapping[Colour, str]
    timeout: float = 2.0
    api_key: str = field(default="", repr=False)

    def sample(self, colour: Colour) -> Sample:
        url = self.urls[colour]
        try:
            text = ask(f"{url}/metrics", timeout=self.timeout, api_key=self.api_key)
        except UnavailableError:
            return DOWN
        points = [
            (point.name, point.labels, point.value)
            for family in text_string_to_metric_families(text)
            for point in family.samples
        ]
        return collect(points, up=ready(url, self.timeout))


BLIND_SECONDS = 30.0
"""How long Prometheus may be silent before watching is given up: several scrapes."""


@dataclass(slots=True)
class PrometheusMetrics:
    """Reads the raw counters that a Prometheus scraped, by its label ``colour``.

    Instant queries of counters, not of rates: the window is ours, so that both sources are
    judged by the same arithmetic. Whether a colour is up is asked of the colour itself
    (``urls``): a scrape is too rare for that, and a Prometheus that is down says nothing
    about the service. While it is silent the last counters stand, which is no evidence.
    """

    url: str
    urls: Mapping[Colour, str]
    timeout: float = 5.0
    clock: Clock = field(default_factory=SystemClock)
    _last: dict[Colour, Sample] = field(default_factory=dict)
    _heard: float | None = None

    def sample(self, colour: Colour) -> Sample:
        """See :class:`MetricsSource`.

        Raises:
            UnavailableError: Prometheus has not answered for ``BLIND_SECONDS``.
        """
        up = ready(self.urls[colour], self.timeout)
        points = self._counters(colour)
        if points is not None:
            self._heard = self.clock.now()
            self._last[colour] = collect(points, up=up)
        elif self._heard is None or self.clock.now() - self._heard > BLIND_SECONDS:
            raise UnavailableError(
                f"Prometheus at {self.url} does not answer: nothing can be judged, "
                "and the traffic stays as it is"
            )
        return replace(self._last.get(colour, DOWN), up=up)

    def _counters(self, colour: Colour) -> list[tuple[str, Mapping[str, str], float]] | None:
        families = (
            metric_names.REQUESTS.name,
            metric_names.REQUEST_SECONDS.name + "_bucket",
            metric_names.SEGMENTS.name,
            metric_names.HEALTH.name,
        )
        expression = f'{{__name__=~"{"|".join(families)}",colour="{colour}"}}'
        query = urllib.parse.urlencode({"query": expression})
        text = _get(f"{self.url}/api/v1/query?{query}", self.timeout)
        if text is None:
            return None
        try:
            return [
                (row["metric"].get("__name__", ""), row["metric"], float(row["value"][1]))
                for row in json.loads(text)["data"]["result"]
            ]
        except (ValueError, LookupError, TypeError):
            return None  # something else answers at that address


@dataclass(slots=True)
class ScriptedMetrics:
    """A source for tests: each colour's sample is what its function returns now."""

    samples: dict[Colour, Callable[[], Sample]] = field(default_factory=dict)

    def sample(self, colour: Colour) -> Sample:
        return self.samples.get(colour, lambda: DOWN)()
