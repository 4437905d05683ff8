"""Is a difference more than chance? Paired tests on sufficient statistics.

The paired bootstrap and the approximate randomisation are sacreBLEU's
(``sacrebleu.significance``): same random numbers, same p-values, computed from
cached statistics by one matrix product instead of a copy of every sample. On top
come the interval of the *difference*, needed for non-inferiority, and Holm's
correction for several tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from benchmarks.metrics import Metric, Rows, corpus_score

Floats = NDArray[np.float64]
T_97_5 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36)  # Student's t, 1 to 7 degrees of freedom


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """How often to resample; sacreBLEU's defaults, so that p-values can be compared.

    Attributes:
        samples: resamples of the paired bootstrap.
        trials: shufflings of the approximate randomisation.
        seed: of numpy's default generator.
    """

    samples: int = 1000
    trials: int = 10_000
    seed: int = 12345


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval, in points or of a ratio."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class PairedTest:
    """One metric, candidate against baseline, in points of the metric.

    Attributes:
        delta: candidate minus baseline (for TER a negative number is a gain).
        delta_interval: 95 % interval of ``delta`` from the paired bootstrap.
        gain_bound: one-sided 95 % lower bound of the *gain* (``sign * delta``): the
            candidate is at worst this much better, negative is worse.
        p_bootstrap, p_randomisation: sacreBLEU's p-values; exactly 1 where delta is 0.
    """

    baseline: float
    candidate: float
    baseline_interval: Interval
    candidate_interval: Interval
    delta: float
    delta_interval: Interval
    gain_bound: float
    p_bootstrap: float
    p_randomisation: float

    @property
    def p_value(self) -> float:
        """The smaller of the two: a loss counts when either test sees it."""
        return min(self.p_bootstrap, self.p_randomisation)


def paired_test(
    which: Metric, baseline: Rows, candidate: Rows, plan: SamplingPlan = SamplingPlan()
) -> PairedTest:
    """Compare two systems on the same sentences.

    Args:
        baseline, candidate: (sentences, k) statistics of ``which``.
    """
    score_b = corpus_score(which, baseline)
    score_c = corpus_score(which, candidate)
    counts = resample_counts(len(baseline), plan.samples, plan.seed)
    samples_b = which.formula(counts @ baseline)
    same = bool(np.array_equal(baseline, candidate))
    samples_c = samples_b if same else which.formula(counts @ candidate)
    deltas = samples_c - samples_b
    delta = score_c - score_b
    p_bs = p_ar = 1.0
    if delta != 0.0:
        p_bs = bootstrap_p_value(deltas, delta)
        p_ar = randomisation_p_value(which, baseline, candidate, delta, plan)
    return PairedTest(
        baseline=score_b,
        candidate=score_c,
        baseline_interval=interval(samples_b),
        candidate_interval=interval(samples_c),
        delta=delta,
        delta_interval=interval(deltas),
        gain_bound=float(np.quantile(which.sign * deltas, 0.05)),
        p_bootstrap=p_bs,
        p_randomisation=p_ar,
    )


def resample_counts(n: int, samples: int, seed: int) -> Floats:
    """(samples, n): how often each of n sentences is drawn; sacreBLEU's draws."""
    indices = np.random.default_rng(seed).choice(n, size=(samples, n), replace=True)
    counts = np.empty((samples, n), dtype=np.float64)
    for row, drawn in zip(counts, indices, strict=True):
        row[:] = np.bincount(drawn, minlength=n)
    return counts


def interval(samples: Floats) -> Interval:
    """The middle 95 % of the samples."""
    low, high = np.quantile(samples, (0.025, 0.975))
    return Interval(float(low), float(high))


def score_interval(which: Metric, rows: Rows, plan: SamplingPlan = SamplingPlan()) -> Interval:
    """95 % bootstrap interval of one system's score."""
    return interval(which.formula(resample_counts(len(rows), plan.samples, plan.seed) @ rows))


def bootstrap_p_value(deltas: Floats, delta: float) -> float:
    """sacreBLEU's (Moses') paired bootstrap p-value from resampled differences."""
    shifted = np.abs(deltas)
    return _p_value(shifted - shifted.mean(), abs(delta))


def randomisation_p_value(
    which: Metric, baseline: Rows, candidate: Rows, delta: float, plan: SamplingPlan
) -> float:
    """sacreBLEU's two-sided approximate randomisation p-value.

    A trial exchanges the two systems' sentences at random: the sums of one pseudo
    system are ``S = sum(candidate) + mask @ (baseline - candidate)``, those of the
    other are what remains.
    """
    rng = np.random.default_rng(plan.seed)
    mask = rng.integers(2, size=(plan.trials, len(baseline)), dtype=bool)
    difference = baseline - candidate
    changed = np.any(difference != 0, axis=1)
    shuffled = candidate.sum(axis=0) + _mask_product(mask[:, changed], difference[changed])
    rest = (baseline + candidate).sum(axis=0) - shuffled
    statistics = np.abs(which.formula(shuffled) - which.formula(rest))
    # Swapping nothing or everything gives back delta up to rounding: not "greater".
    return _p_value(statistics, abs(delta) + 1e-9)


def _mask_product(mask: NDArray[np.bool_], rows: Rows, block: int = 1000) -> Rows:
    """mask (m, n) @ rows (n, k) in blocks, so that the mask is never a whole float matrix."""
    parts = [mask[i : i + block].astype(np.float64) @ rows for i in range(0, len(mask), block)]
    return np.concatenate(parts)


def _p_value(statistics: Floats, threshold: float) -> float:
    return float((np.sum(statistics > threshold) + 1) / (len(statistics) + 1))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down adjusted p-values (Holm 1979): reject where adjusted < alpha."""
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    adjusted: dict[str, float] = {}
    running = 0.0
    for rank, (name, p) in enumerate(ordered):
        running = max(running, min(1.0, (len(ordered) - rank) * p))
        adjusted[name] = running
    return {name: adjusted[name] for name in p_values}


def sign_test(worse: int, better: int) -> float:
    """Exact one-sided sign test: P(at least ``worse`` of the changed pairs got worse).

    With paired failures this is McNemar's exact test for "the candidate fails more".
    """
    n = worse + better
    if n == 0:
        return 1.0
    tail = sum(comb(n, k) for k in range(worse, n + 1))
    return float(tail / 2**n)


def ratio_interval(ratios: Sequence[float]) -> Interval:
    """95 % interval of the geometric mean, by Student's t over the logarithms."""
    logs = np.log(np.asarray(ratios, dtype=np.float64))
    if len(logs) < 2:
        return Interval(0.0, float("inf"))
    t = T_97_5[min(len(logs) - 2, len(T_97_5) - 1)]
    half = t * float(logs.std(ddof=1)) / len(logs) ** 0.5
    middle = float(logs.mean())
    return Interval(float(np.exp(middle - half)), float(np.exp(middle + half)))
