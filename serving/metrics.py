"""Counts what the service does, under the names of ``serving.metric_names``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from serving import metric_names as names
from serving.metric_names import MetricSpec

if TYPE_CHECKING:
    from serving.runners.batching import Batch
    from serving.runners.translators import TranslatorFacts

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


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
        for signal in names.SIGNALS:  # a rate needs its zero
            self._child(names.HEALTH, signal)

    def _child(self, spec: MetricSpec, *labels: str) -> Counter | Gauge | Histogram:
        return self._families[spec.name].labels(self._model, *labels)

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

    def render(self) -> bytes:
        """Everything in Prometheus' text format; in a server of several processes, merged."""
        if self._registry is not REGISTRY:
            return generate_latest(self._registry)
        merged = CollectorRegistry()
        try:
            MultiProcessCollector(merged)
        except ValueError:  # prometheus_client was told of no other process
            return generate_latest(self._registry)
        return generate_latest(merged)


def _family(spec: MetricSpec, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    labels = ("model", *spec.labels)
    if spec.kind == "counter":
        return Counter(spec.name, spec.help, labels, registry=registry)
    if spec.kind == "histogram":
        return Histogram(spec.name, spec.help, labels, buckets=spec.buckets, registry=registry)
    return Gauge(spec.name, spec.help, labels, registry=registry, multiprocess_mode="mostrecent")


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
