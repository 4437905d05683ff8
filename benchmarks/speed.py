"""Speed as ratios: candidate and baseline interleaved, so that a noisy machine hits both.

Each sentence is timed several times with both systems, one right after the other and
in alternating order. A sentence's time is the median of its rounds, its ratio the median
of the rounds' ratios; percentiles are over sentences; intervals of ratios come from a
bootstrap over sentences (paired).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.load import ThroughputRow
from benchmarks.progress import Progress, Silent
from benchmarks.significance import Interval, ratio_interval
from benchmarks.subject import Subject

Clock = Callable[[], float]
Floats = NDArray[np.float64]
QUANTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class SpeedPlan:
    """How much to measure.

    Attributes:
        buckets: upper bounds of source length, in characters; longer ones are left out.
        per_bucket: sentences of each bucket.
        rounds: fewest timings of each sentence and system.
        max_rounds: rounds go on to this many while the interval of a ratio holds ``limit``.
        limit: ratio that the rounds try to decide.
    """

    buckets: tuple[int, ...] = (10, 25, 50, 100)
    per_bucket: int = 10
    rounds: int = 3
    max_rounds: int = 25
    limit: float = 1.10
    seed: int = 12345


@dataclass(frozen=True, slots=True)
class Ratio:
    """Candidate over baseline; above 1 the candidate is slower (or bigger)."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Milliseconds of one length bucket; ``name`` "all" is every sentence."""

    name: str
    sentences: int
    baseline: dict[str, float]  # "p50" → ms
    candidate: dict[str, float]
    ratio: Ratio  # geometric mean over sentences


@dataclass(frozen=True, slots=True)
class StartReport:
    """A fresh process: seconds to the first answer and peak memory.

    Attributes:
        baseline_s, candidate_s, baseline_mb, candidate_mb: medians of the runs.
        time_ratio, memory_ratio: geometric means over pairs of runs.
        pairs: runs of each system.
    """

    baseline_s: float
    candidate_s: float
    baseline_mb: float
    candidate_mb: float
    time_ratio: Ratio
    memory_ratio: Ratio
    pairs: int


@dataclass(frozen=True, slots=True)
class SpeedReport:
    """Everything measured about speed.

    Attributes:
        rows: latency by length bucket, "all" last.
        rounds: timings of every sentence and system.
        throughput: empty where no load was sent.
        start: None where a process cannot be started.
    """

    rows: tuple[LatencyRow, ...]
    p95_ratio: Ratio
    rounds: int
    throughput: tuple[ThroughputRow, ...] = ()
    start: StartReport | None = None

    @property
    def overall(self) -> LatencyRow:
        return self.rows[-1]


def pick_sentences(sources: Sequence[str], plan: SpeedPlan) -> list[list[str]]:
    """Up to ``per_bucket`` different sentences of each length bucket, by a fixed draw."""
    rng = np.random.default_rng(plan.seed)
    unique = list(dict.fromkeys(s for s in sources if s.strip()))
    picked = []
    lower = 0
    for upper in plan.buckets:
        inside = [s for s in unique if lower < len(s) <= upper]
        order = rng.permutation(len(inside))[: plan.per_bucket]
        picked.append([inside[i] for i in sorted(order)])
        lower = upper
    return picked


def measure_speed(
    baseline: Subject,
    candidate: Subject,
    sources: Sequence[str],
    plan: SpeedPlan = SpeedPlan(),
    *,
    clock: Clock = time.perf_counter,
    progress: Progress | None = None,
) -> SpeedReport:
    """Time both systems on sentences of several lengths, one at a time."""
    progress = progress or Silent()
    buckets = pick_sentences(sources, plan)
    sentences = [s for bucket in buckets for s in bucket]
    progress.start("latency", plan.max_rounds)
    times = _time_rounds(baseline, candidate, sentences, plan, clock, progress)
    progress.finish()
    names = _bucket_names(plan)
    rows, begin = [], 0
    for name, bucket in zip(names, buckets, strict=True):
        part = slice(begin, begin + len(bucket))
        if bucket:
            rows.append(_latency_row(name, times[:, part], plan.seed))
        begin += len(bucket)
    rows.append(_latency_row("all", times, plan.seed))
    return SpeedReport(tuple(rows), p95_ratio(times, plan.seed), times.shape[2])


def _bucket_names(plan: SpeedPlan) -> list[str]:
    lowers = (1, *(upper + 1 for upper in plan.buckets))
    return [f"{low}–{high}" for low, high in zip(lowers, plan.buckets, strict=False)]


def _time_rounds(
    baseline: Subject,
    candidate: Subject,
    sentences: Sequence[str],
    plan: SpeedPlan,
    clock: Clock,
    progress: Progress,
) -> Floats:
    """(2, sentences, rounds) seconds; index 0 is the baseline."""
    systems = (baseline, candidate)
    for system in systems:  # warm up
        for sentence in sentences[:3]:
            system.translate([sentence])
    rounds: list[Floats] = []
    while len(rounds) < plan.max_rounds:
        times = np.empty((2, len(sentences)))
        for i, sentence in enumerate(sentences):
            first = (i + len(rounds)) % 2
            for which in (first, 1 - first):
                began = clock()
                systems[which].translate([sentence])
                times[which, i] = clock() - began
        rounds.append(times)
        progress.advance(1)
        if len(rounds) >= plan.rounds:
            so_far = np.stack(rounds, axis=2)
            ratios = (p95_ratio(so_far, plan.seed), mean_ratio(so_far, plan.seed))
            if not any(r.interval.holds(plan.limit) for r in ratios):
                break
    return np.stack(rounds, axis=2)


def p95_ratio(times: Floats, seed: int, samples: int = 1000) -> Ratio:
    """Ratio of the 95th percentiles over sentences; times is (2, sentences, rounds)."""
    medians = np.median(times, axis=2)
    draws = np.random.default_rng(seed).integers(medians.shape[1], size=(samples, medians.shape[1]))
    base, cand = np.percentile(medians[:, draws], 95, axis=2)
    low, high = np.quantile(cand / base, (0.025, 0.975))
    whole = np.percentile(medians, 95, axis=1)
    return Ratio(float(whole[1] / whole[0]), Interval(float(low), float(high)))


def mean_ratio(times: Floats, seed: int, samples: int = 1000) -> Ratio:
    """Geometric mean over sentences of each one's median ratio; times as in ``p95_ratio``."""
    logs = np.median(np.log(times[1] / times[0]), axis=1)
    draws = np.random.default_rng(seed).integers(len(logs), size=(samples, len(logs)))
    low, high = np.exp(np.quantile(logs[draws].mean(axis=1), (0.025, 0.975)))
    return Ratio(float(np.exp(logs.mean())), Interval(float(low), float(high)))


def paired_ratio(baseline: Sequence[float], candidate: Sequence[float]) -> Ratio:
    """Geometric mean over the pairs, with Student's interval; one pair has none (0 to ∞)."""
    ratios = [c / b for b, c in zip(baseline, candidate, strict=True)]
    return Ratio(float(np.exp(np.mean(np.log(ratios)))), ratio_interval(ratios))


def _latency_row(name: str, times: Floats, seed: int) -> LatencyRow:
    medians = np.median(times, axis=2)
    ratio = mean_ratio(times, seed)
    quantiles = [
        {f"p{q}": 1000 * float(np.percentile(system, q)) for q in QUANTILES} for system in medians
    ]
    return LatencyRow(name, medians.shape[1], quantiles[0], quantiles[1], ratio)
