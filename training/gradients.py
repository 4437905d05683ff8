"""Losses and gradients of single batches, in the precision and operations of the device."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor, nn

from training.batches import Batch
from training.cpu_operations import CpuOperations, dropout_pool
from training.objective import (
    TrainableCsanmt,
    contrastive_loss,
    gaussian,
    mgmc_samples,
    translation_loss,
)
from training.recipe import Recipe


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
