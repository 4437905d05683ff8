"""BLEU, chrF and TER of many summed statistics at once.

The same arithmetic as sacreBLEU's ``_compute_score_from_stats``, over m rows in one
go: resampling asks for tens of thousands of scores. A test holds them to sacreBLEU's
own results on random rows; single scores that are reported come from sacreBLEU itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ORDERS = 4  # of BLEU


def bleu(sums: Floats) -> Floats:
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


def chrf(sums: Floats, beta: float = 2.0) -> Floats:
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


def ter(sums: Floats) -> Floats:
    """(m, 2) [edits, mean reference length] → (m,)."""
    edits, reference = sums[:, 0], sums[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        score = 100 * edits / reference
    return np.where(reference > 0, score, np.where(edits > 0, 100.0, 0.0))
