"""The CSANMT objective: tangential contrast, MGMC sampling, smoothed cross-entropy.

Wei et al., "Learning to Generalize to More", ACL 2022, sections 3.1 and 3.2; the
conventions of the sampling and of the loss are ModelScope's
(``MGMC_sampling`` and ``decoding_graph`` of ``csanmt/translation.py``).
Shapes: B pairs, T target positions, H hidden size, V target vocabulary, K samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from csanmt.modeling import CsanmtForConditionalGeneration
from training.batches import Batch

EPSILON = 1e-12
Noise = Callable[[Tensor], Tensor]  # like a tensor → standard normal of its shape


class TrainableCsanmt(nn.Module):
    """The model and what only training needs: the target side's semantic embedding."""

    def __init__(self, model: CsanmtForConditionalGeneration) -> None:
        super().__init__()
        self.model = model
        config = model.config
        self.target_semantic_embedding: nn.Embedding | None = None
        if config.use_augmentation and not config.share_embeddings:
            width = config.hidden_size
            self.target_semantic_embedding = nn.Embedding(config.target_vocab_size, width)
            nn.init.normal_(self.target_semantic_embedding.weight, std=width**-0.5)

    def semantic_parameters(self) -> list[nn.Parameter]:
        """What stage 1 trains and stage 2 leaves alone, as the reference's trainer does."""
        if not self.model.config.use_augmentation:
            return []
        parts: list[nn.Module] = [self.model.semantic_embedding, self.model.semantic_encoder]
        if self.target_semantic_embedding is not None:
            parts.append(self.target_semantic_embedding)
        return [parameter for part in parts for parameter in part.parameters()]

    def translation_parameters(self) -> list[nn.Parameter]:
        """Everything else: what stage 2 trains."""
        semantic = {id(parameter) for parameter in self.semantic_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in semantic]

    def source_vectors(self, batch: Batch) -> Tensor:
        """r_x: (B, 1, H)."""
        return self.model.semantic(batch.source, batch.source_mask)

    def target_vectors(self, batch: Batch) -> Tensor:
        """r_y: (B, 1, H)."""
        table = self.target_semantic_embedding
        return self.model.semantic(batch.target, batch.target_mask, table)


def gaussian(like: Tensor, chance: torch.Generator | None = None) -> Tensor:
    """Standard normal noise of a tensor's shape, type and device."""
    return torch.randn(like.shape, generator=chance, dtype=like.dtype, device=like.device)


def walk(x: Tensor, y: Tensor, eta: float, noise: Noise = gaussian) -> Tensor:
    """One step of the mixed Gaussian chain from x towards and around y.

    ``x + omega * (y - x)`` with ``omega = eta N(0, w_r) + (1 - eta) N(0, 1)``, and
    ``w_r`` the size of each feature's difference, scaled to 0…1. x, y: (B, 1, H).
    """
    difference = y - x
    size = difference.abs()
    least, most = size.amin(dim=2, keepdim=True), size.amax(dim=2, keepdim=True)
    relative = (size - least + EPSILON) / (most - least + 2 * EPSILON)
    first = relative * noise(difference)
    omega = eta * first + (1.0 - eta) * noise(difference)
    return x + omega * difference


