"""Is a difference more than chance? Paired tests on sufficient statistics.

One test decides, chosen before anything is measured: the one-sided approximate
randomisation, in which shufflings that come out *equal* to what was seen count as well
(Noreen 1989; sacreBLEU counts only larger ones, so that for it one changed sentence is
significant). Where few sentences changed, every shuffling is tried and p is exact. The
paired bootstrap gives the intervals. Several suites are pooled by drawing in each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from benchmarks.metrics import Metric, Rows, corpus_score

Floats = NDArray[np.float64]
EXACT = 13  # with so few changed sentences all 2^13 = 8,192 shufflings are tried
ROUNDING = 1e-9  # points; a shuffling that gives the same sentences again is a tie
T_97_5 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36)  # Student's t, 1 to 7 degrees of freedom


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """How often to resample; sacreBLEU's defaults.

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
        error: standard error of ``delta`` (of the bootstrap).
        p_worse: one-sided: how often chance alone makes the candidate look as bad.
        p_better: the same for as good.
        shufflings: tried; the smallest p there can be is one over this.
        exact: all there are were tried.
        changed: sentences whose statistics differ.
    """

    baseline: float
    candidate: float
    baseline_interval: Interval
    candidate_interval: Interval
    delta: float
    delta_interval: Interval
    gain_bound: float
    error: float
    p_worse: float
    p_better: float
    shufflings: int
    exact: bool
    changed: int


PairedRows = tuple[Rows, Rows]  # (sentences, k) statistics of the baseline, of the candidate


def paired_test(
    which: Metric, baseline: Rows, candidate: Rows, plan: SamplingPlan = SamplingPlan()
) -> PairedTest:
    """Compare two systems on the same sentences.

    Args:
        baseline, candidate: (sentences, k) statistics of ``which``.
    """
    return pooled_test(which, [(baseline, candidate)], plan)


def pooled_test(
    which: Metric, suites: Sequence[PairedRows], plan: SamplingPlan = SamplingPlan()
) -> PairedTest:
    """Compare two systems on several suites as one: scores are means over the suites,
    weighted by their sentences; sentences are drawn and exchanged within their suite."""
    weights = np.array([len(b) for b, _ in suites], dtype=np.float64)
    weights /= weights.sum()
    score_b, score_c = (
        float(weights @ [corpus_score(which, pair[side]) for pair in suites]) for side in (0, 1)
    )
    plans = [replace(plan, seed=plan.seed + 7919 * i) for i in range(len(suites))]
    drawn = [_resampled(which, pair, p) for pair, p in zip(suites, plans, strict=True)]
    samples_b = sum(w * b for w, (b, _) in zip(weights, drawn, strict=True))
    samples_c = sum(w * c for w, (_, c) in zip(weights, drawn, strict=True))
    deltas = samples_c - samples_b
    delta = score_c - score_b
    shuffled, exact = shuffled_differences(which, suites, plan)
    worse, better = one_sided(which.sign * shuffled, which.sign * delta, exact)
    return PairedTest(
        baseline=score_b,
        candidate=score_c,
        baseline_interval=interval(samples_b),
        candidate_interval=interval(samples_c),
        delta=delta,
        delta_interval=interval(deltas),
        gain_bound=float(np.quantile(which.sign * deltas, 0.05)),
        error=float(deltas.std()),
        p_worse=worse,
        p_better=better,
        shufflings=len(shuffled),
        exact=exact,
        changed=sum(int(_changed(pair).sum()) for pair in suites),
    )


def _changed(pair: PairedRows) -> NDArray[np.bool_]:
    """(sentences,): whose statistics differ; the others cannot change a difference."""
    different: NDArray[np.bool_] = np.any(pair[0] != pair[1], axis=1)
    return different


def _resampled(which: Metric, pair: PairedRows, plan: SamplingPlan) -> tuple[Floats, Floats]:
    """(samples,) scores of the baseline and of the candidate on the same draws."""
    counts = resample_counts(len(pair[0]), plan.samples, plan.seed)
    base = which.formula(counts @ pair[0])
    return base, base if np.array_equal(*pair) else which.formula(counts @ pair[1])


@lru_cache(maxsize=6)  # every metric of a suite asks for the same
def resample_counts(n: int, samples: int, seed: int) -> Floats:
    """(samples, n): how often each of n sentences is drawn; sacreBLEU's draws."""
    indices = np.random.default_rng(seed).choice(n, size=(samples, n), replace=True)
    counts = np.empty((samples, n), dtype=np.float64)
    for row, drawn in zip(counts, indices, strict=True):
        row[:] = np.bincount(drawn, minlength=n)
    counts.setflags(write=False)
    return counts


