"""The layers of CSANMT: attention, feed-forward, encoders and decoder.

Conventions (where masks, biases and norms sit) are those of ModelScope's
``csanmt/translation.py``. Shapes: B sentences, S source positions (tokens + eos),
T target positions, H hidden size, D = H / heads, L decoder layers.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Cache, EncoderDecoderCache

from csanmt.configuration import CsanmtConfig


def timing_signal(
    length: int, width: int, offset: int = 0, device: torch.device | None = None
) -> Tensor:
    """Sinusoidal positions ``offset … offset+length-1``: (length, width), [sin | cos] halves."""
    half = width // 2
    position = torch.arange(offset, offset + length, dtype=torch.float32, device=device)
    step = math.log(1e4) / max(half - 1, 1)
    rate = torch.exp(torch.arange(half, dtype=torch.float32, device=device) * -step)
    angle = position[:, None] * rate[None, :]  # (length, half)
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def _split_heads(x: Tensor, heads: int) -> Tensor:
    batch, length, width = x.shape
    return x.view(batch, length, heads, width // heads).transpose(1, 2)  # (B, heads, length, D)


def _merge_heads(x: Tensor) -> Tensor:
    batch, heads, length, dim = x.shape
    return x.transpose(1, 2).reshape(batch, length, heads * dim)  # (B, length, H)


class SelfAttention(nn.Module):
    """Multi-head self-attention, with relative positions (Shaw et al., 2018) if asked."""

    def __init__(self, config: CsanmtConfig, relative: bool, layer: int) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.layer = layer
        self.dropout = config.attention_dropout
        self.max_distance = config.max_relative_distance
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.output = nn.Linear(config.hidden_size, config.hidden_size)
        self.relative_key: nn.Parameter | None = None
        self.relative_value: nn.Parameter | None = None
        if relative:
            shape = (2 * self.max_distance + 1, config.hidden_size // self.heads)
            self.relative_key = nn.Parameter(torch.zeros(shape))
            self.relative_value = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor, mask: Tensor | None, cache: Cache | None = None) -> Tensor:
        """x (B, length, H); mask bool, broadcast to (B, heads, length, keys); true is visible."""
        query, key, value = (_split_heads(t, self.heads) for t in self.qkv(x).chunk(3, dim=-1))
        if cache is not None:
            key, value = cache.update(key, value, self.layer)
        dropout = self.dropout if self.training else 0.0
        if self.relative_key is None or self.relative_value is None:
            context = F.scaled_dot_product_attention(query, key, value, mask, dropout)
        else:
            context = self._relative_attention(query, key, value, mask, dropout)
        return self.output(_merge_heads(context))

    def _relative_attention(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout: float
    ) -> Tensor:
        assert self.relative_key is not None
        assert self.relative_value is not None
        rows, columns = query.shape[2], key.shape[2]
        position = torch.arange(columns, device=query.device)
        # A query sees keys up to its own place; cached decoding asks for the last rows only.
        distance = position[columns - rows :, None] - position[None, :]
        index = distance.clamp(-self.max_distance, self.max_distance) + self.max_distance
        query = query * query.shape[-1] ** -0.5
        by_distance = query @ self.relative_key.to(query.dtype).t()  # (B, heads, rows, 2m+1)
        shape = (*query.shape[:3], columns)
        logits = query @ key.transpose(-1, -2) + by_distance.gather(-1, index.expand(shape))
        if mask is not None:
            logits = logits.masked_fill(~mask, torch.finfo(logits.dtype).min)
        weights = F.dropout(logits.softmax(dim=-1), dropout)  # (B, heads, rows, columns)
        table = self.relative_value.to(weights.dtype)[index]  # (rows, columns, D)
        return weights @ value + torch.einsum("bhqk,qkd->bhqd", weights, table)


class CrossAttention(nn.Module):
    """Attention of the target over the encoded source; keys and values are made once."""

    def __init__(self, config: CsanmtConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.dropout = config.attention_dropout
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key_value = nn.Linear(config.hidden_size, 2 * config.hidden_size)
        self.output = nn.Linear(config.hidden_size, config.hidden_size)

    def project(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """encoded (B, S, H) → keys and values, each (B, heads, S, D)."""
        key, value = self.key_value(encoded).chunk(2, dim=-1)
        return _split_heads(key, self.heads), _split_heads(value, self.heads)

    def forward(
        self, x: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """x (B, T, H); mask (B, 1, 1, S). Returns (B, T, H) and weights (B, heads, T, S) or None.

        Over an empty source the context is zero, as in the reference.
        """
        query = _split_heads(self.query(x), self.heads)
        probabilities = None
        if key.shape[2] == 0:
            context = torch.zeros_like(query)
        elif weights:
            logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
            if mask is not None:
                logits = logits.masked_fill(~mask, torch.finfo(logits.dtype).min)
            probabilities = logits.softmax(dim=-1)
            context = probabilities @ value
        else:
            dropout = self.dropout if self.training else 0.0
            context = F.scaled_dot_product_attention(query, key, value, mask, dropout)
        return self.output(_merge_heads(context)), probabilities


class FeedForward(nn.Module):
    """``W2 relu(W1 x + b1) + b2``; inner width F, or H for the augmentation layer."""

    def __init__(self, config: CsanmtConfig, inner: int) -> None:
        super().__init__()
        self.input = nn.Linear(config.hidden_size, inner)
        self.output = nn.Linear(inner, config.hidden_size)
        self.dropout = config.activation_dropout

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.input(x))
        return self.output(F.dropout(inner, self.dropout, self.training))


class Residual(nn.Module):
    """Base of the layers: residual connections with the norm before or after a block."""

    def __init__(self, config: CsanmtConfig) -> None:
        super().__init__()
        self.pre = config.normalization == "pre"
        self.residual_dropout = config.dropout

    def before(self, norm: nn.Module, x: Tensor) -> Tensor:
        return norm(x) if self.pre else x

    def after(self, norm: nn.Module, x: Tensor, block: Tensor) -> Tensor:
        x = x + F.dropout(block, self.residual_dropout, self.training)
        return x if self.pre else norm(x)


def _norm(config: CsanmtConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.hidden_size, eps=1e-6)


class EncoderLayer(Residual):
    def __init__(self, config: CsanmtConfig, relative: bool, layer: int) -> None:
        super().__init__(config)
        self.self_attention = SelfAttention(config, relative, layer)
        self.self_attention_norm = _norm(config)
        self.feed_forward = FeedForward(config, config.intermediate_size)
        self.feed_forward_norm = _norm(config)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (B, S, H), mask (B, S) bool → (B, S, H), padding zeroed."""
        seen = mask[:, None, None, :]  # (B, 1, 1, S)
        attended = self.self_attention(self.before(self.self_attention_norm, x), seen)
        x = self.after(self.self_attention_norm, x, attended)
        inner = self.feed_forward(self.before(self.feed_forward_norm, x))
        x = self.after(self.feed_forward_norm, x, inner)
        return x * mask.unsqueeze(-1)


