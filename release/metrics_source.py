"""Where samples come from: the colours' own ``/metrics``, a Prometheus, or a script of a test."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client.parser import text_string_to_metric_families

from release.direct import OPENER
from release.samples import DOWN, Sample, collect
from release.traffic import Colour
from serving import metric_names


class MetricsSource(Protocol):
    def sample(self, colour: Colour) -> Sample:
        """The colour's counters now; ``DOWN`` when it does not answer. Never raises for that."""
        ...


def ready(url: str, timeout: float) -> bool:
    """Whether the service at ``url`` answers ``/readyz`` with 200 within ``timeout`` seconds."""
    return _get(f"{url}/readyz", timeout) is not None


def _get(url: str, timeout: float) -> str | None:
    try:
        with OPENER.open(url, timeout=timeout) as response:
            body: bytes = response.read()
            return body.decode("utf-8")
    except (urllib.error.URLError, TimeoutError, ConnectionError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class ServiceMetrics:
    """Scrapes the colours themselves. ``urls``: colour → ``http://host:port``."""

    urls: Mapping[Colour, str]
    timeout: float = 2.0

    def sample(self, colour: Colour) -> Sample:
        url = self.urls[colour]
        text = _get(f"{url}/metrics", self.timeout)
        if text is None:
            return DOWN
        points = [
            (point.name, point.labels, point.value)
            for family in text_string_to_metric_families(text)
            for point in family.samples
        ]
        return collect(points, up=ready(url, self.timeout))


@dataclass(frozen=True, slots=True)
class PrometheusMetrics:
    """Reads the raw counters that a Prometheus scraped, by its label ``colour``.

    Instant queries of counters, not of rates: the window is ours, so that both
    sources are judged by the same arithmetic.
    """

    url: str
    timeout: float = 5.0

    def sample(self, colour: Colour) -> Sample:
        families = (
            metric_names.REQUESTS.name,
            metric_names.REQUEST_SECONDS.name + "_bucket",
            metric_names.SEGMENTS.name,
            metric_names.HEALTH.name,
        )
        names = "|".join(families)
        points = self._query(f'{{__name__=~"{names}",colour="{colour}"}}')
        up = self._query(f'up{{job="csanmt",colour="{colour}"}}')
        if not up or up[0][2] != 1.0:
            return DOWN
        return collect(points, up=True)

    def _query(self, expression: str) -> list[tuple[str, Mapping[str, str], float]]:
        query = urllib.parse.urlencode({"query": expression})
        text = _get(f"{self.url}/api/v1/query?{query}", self.timeout)
        if text is None:
            return []
        result = json.loads(text).get("data", {}).get("result", [])
        return [
            (row["metric"].get("__name__", ""), row["metric"], float(row["value"][1]))
            for row in result
        ]


@dataclass(slots=True)
class ScriptedMetrics:
    """A source for tests: each colour's sample is what its function returns now."""

    samples: dict[Colour, Callable[[], Sample]] = field(default_factory=dict)

    def sample(self, colour: Colour) -> Sample:
        return self.samples.get(colour, lambda: DOWN)()
