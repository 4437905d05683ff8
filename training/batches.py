"""Which pairs are trained together: weighted rounds, length buckets, a token budget a batch.

A round is a pure function of (seed, number), so a run resumed at (round, batch)
sees exactly the batches it would have seen unbroken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.packed import PackedSplit


@dataclass(frozen=True)
class Batch:
    """source (B, S) and target (B, T), int64, each row with its eos (0) and 0-padded.

    The masks (B, S) and (B, T), bool, are true up to and including the eos;
    target_tokens counts those of the targets.
    """

    source: Tensor
    source_mask: Tensor
    target: Tensor
    target_mask: Tensor
    target_tokens: int

    def to(self, device: torch.device) -> Batch:
        sides = (self.source, self.source_mask, self.target, self.target_mask)
        source, source_mask, target, target_mask = (
            tensor.to(device, non_blocking=True) for tensor in sides
        )
        return Batch(source, source_mask, target, target_mask, self.target_tokens)


def plan_round(
    split: PackedSplit, weight: Callable[[str], float], batch_tokens: int, seed: int, number: int
) -> list[NDArray[np.int64]]:
    """Batches (indices of pairs) of one round, shuffled.

    Args:
        weight: passes over an origin in one round; the fraction is drawn at random.
        batch_tokens: most target or source positions of a batch, padding included.
        seed, number: determine everything.
    """
    chance = np.random.default_rng((seed, number))
    chosen = []
    for place, origin in enumerate(split.origins):
        members = np.flatnonzero(split.origin == place)
        whole, fraction = divmod(weight(origin), 1.0)
        chosen.extend([members] * int(whole))
        extra = round(fraction * len(members))
        chosen.append(chance.choice(members, extra, replace=False))
    indices = np.concatenate(chosen).astype(np.int64) if chosen else np.empty(0, np.int64)
    batches = bucket(indices, split, batch_tokens, chance)
    chance.shuffle(batches)
    return batches


def bucket(
    indices: NDArray[np.int64], split: PackedSplit, batch_tokens: int, chance: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Cut pairs, sorted by length, so that padded size stays within ``batch_tokens``."""
    source = split.source_lengths()[indices] + 1
    target = split.target_lengths()[indices] + 1
    order = np.lexsort((chance.random(len(indices)), source, target))
    batches: list[NDArray[np.int64]] = []
    start, widest = 0, 0
    for end, place in enumerate(order):
        widest_now = max(widest, int(source[place]), int(target[place]))
        if (end - start + 1) * widest_now > batch_tokens and end > start:
            batches.append(indices[order[start:end]])
            start, widest_now = end, max(int(source[place]), int(target[place]))
        widest = widest_now
    if start < len(order):
        batches.append(indices[order[start:]])
    return batches


def collate(split: PackedSplit, indices: NDArray[np.int64]) -> Batch:
    """Pad the pairs of one batch."""
    source, source_mask = pad(split.source_ids, split.source_offsets, indices)
    target, target_mask = pad(split.target_ids, split.target_offsets, indices)
    return Batch(source, source_mask, target, target_mask, int(target_mask.sum()))


def pad(
    ids: NDArray[np.uint16], offsets: NDArray[np.int64], indices: NDArray[np.int64]
) -> tuple[Tensor, Tensor]:
    """Rows ``indices`` of flat ids without eos → (B, L) int64 with eos, and its mask."""
    starts, lengths = offsets[indices], offsets[indices + 1] - offsets[indices]
    places = np.arange(int(lengths.max()) + 1)[None, :]
    rows = np.zeros((len(indices), places.shape[1]), np.int64)
    filled = places < lengths[:, None]
    rows[filled] = ids[(starts[:, None] + places)[filled]]
    return torch.from_numpy(rows), torch.from_numpy(places <= lengths[:, None])
