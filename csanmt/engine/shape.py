"""The sizes of a model that the layout of ``engine.bin`` depends on.

They stand in the file's header as sixteen integers, ``Dimensions`` in ``engine/src/model_file.h``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FIELDS = 16


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes and kind of a model."""

    source_vocabulary: int
    target_vocabulary: int
    hidden: int
    inner: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    semantic_layers: int
    max_distance: int
    relative: bool
    post_norm: bool
    shared: bool
    tied: bool
    augmentation: bool

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    @property
    def padded_head_dim(self) -> int:
        return -(-self.head_dim // 16) * 16

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Shape:
        """Read the keys of ``CsanmtConfig``, with its defaults."""
        augmentation = bool(config.get("use_augmentation", True))
        source = int(config.get("vocab_size", 50000))
        return cls(
            source_vocabulary=source,
            target_vocabulary=int(config.get("target_vocab_size") or source),
            hidden=int(config.get("hidden_size", 512)),
            inner=int(config.get("intermediate_size", 2048)),
            heads=int(config.get("num_attention_heads", 8)),
            encoder_layers=int(config.get("num_encoder_layers", 24)),
            decoder_layers=int(config.get("num_decoder_layers", 3)),
            semantic_layers=int(config.get("num_semantic_encoder_layers", 4)) * augmentation,
            max_distance=int(config.get("max_relative_distance", 16)),
            relative=config.get("position_type", "absolute") == "relative",
            post_norm=config.get("normalization", "pre") == "post",
            shared=bool(config.get("share_embeddings", False)),
            tied=bool(config.get("tie_softmax", True)),
            augmentation=augmentation,
        )

    @classmethod
    def from_fields(cls, fields: Sequence[int]) -> Shape:
        """The inverse of ``fields()``."""
        flags, *sizes = fields
        kinds = [bool(flags >> bit & 1) for bit in range(5)]
        values: list[Any] = [*sizes[:5], *sizes[7:11], *kinds]
        return cls(*values)

    def fields(self) -> tuple[int, ...]:
        """The sixteen header integers, in the order of ``Dimensions`` in the C++ reader."""
        kinds = (self.relative, self.post_norm, self.shared, self.tied, self.augmentation)
        return (
            sum(kind << bit for bit, kind in enumerate(kinds)),
            self.source_vocabulary, self.target_vocabulary, self.hidden, self.inner, self.heads,
            self.head_dim, self.padded_head_dim, self.encoder_layers, self.decoder_layers,
            self.semantic_layers, self.max_distance, self.decoder_layers - 1, self.hidden, 0, 0,
        )  # fmt: skip
