"""Corpus metrics by sacreBLEU, kept as sufficient statistics of each sentence.

Every score here is a function of the *sum* of its sentences' statistics, so one
extraction serves the score, its interval, the paired tests, the breakdowns and the
ranking of sentences. A score never travels without its signature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

Rows = NDArray[np.float64]
OnProgress = Callable[[int], None]
CHUNK = 100  # sentences scored at once
ORDERS = 4  # of BLEU


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: ``key`` in files and policies, ``title`` on pages.

    ``sign`` is +1 where more is better, else -1: ``sign * difference > 0`` is a gain.
    """

    key: str
    title: str
    sign: int
    build: Callable[[], Any]  # a fresh sacrebleu metric
    formula: Callable[[Rows], Rows]  # (m, k) sums → (m,) scores


# Scores of many summed statistics at once, by the same arithmetic as sacreBLEU's
# ``_compute_score_from_stats``: resampling asks for tens of thousands. A test holds them to
# sacreBLEU's own results; single scores that are reported come from sacreBLEU itself.


def _bleu(sums: Rows) -> Rows:
    """(m, 10) [system length, reference length, 4 × correct, 4 × total] → (m,).

    Exponential smoothing, no effective order (sacreBLEU's defaults).
    """
    system, reference = sums[:, 0], sums[:, 1]
    correct, total = sums[:, 2 : 2 + ORDERS], sums[:, 2 + ORDERS :]
    with np.errstate(divide="ignore", invalid="ignore"):
        penalty = np.where(system < reference, np.exp(1 - reference / system), 1.0)
        halvings = 2.0 ** np.cumsum(correct == 0, axis=1)
        precision = np.where(correct == 0, 100 / (halvings * total), 100 * correct / total)
        score = penalty * np.exp(np.log(precision).mean(axis=1))
    scored = correct.any(axis=1) & (total > 0).all(axis=1)
    return np.where(scored, score, 0.0)


def _chrf(sums: Rows, beta: float = 2.0) -> Rows:
    """(m, 3 × orders) [hypothesis, reference, match] of each order → (m,).

    Averages precision and recall over the orders that both sides have.
    """
    hypothesis, reference, match = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
    both = (hypothesis > 0) & (reference > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        orders = both.sum(axis=1)
        precision = np.where(both, match / hypothesis, 0.0).sum(axis=1) / orders
        recall = np.where(both, match / reference, 0.0).sum(axis=1) / orders
        factor = beta**2
        score = 100 * (1 + factor) * precision * recall / (factor * precision + recall)
    return np.where((orders > 0) & (precision + recall > 0), score, 0.0)


def _ter(sums: Rows) -> Rows:
    """(m, 2) [edits, mean reference length] → (m,)."""
    edits, reference = sums[:, 0], sums[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        score = 100 * edits / reference
    return np.where(reference > 0, score, np.where(edits > 0, 100.0, 0.0))


METRICS: dict[str, Metric] = {
    m.key: m
    for m in (
        Metric("bleu", "BLEU", 1, BLEU, _bleu),
        Metric("chrf2pp", "chrF2++", 1, lambda: CHRF(word_order=2), _chrf),
        Metric("chrf2", "chrF2", 1, CHRF, _chrf),
        Metric("ter", "TER", -1, TER, _ter),
    )
}


def corpus_score(which: Metric, rows: Rows) -> float:
    """sacreBLEU's score, in points, from the statistics of its sentences: (n, k)."""
    sums = rows.sum(axis=0).tolist()
    return float(which.build()._compute_score_from_stats(sums).score)


def signature(key: str, references: int) -> str:
    """sacreBLEU's signature for so many references."""
    scorer = METRICS[key].build()
    scorer.num_refs = references
    return str(scorer.get_signature())


def extract(
    key: str,
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    workers: int = 1,
    on_progress: OnProgress | None = None,
) -> Rows:
    """Sufficient statistics of every sentence: (sentences, k) float64, k by the metric (BLEU 10,
    chrF2 18, chrF2++ 24, TER 2).

    Args:
        references: r lists, each as long as ``hypotheses``.
        workers: processes to use (TER takes milliseconds a sentence).
        on_progress: called with the number of sentences just done.
    """
    starts = range(0, len(hypotheses), CHUNK)
    jobs = [(key, [lines[i : i + CHUNK] for lines in (hypotheses, *references)]) for i in starts]
    rows: list[list[float]] = []
    with ExitStack() as stack:
        run: Callable[..., Iterable[list[list[float]]]] = map
        if workers > 1 and len(jobs) >= 2 * workers:
            run = stack.enter_context(ProcessPoolExecutor(workers)).map
        for found in run(_extract_chunk, jobs):
            rows += found
            if on_progress:
                on_progress(len(found))
    return np.array(rows, dtype=np.float64)


def _extract_chunk(job: tuple[str, list[Sequence[str]]]) -> list[list[float]]:
    key, (hypotheses, *references) = job
    # A fresh scorer: TER keeps a cache that grows with the sentences it has seen.
    rows: list[list[float]] = (
        METRICS[key].build()._extract_corpus_statistics(hypotheses, references)
    )
    return rows
