"""Is a difference more than chance? Paired tests on sufficient statistics.

One test decides, chosen before anything is measured: the one-sided approximate
randomisation, in which shufflings that come out *equal* to what was seen count as well
(Noreen 1989; sacreBLEU counts only larger ones, so that for it one changed sentence is
significant). Where few sentences changed, every shuffling is tried and p is exact. The
paired bootstrap gives the intervals. Several suites are pooled by drawing in each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.metrics import Metric, Rows, corpus_score

Floats = NDArray[np.float64]
EXACT = 13  # with so few changed sentences all 2^13 = 8,192 shufflings are tried
ROUNDING = 1e-9  # points; a shuffling that gives the same sentences again is a tie
T_97_5 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36)  # Student's t, 1 to 7 degrees of freedom


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """How often to resample (sacreBLEU's defaults), and what may come of chance.

    Attributes:
        alpha: the share of false alarms of the whole verdict.
        samples: resamples of the paired bootstrap.
        trials: shufflings of the approximate randomisation.
        seed: of numpy's default generator.
    """

    samples: int = 1000
    trials: int = 10_000
    seed: int = 12345
    alpha: float = 0.05


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


@dataclass(frozen=True, slots=True)
class Draws:
    """What chance makes of one metric on one suite.

    Attributes:
        scores: of the baseline and of the candidate.
        samples: (2, samples) scores of both on the same resamples.
        shuffled: (shufflings,) differences after exchanging the two systems' sentences at
            random; with at most ``EXACT`` changed sentences each of the 2^k exchanges once.
    """

    metric: Metric
    plan: SamplingPlan
    sentences: int
    scores: tuple[float, float]
    samples: Floats
    shuffled: Floats
    changed: int

    @property
    def exact(self) -> bool:
        return self.changed <= EXACT


def draw(which: Metric, baseline: Rows, candidate: Rows, plan: SamplingPlan) -> Draws:
    """Resample and shuffle one suite; the draws are sacreBLEU's.

    Args:
        baseline, candidate: (sentences, k) statistics of ``which``.
    """
    differ = np.flatnonzero(np.any(baseline != candidate, axis=1))  # no other can matter
    gained = (candidate - baseline)[differ]
    counts = resample_counts(len(baseline), plan.samples, plan.seed)
    sums = counts @ baseline
    samples = which.formula(sums)
    both = np.stack([samples, which.formula(sums + counts[:, differ] @ gained)])
    mask: NDArray[Any]
    if len(differ) <= EXACT:
        mask = (np.arange(2 ** len(differ))[:, None] >> np.arange(len(differ))) & 1
    else:
        mask = exchanges(len(baseline), plan.trials, plan.seed)[:, differ]
    exchanged = _mask_product(mask, gained)
    ours, theirs = candidate.sum(axis=0) - exchanged, baseline.sum(axis=0) + exchanged
    scores = (corpus_score(which, baseline), corpus_score(which, candidate))
    shuffled = which.formula(ours) - which.formula(theirs)
    return Draws(which, plan, len(baseline), scores, both, shuffled, len(differ))


def paired_test(
    which: Metric, baseline: Rows, candidate: Rows, plan: SamplingPlan = SamplingPlan()
) -> PairedTest:
    """Compare two systems on the same sentences; arguments as of ``draw``."""
    return pooled_test([draw(which, baseline, candidate, plan)])


def pooled_test(suites: Sequence[Draws]) -> PairedTest:
    """Compare two systems on several suites as one: scores are means over the suites,
    weighted by their sentences; sentences are drawn and exchanged within their suite."""
    sign, weights = suites[0].metric.sign, np.array([s.sentences for s in suites], np.float64)
    weights /= weights.sum()
    base, cand = (float(weights @ side) for side in zip(*(s.scores for s in suites), strict=True))
    changed = sum(s.changed for s in suites)
    rng = np.random.default_rng(suites[0].plan.seed)
    samples = np.zeros_like(suites[0].samples)
    for weight, suite in zip(weights, suites, strict=True):
        # Each is drawn with the same seed: in another order the suites' draws are independent.
        samples += weight * suite.samples[:, rng.permutation(samples.shape[1])]
    shuffled = np.zeros(1)
    for weight, suite in zip(weights, suites, strict=True):
        if changed <= EXACT:
            shuffled = np.add.outer(shuffled, weight * suite.shuffled).ravel()
        elif len(suites) == 1:
            shuffled = suite.shuffled
        elif suite.exact:
            shuffled = shuffled + weight * rng.choice(suite.shuffled, suite.plan.trials)
        else:
            shuffled = shuffled + weight * rng.permutation(suite.shuffled)
    delta, deltas = cand - base, samples[1] - samples[0]
    worse, better = one_sided(sign * shuffled, sign * delta, changed <= EXACT)
    return PairedTest(
        baseline=base,
        candidate=cand,
        baseline_interval=interval(samples[0]),
        candidate_interval=interval(samples[1]),
        delta=delta,
        delta_interval=interval(deltas),
        gain_bound=float(np.quantile(sign * deltas, 0.05)),
        error=float(deltas.std()),
        p_worse=worse,
        p_better=better,
        shufflings=len(shuffled),
        exact=changed <= EXACT,
        changed=changed,
    )


@lru_cache(maxsize=4)  # every metric of a suite asks for the same
def resample_counts(n: int, samples: int, seed: int) -> Floats:
    """(samples, n): how often each of n sentences is drawn; sacreBLEU's draws."""
    indices = np.random.default_rng(seed).choice(n, size=(samples, n), replace=True)
    counts = np.empty((samples, n), dtype=np.float64)
    for row, drawn in zip(counts, indices, strict=True):
        row[:] = np.bincount(drawn, minlength=n)
    counts.setflags(write=False)
    return counts


@lru_cache(maxsize=4)
def exchanges(n: int, trials: int, seed: int) -> NDArray[np.bool_]:
    """(trials, n): which of n sentences change sides; sacreBLEU's draws."""
    mask = np.random.default_rng(seed).integers(2, size=(trials, n), dtype=bool)
    mask.setflags(write=False)
    return mask


def interval(samples: Floats) -> Interval:
    """The middle 95 % of the samples."""
    low, high = np.quantile(samples, (0.025, 0.975))
    return Interval(float(low), float(high))


def _mask_product(mask: NDArray[Any], rows: Rows, block: int = 1000) -> Rows:
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
    ways, tail = comb(n, worse), 0
    for k in range(worse, n + 1):
        tail += ways
        ways = ways * (n - k) // (k + 1)
    return float(tail / 2**n)


def sign_test_limit(n: int, level: float) -> int:
    """The least number of pairs that must get worse, of n that changed, for p < ``level``."""
    ways, tail, worse = 1, 0, n + 1
    while worse and (tail + ways) / 2**n < level:
        tail += ways
        worse -= 1
        ways = ways * worse // (n - worse + 1)
    return worse


def ratio_interval(ratios: Sequence[float]) -> Interval:
    """95 % interval of the geometric mean, by Student's t over the logarithms."""
    logs = np.log(np.asarray(ratios, dtype=np.float64))
    if len(logs) < 2:
        return Interval(0.0, float("inf"))
    t = T_97_5[min(len(logs) - 2, len(T_97_5) - 1)]
    half = t * float(logs.std(ddof=1)) / len(logs) ** 0.5
    middle = float(logs.mean())
    return Interval(float(np.exp(middle - half)), float(np.exp(middle + half)))
