"""Losses and gradients of single batches, in the precision and operations of the device.

On a CPU two operations dominated. Measured on two AVX512 cores, batches of short sentences: the
backward pass of PyTorch's CPU flash attention took as long as all matrix products together, and
the random numbers of dropout another tenth. ``CpuOperations`` replaces both while it is entered
and leaves the model's code alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from training.batches import Batch
from training.objective import (
    TrainableCsanmt,
    contrastive_loss,
    gaussian,
    mgmc_samples,
    translation_loss,
)
from training.recipe import Recipe

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


def takes_bf16(precision: str, device: torch.device) -> bool:
    """Whether to multiply in bf16; ``auto`` does where the processor has the instructions."""
    if precision != "auto" or device.type != "cpu":
        return precision != "float32"
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


class Gradients:
    """What one batch contributes to a step. Safe to call from several threads.

    Args:
        recipe: the objective's settings.
        trainable: the model, on its device.
    """

    def __init__(self, recipe: Recipe, trainable: TrainableCsanmt) -> None:
        self.recipe, self.trainable = recipe, trainable
        self.device = next(trainable.parameters()).device
        self.bf16 = takes_bf16(recipe.training.precision, self.device)
        self.pool: Tensor | None = None
        if self.device.type == "cpu":
            dtype = torch.bfloat16 if self.bf16 else torch.float32
            self.pool = dropout_pool(recipe.model.dropout, recipe.training.seed, dtype)

    def contrast(
        self, batch: Batch, chance: torch.Generator, confidence: float
    ) -> tuple[Tensor, float]:
        """Backward through the contrastive loss; its value, and the positives' posterior."""
        settings = self.recipe.contrastive
        with self._operations(chance):
            x = self.trainable.source_vectors(batch).squeeze(1)
            y = self.trainable.target_vectors(batch).squeeze(1)
        loss, posterior = contrastive_loss(
            x.float(), y.float(), settings.temperature, settings.slack, confidence
        )
        loss.backward()
        return loss.detach(), float(posterior)

    def translation(
        self,
        batch: Batch,
        chance: torch.Generator,
        samples: int,
        scale: int,
        parameters: Sequence[nn.Parameter],
    ) -> tuple[Tensor, Sequence[Tensor]]:
        """Loss and gradients of the translation objective, both divided by ``scale``.

        Args:
            samples: K semantic vectors a pair; 0 takes the source's own.
        """
        confidence = 1.0 - self.recipe.training.label_smoothing
        with self._operations(chance):
            vectors = self._vectors(batch, samples, chance)
            loss = translation_loss(self.trainable, batch, confidence, vectors, max(samples, 1))
            loss = loss / scale
        return loss.detach(), torch.autograd.grad(loss, parameters)

    @torch.no_grad()
    def _vectors(self, batch: Batch, samples: int, chance: torch.Generator) -> Tensor | None:
        if not self.recipe.model.use_augmentation:
            return None
        x = self.trainable.source_vectors(batch)
        if samples == 0:
            return x
        y = self.trainable.target_vectors(batch)
        noise = partial(gaussian, chance=chance)
        return mgmc_samples(x.float(), y.float(), samples, self.recipe.augmentation.eta, noise)

    def _operations(self, chance: torch.Generator) -> ExitStack:
        entered = ExitStack()
        if self.bf16:
            entered.enter_context(torch.autocast(self.device.type, torch.bfloat16))
        if self.pool is not None:
            entered.enter_context(CpuOperations(self.recipe.model.dropout, self.pool, chance))
        return entered
