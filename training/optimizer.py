"""What a step does to the weights: optimizer, learning rate, moving average.

AdamW, or Muon for the matrices and AdamW for everything else.

Muon (torch's own, with the scale that lets both take one learning rate) makes each update
orthogonal. Query, key and value, which the layers hold as one matrix, count as three: the
optimizer is given views of the parameters' memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn

from training.recipe import TrainingSettings

STACKED = {"qkv": 3, "key_value": 2}  # matrices on top of one another, by the layer's name
TABLES = ("embedding", "softmax", "relative_key", "relative_value")


# Parameters, each with the matrices that it holds, on the same memory.
Views = list[tuple[nn.Parameter, list[nn.Parameter]]]


class Optimizer:
    """One or more torch optimizers that step together and keep one state.

    ``state`` is flat: ``{"0/3/momentum_buffer": tensor}``, as ``checkpoint`` writes it.
    """

    def __init__(self, parts: list[torch.optim.Optimizer], views: Views) -> None:
        self._parts, self._views = parts, views

    def step(self, rate: float, workers: ThreadPoolExecutor | None = None) -> None:
        """One update at this learning rate; the parts side by side if there are workers."""
        for owner, rows in self._views:
            if owner.grad is not None:
                for view, gradient in zip(rows, owner.grad.chunk(len(rows)), strict=True):
                    view.grad = gradient
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = rate
        list((workers.map if workers else map)(lambda part: part.step(), self._parts))

    def state(self) -> dict[str, Tensor]:
        return {
            f"{number}/{index}/{key}": value
            for number, part in enumerate(self._parts)
            for index, values in part.state_dict()["state"].items()
            for key, value in values.items()
        }

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Put a state back.

        Raises:
            ValueError, KeyError: it is of other optimizers.
        """
        states: list[dict[int, dict[str, Any]]] = [{} for _ in self._parts]
        for name, value in tensors.items():
            number, index, key = name.split("/")
            states[int(number)].setdefault(int(index), {})[key] = value
        for part, state in zip(self._parts, states, strict=True):
            part.load_state_dict({**part.state_dict(), "state": state})


def adamw(parameters: Iterable[nn.Parameter], settings: TrainingSettings) -> torch.optim.AdamW:
    return torch.optim.AdamW(
        parameters,
        lr=0.0,
        betas=(settings.beta1, settings.beta2),
        eps=1e-9,
        weight_decay=settings.weight_decay,
        fused=True,
    )


def optimizer_for(
    named: list[tuple[str, nn.Parameter]], settings: TrainingSettings, plain: bool = False
) -> Optimizer:
    """The recipe's optimizer of these parameters.

    Args:
        plain: AdamW whatever the recipe says.
    """
    if plain or settings.optimizer == "adamw":
        return Optimizer([adamw([p for _, p in named], settings)], [])
    views = [(p, views_of(name, p)) for name, p in named if is_matrix(name, p)]
    rest = [p for name, p in named if not is_matrix(name, p)]
    matrices = [matrix for _, rows in views for matrix in rows]
    shares = [matrices[number :: settings.workers] for number in range(settings.workers)]
    parts: list[torch.optim.Optimizer] = [
        torch.optim.Muon(
            share,
            lr=0.0,
            weight_decay=settings.weight_decay,
            momentum=0.95,
            adjust_lr_fn="match_rms_adamw",
        )
        for share in shares
        if share
    ]
    return Optimizer([*parts, adamw(rest, settings)], views)


def is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """A weight that multiplies hidden states: no embedding, bias, norm or position table."""
    return parameter.ndim == 2 and not any(table in name for table in TABLES)


def views_of(name: str, parameter: nn.Parameter) -> list[nn.Parameter]:
    """The matrices that are one parameter: three of ``qkv``, two of ``key_value``, else itself."""
    layer = name.split(".")[-2] if "." in name else ""
    return [nn.Parameter(rows) for rows in parameter.data.chunk(STACKED.get(layer, 1))]


def learning_rate(
    schedule: str, step: int, progress: float, warmup: int, peak: float, decay_share: float = 1.0
) -> float:
    """Rate of one step.

    Args:
        schedule: one of ``recipe.Schedule``.
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
    rate = peak * min((step + 1) / max(warmup, 1), (max(warmup, 1) / (step + 1)) ** 0.5)
    if schedule == "inverse-root-to-zero":
        rate *= min(1.0, remaining / 0.3)  # the last 30 % of the budget cools down
    return rate


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
