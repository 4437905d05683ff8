"""Cheaper stand-ins for two operations that dominate training on a CPU.

Measured on two AVX512 cores, batches of short sentences: the backward pass of
PyTorch's CPU flash attention took as long as all matrix products together, and the
random numbers of dropout another tenth. ``CpuOperations`` replaces both while it
is entered and leaves the model's code alone; on a GPU it is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

POOL = 1 << 23  # elements of the pool of dropout masks


def dropout_pool(rate: float, seed: int, dtype: torch.dtype) -> Tensor:
    """(POOL,) values 0 or 1 / (1 - rate), a function of rate and seed alone."""
    keep = torch.rand(POOL, generator=torch.Generator().manual_seed(seed)) >= rate
    return keep.to(dtype) / (1.0 - rate)


class CpuOperations(TorchFunctionMode):
    """Plain batched attention, and dropout masks cut from one pool.

    A mask is the pool's slice at a random place; two masks of a step may overlap,
    which dropout tolerates. Places come from the generator handed in, so a batch's
    masks do not depend on the thread or the order it is computed in.
    """

    def __init__(self, rate: float, pool: Tensor, chance: torch.Generator) -> None:
        super().__init__()
        self._rate, self._pool, self._chance = rate, pool, chance

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.dropout:
            return self._dropout(*args, **kwargs)
        if func is F.scaled_dot_product_attention:
            return _attention(*args, **kwargs)
        return func(*args, **kwargs)

    def _dropout(
        self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        if not training or p == 0.0:
            return x
        if p != self._rate or x.numel() > POOL // 2:
            return F.dropout(x, p, training)
        start = int(torch.randint(POOL - x.numel(), (1,), generator=self._chance))
        mask = self._pool[start : start + x.numel()].view(x.shape)
        return x * mask.to(x.dtype)


def _attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, dropout: float = 0.0
) -> Tensor:
    """Softmax attention in plain operations; arguments as ``scaled_dot_product_attention``."""
    logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if mask is not None:
        logits = logits.masked_fill(~mask, torch.finfo(logits.dtype).min)
    weights = F.dropout(logits.softmax(dim=-1), dropout) if dropout else logits.softmax(dim=-1)
    return weights.to(value.dtype) @ value
