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


REQUESTS = MetricSpec(
    "csanmt_requests_total",
    "counter",
    "HTTP requests answered; a stream that failed on its way has the status of its error.",
    ("endpoint", "status"),
)
REQUEST_SECONDS = MetricSpec(
    "csanmt_request_seconds",
    "histogram",
    "Time from the request's first byte to the answer's last, in seconds.",
    ("endpoint",),
    SECONDS,
)
IN_PROGRESS = MetricSpec(
    "csanmt_requests_in_progress", "gauge", "HTTP requests being answered.", ("endpoint",)
)
ERRORS = MetricSpec("csanmt_errors_total", "counter", "Error answers by code.", ("code",))
CANCELLED = MetricSpec(
    "csanmt_cancelled_requests_total", "counter", "Requests whose client went away."
)
CHARACTERS = MetricSpec(
    "csanmt_characters_total", "counter", "Characters translated.", ("direction",)
)
TOKENS = MetricSpec("csanmt_tokens_total", "counter", "Tokens translated.", ("direction",))
SEGMENTS = MetricSpec("csanmt_segments_total", "counter", "Sentences translated.")
BATCH_SENTENCES = MetricSpec(
    "csanmt_batch_sentences", "histogram", "Sentences in a batch.", (), POWERS_OF_TWO
)
BATCH_SECONDS = MetricSpec(
    "csanmt_batch_seconds", "histogram", "Time a runner took for a batch, in seconds.", (), SECONDS
)
QUEUE_SECONDS = MetricSpec(
    "csanmt_queue_seconds",
    "histogram",
    "Longest time a sentence of a request waited for a runner, in seconds.",
    (),
    SECONDS,
)
QUEUE_SENTENCES = MetricSpec("csanmt_queue_sentences", "gauge", "Sentences waiting for a runner.")
HEALTH = MetricSpec(
    "csanmt_translation_health_total",
    "counter",
    "Translated sentences with a sign of illness; divide by csanmt_segments_total.",
    ("signal",),
)
RUNNERS_READY = MetricSpec("csanmt_runners_ready", "gauge", "Runners that can translate.")
RUNNER_STARTS = MetricSpec("csanmt_runner_starts_total", "counter", "Runners that became ready.")
RUNNER_DEATHS = MetricSpec(
    "csanmt_runner_deaths_total", "counter", "Runners that ended by themselves."
)
RESIDENT_MEMORY = MetricSpec(
    "csanmt_resident_memory_bytes",
    "gauge",
    "Resident memory of the gateway, and of all runners together, in bytes.",
    ("process",),
)
MEMORY_ENTRIES = MetricSpec(
    "csanmt_memory_entries", "gauge", "Sentences in the translation memory."
)
MEMORY_LOOKUPS = MetricSpec(
    "csanmt_memory_lookups_total",
    "counter",
    "Sentences looked up in the translation memory: exact, fuzzy, none, or failed.",
    ("result",),
)
BUILD_INFO = MetricSpec(
    "csanmt_build_info",
    "gauge",
    "Always 1; the labels say what is running.",
    ("digest", "bento", "commit", "engine", "isa"),
)

ALL = tuple(spec for spec in globals().values() if isinstance(spec, MetricSpec))

# Values of the label ``signal`` of HEALTH; ``serving.quality_signals`` says when each is set.
SIGNALS = (
    "empty",
    "echoed",
    "residual_han",
    "repetition_loop",
    "length_ratio",
    "missing_number",
    "truncated",
)