class Encoder(nn.Module):
    main_input_name = "input_ids"  # transformers' generate asks for it

    def __init__(self, config: CsanmtConfig) -> None:
        super().__init__()
        relative = config.position_type == "relative"
        self.absolute = not relative
        self.dropout = config.dropout
        self.input_bias = nn.Parameter(torch.zeros(config.hidden_size))
        self.layers = nn.ModuleList(
            EncoderLayer(config, relative, i) for i in range(config.num_encoder_layers)
        )
        self.norm = _norm(config) if config.normalization == "pre" else nn.Identity()

    def forward(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """embedded (B, S, H) already scaled by sqrt(H), mask (B, S) → (B, S, H)."""
        x = embedded
        if self.absolute:
            signal = timing_signal(x.shape[1], x.shape[2], device=x.device)
            x = x + signal.to(x.dtype)
        x = x * mask.unsqueeze(-1) + self.input_bias  # padding enters as the bias
        x = F.dropout(x, self.dropout, self.training)
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)


class SemanticEncoder(nn.Module):
    """Sentence → one vector; its positions are relative whatever the encoder's are."""

    def __init__(self, config: CsanmtConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.layers = nn.ModuleList(
            EncoderLayer(config, True, i) for i in range(config.num_semantic_encoder_layers)
        )
        self.pooling = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm = _norm(config) if config.normalization == "pre" else nn.Identity()

    def forward(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """embedded (B, S, H) scaled by sqrt(H), mask (B, S) → semantic vectors (B, 1, H)."""
        x = F.dropout(embedded * mask.unsqueeze(-1), self.dropout, self.training)
        for layer in self.layers:
            x = layer(x, mask)
        # At least 1: the reference divides the empty sum of an empty input by 1.
        count = mask.sum(dim=1, keepdim=True).clamp(min=1).unsqueeze(-1).to(x.dtype)
        mean = x.sum(dim=1, keepdim=True) / count
        return self.norm(self.pooling(mean))


class DecoderLayer(Residual):
    def __init__(self, config: CsanmtConfig, layer: int) -> None:
        super().__init__(config)
        self.layer = layer
        if config.use_augmentation:
            self.augmentation = FeedForward(config, config.hidden_size)
            self.augmentation_norm = _norm(config)
        self.self_attention = SelfAttention(config, config.position_type == "relative", layer)
        self.self_attention_norm = _norm(config)
        self.cross_attention = CrossAttention(config)
        self.cross_attention_norm = _norm(config)
        self.feed_forward = FeedForward(config, config.intermediate_size)
        self.feed_forward_norm = _norm(config)

    def augment(self, semantic: Tensor) -> Tensor:
        """The constant this layer adds to its input: (B, 1, H) → (B, 1, H)."""
        return self.augmentation(self.before(self.augmentation_norm, semantic))

    def forward(
        self,
        x: Tensor,
        constant: Tensor | None,
        self_mask: Tensor | None,
        encoded: Tensor,
        encoded_mask: Tensor | None,
        cache: EncoderDecoderCache | None,
        weights: bool,
    ) -> tuple[Tensor, Tensor | None]:
        if constant is not None:
            x = self.after(self.augmentation_norm, x, constant)
        own = None if cache is None else cache.self_attention_cache
        attended = self.self_attention(self.before(self.self_attention_norm, x), self_mask, own)
        x = self.after(self.self_attention_norm, x, attended)
        key, value = self._cross_key_value(encoded, cache)
        queries = self.before(self.cross_attention_norm, x)
        crossed, probabilities = self.cross_attention(queries, key, value, encoded_mask, weights)
        x = self.after(self.cross_attention_norm, x, crossed)
        inner = self.feed_forward(self.before(self.feed_forward_norm, x))
        return self.after(self.feed_forward_norm, x, inner), probabilities

    def _cross_key_value(
        self, encoded: Tensor, cache: EncoderDecoderCache | None
    ) -> tuple[Tensor, Tensor]:
        if cache is None:
            return self.cross_attention.project(encoded)
        if cache.is_updated.get(self.layer):
            stored = cache.cross_attention_cache.layers[self.layer]
            return stored.keys, stored.values
        key, value = self.cross_attention.project(encoded)
        cache.cross_attention_cache.update(key, value, self.layer)
        cache.is_updated[self.layer] = True
        return key, value


class Decoder(nn.Module):
    def __init__(self, config: CsanmtConfig) -> None:
        super().__init__()
        self.absolute = config.position_type == "absolute"
        self.dropout = config.dropout
        self.layers = nn.ModuleList(
            DecoderLayer(config, i) for i in range(config.num_decoder_layers)
        )
        self.norm = _norm(config) if config.normalization == "pre" else nn.Identity()

    def augment(self, semantic: Tensor) -> Tensor:
        """All layers' constants, computed once per sentence: (B, 1, H) → (B, L, H)."""
        constants = []
        for layer in self.layers:
            assert isinstance(layer, DecoderLayer)
            constants.append(layer.augment(semantic))
        return torch.cat(constants, dim=1)

    def forward(
        self,
        embedded: Tensor,
        augmentation: Tensor | None,
        encoded: Tensor,
        encoded_mask: Tensor,
        cache: EncoderDecoderCache | None = None,
        weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """embedded (B, T, H) scaled; augmentation (B, L, H); encoded (B, S, H) and its mask (B, S).

        Returns hidden states (B, T, H) and, if ``weights``, the last layer's
        cross-attention (B, heads, T, S).
        """
        past = 0 if cache is None else int(cache.get_seq_length())
        x, length = embedded, embedded.shape[1]
        if past == 0:  # the first input is a zero vector
            x = torch.cat([torch.zeros_like(x[:, :1]), x[:, 1:]], dim=1)
        if self.absolute:
            x = x + timing_signal(length, x.shape[2], past, x.device).to(x.dtype)
        x = F.dropout(x, self.dropout, self.training)
        self_mask = None
        if length > 1:
            grid = torch.ones(length, past + length, dtype=torch.bool, device=x.device)
            self_mask = grid.tril(diagonal=past)
        seen = encoded_mask[:, None, None, :]  # (B, 1, 1, S)
        probabilities = None
        for i, layer in enumerate(self.layers):
            constant = None if augmentation is None else augmentation[:, i : i + 1]
            last = weights and i == len(self.layers) - 1
            x, probabilities = layer(x, constant, self_mask, encoded, seen, cache, last)
        return self.norm(x), probabilities
