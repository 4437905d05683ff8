"""Counts what the service does, under the names of ``serving.metric_names``."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Iterable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import accumulate

import psutil
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from serving import metric_names as names
from serving.metric_names import MetricSpec

# Whether this request is a watcher's, which belongs to nobody's numbers.
PROBE: ContextVar[bool] = ContextVar("probe", default=False)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Observed:
    """One series of a histogram: how many values fell into each bucket, and their sum."""

    buckets: list[int]
    total: float = 0.0


class Metrics(Collector):
    """All metrics of one process, bound to the model version it serves.

    They are counted here and made into prometheus_client's families when somebody asks: that
    library's own objects take a lock and ten calls a count, which is a sixth of a request. One
    thread counts, any may ask.

    Args:
        model: the value of every metric's ``model`` label.
        registry: where to register; BentoML's server uses the default one, tests their own.
    """

    def __init__(self, model: str, registry: CollectorRegistry = REGISTRY) -> None:
        self._model = model
        self._registry = registry
        kinds = {spec.name: spec.kind for spec in names.ALL}
        self._values: dict[str, dict[tuple[str, ...], float]] = {
            name: {} for name, kind in kinds.items() if kind != "histogram"
        }
        self._observed: dict[str, dict[tuple[str, ...], Observed]] = {
            name: {} for name, kind in kinds.items() if kind == "histogram"
        }
        self.in_progress: Counts[str] = Counts()  # requests by endpoint, published when asked for
        for signal in names.SIGNALS:  # a rate needs its zero
            self.count(names.HEALTH, signal, amount=0)
        registry.register(self)

    def count(self, spec: MetricSpec, *labels: str, amount: float = 1) -> None:
        series = self._values[spec.name]
        series[labels] = series.get(labels, 0) + amount

    def set(self, spec: MetricSpec, value: float, *labels: str) -> None:
        self._values[spec.name][labels] = value

    def observe(self, spec: MetricSpec, value: float, *labels: str) -> None:
        series = self._observed[spec.name]
        observed = series.get(labels)
        if observed is None:
            observed = series[labels] = Observed([0] * (len(spec.buckets) + 1))
        observed.buckets[bisect_left(spec.buckets, value)] += 1
        observed.total += value

    def collect(self) -> Iterable[Metric]:
        for spec in names.ALL:
            labels = ("model", *spec.labels)
            if spec.kind == "histogram":
                yield self._histogram(spec, labels)
                continue
            kind = CounterMetricFamily if spec.kind == "counter" else GaugeMetricFamily
            family = kind(spec.name, spec.help, labels=labels)
            for values, value in list(self._values[spec.name].items()):
                family.add_metric((self._model, *values), value)
            yield family

    def _histogram(self, spec: MetricSpec, labels: tuple[str, ...]) -> Metric:
        family = HistogramMetricFamily(spec.name, spec.help, labels=labels)
        bounds = [*map(floatToGoString, spec.buckets), "+Inf"]
        for values, observed in list(self._observed[spec.name].items()):
            counts = accumulate(observed.buckets)
            buckets = [(bound, float(count)) for bound, count in zip(bounds, counts, strict=True)]
            family.add_metric((self._model, *values), buckets, observed.total)
        return family

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


def resident_bytes(pids: Iterable[int]) -> int:
    """Sum of the processes' resident memory; those that are gone count nothing.

    Memory-mapped weights are counted once for each process although they are shared.
    """
    total = 0
    for pid in pids:
        with suppress(psutil.Error):
            total += psutil.Process(pid).memory_info().rss
    return total
