"""The exponential moving average of the weights: what is evaluated and exported."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


@torch.no_grad()
def update_average(
    average: dict[str, Tensor], weights: Mapping[str, Tensor], step: int, most: float
) -> None:
    """Move ``average`` towards the weights in place; an empty one becomes a copy of them.

    Args:
        step: steps done; the decay is warmed up like 1 - 1/step.
        most: highest decay.
    """
    if not average:
        average.update({name: value.detach().clone() for name, value in weights.items()})
        return
    decay = min(most, (step + 1) / (step + 10))
    torch._foreach_lerp_(list(average.values()), [weights[name] for name in average], 1.0 - decay)