def mgmc_samples(x: Tensor, y: Tensor, samples: int, eta: float, noise: Noise = gaussian) -> Tensor:
    """K sampled vectors a pair: half start from x, half from y; (K·B, 1, H), sample-major.

    K = 1 (not in the reference) draws one vector a pair, starting from x for the even
    rows and from y for the odd ones.
    """
    if samples == 1:
        from_source = (torch.arange(len(x), device=x.device) % 2 == 0)[:, None, None]
        start, end = torch.where(from_source, x, y), torch.where(from_source, y, x)
        return walk(start, end, eta, noise)
    forth = [walk(x, y, eta, noise) for _ in range(samples // 2)]
    back = [walk(y, x, eta, noise) for _ in range(samples // 2)]
    return torch.cat(forth + back)


def contrastive_loss(
    x: Tensor, y: Tensor, temperature: float, slack: float, confidence: float
) -> tuple[Tensor, Tensor]:
    """Tangential contrastive loss over a batch, each pair the others' negative.

    A negative j of pair i is pulled from r_j towards r_i until it nearly touches
    the ball around r_i whose radius is the distance d to its translation:
    ``r' = r_i + (d / d_j)^(slack · p) (r_j - r_i)``, p the running mean of the
    positive's posterior. Deviations, stated: similarity is the cosine over a
    temperature; p is a moving average.

    Args:
        x, y: (B, H) vectors of sources and targets.
        confidence: p, 0…1: 0 leaves negatives where they are.

    Returns:
        loss (nats, mean over the batch) and the posterior of the positives (mean, detached).
    """
    positive = F.cosine_similarity(x, y, dim=-1) / temperature  # (B,)
    distance = (x - y).norm(dim=-1)  # (B,)
    negatives = [
        _tangential(anchor, distance, temperature, slack * confidence) for anchor in (x, y)
    ]
    logits = torch.cat([positive[:, None], *negatives], dim=1)  # (B, 1 + 2B)
    losses = torch.logsumexp(logits, dim=1) - positive
    return losses.mean(), torch.exp(-losses.detach()).mean()


def _tangential(anchor: Tensor, radius: Tensor, temperature: float, power: float) -> Tensor:
    """Scores (B, B) of each anchor with its interpolated negatives; own column -inf."""
    dots = anchor @ anchor.t()
    square = dots.diagonal()
    apart = (square[:, None] + square[None, :] - 2 * dots).clamp_min(1e-6).sqrt()  # (B, B)
    ratio = (radius.detach()[:, None] / apart.detach()).clamp(max=1.0)
    step = ratio.clamp_min(1e-6) ** power  # lambda: 1 stays at r_j
    # r' = (1 - step) r_i + step r_j, so both r_i·r' and |r'| follow from the dot products.
    with_anchor = (1 - step) * square[:, None] + step * dots
    norm = (
        (
            (1 - step) ** 2 * square[:, None]
            + 2 * step * (1 - step) * dots
            + step**2 * square[None, :]
        )
        .clamp_min(1e-6)
        .sqrt()
    )
    scores = with_anchor / (norm * square[:, None].sqrt().clamp_min(1e-6)) / temperature
    own = torch.eye(len(anchor), dtype=torch.bool, device=anchor.device)
    return scores.masked_fill(own, float("-inf"))


class _FusedCrossEntropy(torch.autograd.Function):
    """The same sum in bf16: one fused softmax, smoothing by a rank-one term.

    Forward makes the gradients. What of them is the same for every id (``off``) never enters the
    (N, V) buffer: it is the outer product of ones with the sum of the weights, or of the states.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor, confidence: float, rows: int
    ) -> Tensor:
        cast = weight.to(hidden.dtype)
        off = (1.0 - confidence) / (weight.shape[0] - 1)
        slope = hidden.new_empty(len(hidden), weight.shape[0])  # (N, V)
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, len(hidden), rows):
            y = labels[start : start + rows, None]
            logits = hidden[start : start + rows] @ cast.t()  # (rows, V)
            part = slope[start : start + rows]
            torch.softmax(logits, -1, out=part)
            # log Z by the likeliest id, whose probability bf16 holds best
            most = logits.amax(1, keepdim=True).float()
            normaliser = most - part.amax(1, keepdim=True).float().log()
            total += (normaliser - (confidence - off) * logits.gather(1, y).float()).sum()
            part.scatter_add_(1, y, part.new_full(y.shape, off - confidence))
        weights, states = cast.float().sum(0), hidden.float().sum(0)  # (H,)
        total -= off * (states @ weights)
        grad_hidden = (slope @ cast).sub_((off * weights).to(hidden.dtype))
        grad_weight = (slope.t() @ hidden).float().sub_(off * states)
        ctx.save_for_backward(grad_hidden, grad_weight)
        ctx.weight_dtype = weight.dtype
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        weight = (grad_weight * grad).to(ctx.weight_dtype)
        return (grad_hidden * grad.to(grad_hidden.dtype)), weight, None, None, None


CPU_ROWS, GPU_ROWS = 512, 16384


def smoothed_cross_entropy(
    hidden: Tensor, weight: Tensor, labels: Tensor, confidence: float, rows: int = 0
) -> Tensor:
    """Sum over N positions of the label-smoothed cross-entropy of ``hidden @ weight.T``, in nats.

    Args:
        hidden: (N, H), bf16 or float32; weight: (V, H); labels: (N,) int64.
        confidence: probability the target distribution gives the label; the rest goes evenly to
            the other V - 1 ids.
        rows: positions handled at once; 0 takes what suits the device.
    """
    rows = rows or (CPU_ROWS if hidden.device.type == "cpu" else GPU_ROWS)
    bf16 = torch.is_autocast_enabled(hidden.device.type) or hidden.dtype == torch.bfloat16
    if bf16 and torch.is_grad_enabled():
        result: Tensor = _FusedCrossEntropy.apply(
            hidden.to(torch.bfloat16), weight, labels, confidence, rows
        )
        return result
    smoothing = (1.0 - confidence) * len(weight) / (len(weight) - 1)
    parts = [
        F.cross_entropy(
            (h @ weight.to(h.dtype).t()).float(), y, reduction="sum", label_smoothing=smoothing
        )
        for h, y in zip(hidden.split(rows), labels.split(rows), strict=True)
    ]
    return torch.stack(parts).sum()


def translation_loss(
    trainable: TrainableCsanmt,
    batch: Batch,
    confidence: float,
    vectors: Tensor | None,
    samples: int = 1,
) -> Tensor:
    """Summed loss of the decoder under given semantic vectors.

    Args:
        vectors: (K·B, 1, H), sample-major; None for the plain Transformer.
        samples: K: the encoder runs once, the decoder K times a pair.

    Returns:
        sum over K·(valid target positions), nats.
    """
    model = trainable.model
    embedded = model.source_embedding(batch.source) * model.scale
    encoded = model.encoder(embedded, batch.source_mask)
    inputs = model.prepare_decoder_input_ids_from_labels(batch.target)
    source_mask, target, target_mask = batch.source_mask, batch.target, batch.target_mask
    if samples > 1:
        encoded, inputs = encoded.repeat(samples, 1, 1), inputs.repeat(samples, 1)
        source_mask, target = source_mask.repeat(samples, 1), target.repeat(samples, 1)
        target_mask = target_mask.repeat(samples, 1)
    augmentation = None if vectors is None else model.decoder.augment(vectors)
    hidden, _ = model.decode(inputs, augmentation, encoded, source_mask)
    valid = target_mask.flatten()
    return smoothed_cross_entropy(
        hidden.flatten(0, 1)[valid], model.softmax_weight(), target.flatten()[valid], confidence
    )
