"""Learning rates: warm-up, then constant, inverse root or straight to zero over the budget."""

from __future__ import annotations


def inverse_root(step: int, warmup: int, peak: float) -> float:
    """Linear to ``peak`` at ``warmup`` steps, then falling with the root of the step."""
    step = max(step, 1)
    return peak * min(step / max(warmup, 1), (max(warmup, 1) / step) ** 0.5)


def learning_rate(
    schedule: str, step: int, progress: float, warmup: int, peak: float, decay_share: float = 1.0
) -> float:
    """Rate of one step.

    Args:
        schedule: a name of ``recipe.SCHEDULES``.
        step: steps done before this one.
        progress: part of the budget used, 0…1.
        warmup: steps of linear warm-up.
        peak: highest rate.
        decay_share: last part of the budget, in which ``stable-linear`` falls to zero.
    """
    remaining = max(0.0, 1.0 - progress)
    rising = peak * min((step + 1) / max(warmup, 1), 1.0)
    if schedule == "linear-to-zero":
        return rising * remaining
    if schedule == "stable-linear":
        return rising * min(1.0, remaining / max(decay_share, 1e-9))
    rate = inverse_root(step + 1, warmup, peak)
    if schedule == "inverse-root-to-zero":
        rate *= min(1.0, remaining / 0.3)  # the last 30 % of the budget cools down
    return rate
