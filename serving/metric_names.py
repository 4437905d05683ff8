"""Every metric the service publishes: the one place that names them.

Prometheus rules, dashboards and the release analysis are written from this
table. All carry the label ``model``, the version that produced the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Each bound is half as much again as the one before: a version three times slower must never
# look less than twice as slow, which is where a rollback begins.
SECONDS = (
    0.005, 0.0075, 0.01, 0.015, 0.022, 0.033, 0.05, 0.075, 0.1, 0.15, 0.22, 0.33, 0.5, 0.75,
    1.0, 1.5, 2.2, 3.3, 5.0, 7.5, 10.0, 15.0, 22.0, 33.0, 60.0,
)  # fmt: skip
POWERS_OF_TWO = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric family; ``labels`` come after ``model``."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def _counter(name: str, text: str, *labels: str) -> MetricSpec:
    return MetricSpec(f"csanmt_{name}_total", "counter", text, labels)


def _gauge(name: str, text: str, *labels: str) -> MetricSpec:
    return MetricSpec(f"csanmt_{name}", "gauge", text, labels)


def _seconds(name: str, text: str, *labels: str) -> MetricSpec:
    return MetricSpec(
        f"csanmt_{name}_seconds", "histogram", f"{text}, in seconds.", labels, SECONDS
    )


REQUESTS = _counter(
    "requests",
    "HTTP requests answered; a stream that failed on its way has the status of its error.",
    "endpoint",
    "status",
)
REQUEST_SECONDS = _seconds(
    "request", "Time from the request's first byte to the answer's last", "endpoint"
)
IN_PROGRESS = _gauge("requests_in_progress", "HTTP requests being answered.", "endpoint")
ERRORS = _counter("errors", "Error answers by code.", "code")
CANCELLED = _counter("cancelled_requests", "Requests whose client went away.")
CHARACTERS = _counter("characters", "Characters translated.", "direction")
TOKENS = _counter("tokens", "Tokens translated.", "direction")
SEGMENTS = _counter("segments", "Sentences translated.")
BATCH_SENTENCES = MetricSpec(
    "csanmt_batch_sentences", "histogram", "Sentences in a batch.", (), POWERS_OF_TWO
)
BATCH_SECONDS = _seconds("batch", "Time a runner took for a batch")
QUEUE_SECONDS = _seconds("queue", "Longest time a sentence of a request waited for a runner")
QUEUE_SENTENCES = _gauge("queue_sentences", "Sentences waiting for a runner.")
HEALTH = _counter(
    "translation_health",
    "Translated sentences with a sign of illness; divide by csanmt_segments_total.",
    "signal",
)
RUNNERS_READY = _gauge("runners_ready", "Runners that can translate.")
RUNNER_STARTS = _counter("runner_starts", "Runners that became ready.")
RUNNER_DEATHS = _counter("runner_deaths", "Runners that ended by themselves.")
RESIDENT_MEMORY = _gauge(
    "resident_memory_bytes",
    "Resident memory of the gateway, and of all runners together, in bytes.",
    "process",
)
MEMORY_ENTRIES = _gauge("memory_entries", "Sentences in the translation memory.")
MEMORY_LOOKUPS = _counter(
    "memory_lookups",
    "Sentences looked up in the translation memory: exact, fuzzy, none, or failed.",
    "result",
)
BUILD_INFO = _gauge(
    "build_info",
    "Always 1; the labels say what is running.",
    "digest",
    "bento",
    "commit",
    "engine",
    "isa",
)

ALL = tuple(spec for spec in globals().values() if isinstance(spec, MetricSpec))

# What the label ``signal`` of HEALTH calls those faults of ``csanmt.faults`` that are counted.
FAULTS = {
    "empty": "empty",
    "echo": "echoed",
    "residual_han": "residual_han",
    "loop": "repetition_loop",
    "length": "length_ratio",
    "numbers": "missing_number",
}
SIGNALS = (*FAULTS.values(), "truncated")
