"""The sizes of a model that the layout of ``engine.bin`` depends on.

They stand in the file's header as sixteen integers, ``Dimensions`` in ``engine/src/model_file.h``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from csanmt.errors import ConfigurationError

RELATIVE, POST_NORM, SHARED_EMBEDDING, TIED, AUGMENTATION = 1, 2, 4, 8, 16
FIELDS = 16


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes and kind of a model."""

    hidden: int
    inner: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    semantic_layers: int
    source_vocabulary: int
    target_vocabulary: int
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
        """Read the keys of ``CsanmtConfig``, with its defaults.

        Raises:
            ConfigurationError: a width is not a multiple of 16.
        """
        augmentation = bool(config.get("use_augmentation", True))
        source = int(config.get("vocab_size", 50000))
        shape = cls(
            hidden=int(config.get("hidden_size", 512)),
            inner=int(config.get("intermediate_size", 2048)),
            heads=int(config.get("num_attention_heads", 8)),
            encoder_layers=int(config.get("num_encoder_layers", 24)),
            decoder_layers=int(config.get("num_decoder_layers", 3)),
            semantic_layers=int(config.get("num_semantic_encoder_layers", 4)) * augmentation,
            source_vocabulary=source,
            target_vocabulary=int(config.get("target_vocab_size") or source),
            max_distance=int(config.get("max_relative_distance", 16)),
            relative=config.get("position_type", "absolute") == "relative",
            post_norm=config.get("normalization", "pre") == "post",
            shared=bool(config.get("share_embeddings", False)),
            tied=bool(config.get("tie_softmax", True)),
            augmentation=augmentation,
        )
        for key, value in (("hidden_size", shape.hidden), ("intermediate_size", shape.inner)):
            if value % 16:
                raise ConfigurationError(
                    f"{key} is {value}; the native engine needs a multiple of 16"
                )
        return shape

    def flags(self) -> int:
        return (
            RELATIVE * self.relative
            | POST_NORM * self.post_norm
            | SHARED_EMBEDDING * self.shared
            | TIED * self.tied
            | AUGMENTATION * self.augmentation
        )

    @classmethod
    def from_fields(cls, fields: Sequence[int]) -> Shape:
        """The inverse of ``fields()``."""
        flags, source, target, hidden, inner, heads = fields[:6]
        return cls(
            hidden=hidden,
            inner=inner,
            heads=heads,
            encoder_layers=fields[8],
            decoder_layers=fields[9],
            semantic_layers=fields[10],
            source_vocabulary=source,
            target_vocabulary=target,
            max_distance=fields[11],
            relative=bool(flags & RELATIVE),
            post_norm=bool(flags & POST_NORM),
            shared=bool(flags & SHARED_EMBEDDING),
            tied=bool(flags & TIED),
            augmentation=bool(flags & AUGMENTATION),
        )

    def fields(self) -> tuple[int, ...]:
        """The sixteen header integers, in the order of ``Dimensions`` in the C++ reader."""
        return (
            self.flags(), self.source_vocabulary, self.target_vocabulary, self.hidden,
            self.inner, self.heads, self.head_dim, self.padded_head_dim, self.encoder_layers,
            self.decoder_layers, self.semantic_layers, self.max_distance,
            self.decoder_layers - 1, self.hidden, 0, 0,
        )  # fmt: skip