def interval(samples: Floats) -> Interval:
    """The middle 95 % of the samples."""
    low, high = np.quantile(samples, (0.025, 0.975))
    return Interval(float(low), float(high))


def score_interval(which: Metric, rows: Rows, plan: SamplingPlan = SamplingPlan()) -> Interval:
    """95 % bootstrap interval of one system's score."""
    return interval(which.formula(resample_counts(len(rows), plan.samples, plan.seed) @ rows))


def shuffled_differences(
    which: Metric, suites: Sequence[PairedRows], plan: SamplingPlan
) -> tuple[Floats, bool]:
    """(m,) differences after exchanging the two systems' sentences at random.

    Of one suite the shufflings are sacreBLEU's. With at most ``EXACT`` changed sentences in
    all suites together each of the 2^k exchanges stands there once, and the second value is
    True.
    """
    changed = [_changed(pair) for pair in suites]
    total = sum(int(c.sum()) for c in changed)
    exact = total <= EXACT
    everything = sum(len(c) for c in changed)
    bits = (np.arange(2**total)[:, None] >> np.arange(total)) & 1 if exact else None
    rng = np.random.default_rng(plan.seed)
    shuffled: Floats = np.zeros(len(bits) if bits is not None else plan.trials)
    done = 0
    for (baseline, candidate), which_changed in zip(suites, changed, strict=True):
        k = int(which_changed.sum())
        if bits is not None:
            mask = bits[:, done : done + k].astype(bool)
        else:
            size = (plan.trials, len(baseline))
            mask = rng.integers(2, size=size, dtype=bool)[:, which_changed]
        done += k
        exchanged = _mask_product(mask, (baseline - candidate)[which_changed])
        ours = candidate.sum(axis=0) + exchanged
        theirs = baseline.sum(axis=0) - exchanged
        difference = which.formula(ours) - which.formula(theirs)
        shuffled += difference * (len(baseline) / everything)
    return shuffled, exact


def _mask_product(mask: NDArray[np.bool_], rows: Rows, block: int = 1000) -> Rows:
    """mask (m, n) @ rows (n, k) in blocks, so that the mask is never a whole float matrix."""
    parts = [mask[i : i + block].astype(np.float64) @ rows for i in range(0, len(mask), block)]
    return np.concatenate(parts)


def one_sided(gains: Floats, gain: float, exact: bool) -> tuple[float, float]:
    """(p of as bad a gain, p of as good a one); ties count, what was seen counts as one."""
    extra = 0 if exact else 1
    as_bad = int(np.sum(gains <= gain + ROUNDING)) + extra
    as_good = int(np.sum(gains >= gain - ROUNDING)) + extra
    return as_bad / (len(gains) + extra), as_good / (len(gains) + extra)


def p_text(p: float, test: PairedTest | None = None) -> str:
    """p with its limit: "p < 0.0001" where no smaller one could have come out."""
    least = 1 / (test.shufflings + 1) if test is not None and not test.exact else 0.0
    if p <= max(least, 0.00005):
        return f"p < {max(0.0001, round(least, 4) or 0.0001):.4f}"
    return f"p = {p:.4f}"


def holm(
    p_values: Mapping[str, float], weights: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Holm's step-down adjusted p-values (Holm 1979): reject where adjusted < alpha.

    Args:
        weights: of each test, its share of the level; by default all are equal.
    """
    weight = dict.fromkeys(p_values, 1.0) if weights is None else weights
    ordered = sorted(p_values, key=lambda name: p_values[name] / weight[name])
    left = sum(weight[name] for name in ordered)
    adjusted: dict[str, float] = {}
    running = 0.0
    for name in ordered:
        running = max(running, min(1.0, p_values[name] * left / weight[name]))
        left -= weight[name]
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
