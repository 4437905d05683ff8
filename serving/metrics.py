"""Counts what the service does, under the names of ``serving.metric_names``."""

from __future__ import annotations

import os
from collections import Counter as Counts
from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from serving import metric_names as names
from serving.metric_names import MetricSpec

if TYPE_CHECKING:
    from serving.runners.batching import Batch
    from serving.runners.translators import TranslatorFacts

PROBE: ContextVar[bool] = ContextVar("probe", default=False)
"""Whether this request is a watcher's, which belongs to nobody's numbers."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SERVICE_NAME = "csanmt"  # of the BentoML service


class Metrics:
    """All metrics of one process, bound to the model version it serves.

    Args:
        model: the value of every metric's ``model`` label.
        registry: where to register; BentoML's server uses the default one, tests their own.
    """

    def __init__(self, model: str, registry: CollectorRegistry = REGISTRY) -> None:
        self._model = model
        self._registry = registry
        self._families = {spec.name: _family(spec, registry) for spec in names.ALL}
        self._children: dict[tuple[str, ...], Counter | Gauge | Histogram] = {}
        self.in_progress: Counts[str] = Counts()  # requests by endpoint, published when asked for
        for signal in names.SIGNALS:  # a rate needs its zero
            self._child(names.HEALTH, signal)

    def _child(self, spec: MetricSpec, *labels: str) -> Counter | Gauge | Histogram:
        key = (spec.name, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._families[spec.name].labels(self._model, *labels)
        return child

    def count(self, spec: MetricSpec, *labels: str, amount: float = 1) -> None:
        child = self._child(spec, *labels)
        assert isinstance(child, Counter)
        child.inc(amount)

    def observe(self, spec: MetricSpec, value: float, *labels: str) -> None:
        child = self._child(spec, *labels)
        assert isinstance(child, Histogram)
        child.observe(value)

    def set(self, spec: MetricSpec, value: float, *labels: str) -> None:
        child = self._child(spec, *labels)
        assert isinstance(child, Gauge)
        child.set(value)

    # The pool's observer (serving.runners.pool.PoolObserver).

    def batch_done(self, batch: Batch, seconds: float) -> None:
        self.observe(names.BATCH_SENTENCES, len(batch.sentences))
        self.observe(names.BATCH_SECONDS, seconds)

    def runner_started(self, facts: TranslatorFacts) -> None:
        self.count(names.RUNNER_STARTS)

    def runner_died(self) -> None:
        self.count(names.RUNNER_DEATHS)

    def render(self, bento: str = "") -> bytes:
        """Everything in Prometheus' text format.

        Args:
            bento: ``name:version`` in the labels of the metrics that BentoML's users know.
        """
        requests = CollectorRegistry()
        requests.register(BentoMetrics(self._registry, bento))
        return generate_latest(self._registry) + generate_latest(requests)


class BentoMetrics(Collector):
    """What is counted of requests, under the names and labels of BentoML's own metrics.

    Its own counting costs a request as much as all of ours (see ``serving.bento_adapter``).
    """

    NAMES: ClassVar = {
        names.REQUESTS.name.removesuffix("_total"): "bentoml_service_request",
        names.REQUEST_SECONDS.name: "bentoml_service_request_duration_seconds",
        names.IN_PROGRESS.name: "bentoml_service_request_in_progress",
    }

    def __init__(self, registry: CollectorRegistry, bento: str) -> None:
        self._registry = registry
        name, _, version = bento.partition(":")
        self._labels = {
            "service_name": name or SERVICE_NAME,
            "service_version": version or "not available",
            "runner_name": SERVICE_NAME,
        }

    def collect(self) -> Iterable[Metric]:
        for family in self._registry.collect():
            if (name := self.NAMES.get(family.name)) is None:
                continue
            renamed = Metric(name, family.documentation, family.type)
            for sample in family.samples:
                labels = {**sample.labels, **self._labels}
                del labels["model"]
                if "status" in labels:
                    labels["http_response_code"] = labels.pop("status")
                suffix = sample.name.removeprefix(family.name)
                renamed.add_sample(name + suffix, labels, sample.value)
            yield renamed


def _family(spec: MetricSpec, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    labels = ("model", *spec.labels)
    if spec.kind == "counter":
        return Counter(spec.name, spec.help, labels, registry=registry)
    if spec.kind == "histogram":
        return Histogram(spec.name, spec.help, labels, buckets=spec.buckets, registry=registry)
    return Gauge(spec.name, spec.help, labels, registry=registry)


def resident_bytes(pids: Iterable[int]) -> int:
    """Sum of the processes' resident memory; those that are gone count nothing.

    Memory-mapped weights are counted once for each process although they are shared.
    """
    total = 0
    for pid in pids:
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            continue
        total += pages * os.sysconf("SC_PAGE_SIZE")
    return total
