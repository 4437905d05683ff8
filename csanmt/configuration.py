"""Shape of a CSANMT model, read and written as transformers' ``config.json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import AutoConfig, PretrainedConfig

from csanmt.auto_classes import register_classes
from csanmt.errors import ConfigurationError
from csanmt.version import behaviour


class CsanmtConfig(PretrainedConfig):
    """Configuration of a CSANMT model (Wei et al., ACL 2022).

    Ids: 0 is at once end of sentence, padding and decoder start, as in the
    reference implementation. The unknown id of the source side is
    ``vocab_size - 1`` in ModelScope checkpoints.

    Args:
        vocab_size: rows of the source embedding.
        target_vocab_size: rows of the target embedding and width of the logits.
        hidden_size: model width H.
        intermediate_size: feed-forward width F.
        num_attention_heads: heads of every attention; H must be divisible.
        num_encoder_layers, num_decoder_layers, num_semantic_encoder_layers: depths.
        position_type: ``absolute`` (timing signal) or ``relative`` (encoder and
            decoder self-attention; the semantic encoder is always relative).
        max_relative_distance: clipping distance of relative positions.
        normalization: ``pre`` or ``post`` layer norm.
        share_embeddings: one embedding for source and target (and one semantic one).
        tie_softmax: logits use the target embedding.
        use_augmentation: False is the plain Transformer of the ablation: no
            semantic encoder, no augmentation layers.
        dropout, attention_dropout, activation_dropout: training only.
        source_language and the rest: as ``csanmt.version.Behaviour`` has them.
    """

    model_type = "csanmt"
    attribute_map = {
        "num_hidden_layers": "num_encoder_layers",
        "d_model": "hidden_size",
        "encoder_layers": "num_encoder_layers",
        "decoder_layers": "num_decoder_layers",
    }

    vocab_size: int = 50000
    target_vocab_size: int = 0  # by default as vocab_size
    hidden_size: int = 512
    intermediate_size: int = 2048
    num_attention_heads: int = 8
    num_encoder_layers: int = 24
    num_decoder_layers: int = 3
    num_semantic_encoder_layers: int = 4
    position_type: str = "absolute"
    max_relative_distance: int = 16
    normalization: str = "pre"
    share_embeddings: bool = False
    tie_softmax: bool = True
    use_augmentation: bool = True
    dropout: float = 0.1
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    initializer_range: float = 0.02
    source_language: str = "zh"
    target_language: str = "en"
    copy_tokens: Sequence[str] = ()
    simplify_source: bool = False
    repair_numbers: bool = False
    max_source_tokens: int | None = None
    max_length_factor: int | None = None
    is_encoder_decoder: bool = True
    bos_token_id: int | None = 0
    eos_token_id: int | None = 0
    pad_token_id: int | None = 0
    decoder_start_token_id: int | None = 0

    def __init__(self, **kwargs: Any) -> None:
        own = {n: kwargs.pop(n, getattr(CsanmtConfig, n)) for n in CsanmtConfig.__annotations__}
        kwargs["tie_word_embeddings"] = False  # tie_softmax says it; transformers must not tie
        super().__init__(**kwargs)
        for name, value in own.items():
            setattr(self, name, value)
        self.target_vocab_size = self.target_vocab_size or self.vocab_size
        self.copy_tokens = list(behaviour(vars(self)).copy_tokens)
        self._validate()

    def _validate(self) -> None:
        def allow(key: str, good: bool, allowed: str) -> None:
            if not good:
                raise ConfigurationError(f"{key} is {getattr(self, key)!r}; allowed is {allowed}")

        for key in (
            "vocab_size", "target_vocab_size", "hidden_size", "intermediate_size",
            "num_attention_heads", "num_encoder_layers", "num_decoder_layers",
            "max_relative_distance",
        ):  # fmt: skip
            value = getattr(self, key)
            allow(key, isinstance(value, int) and value > 0, "a positive integer")
        allow(
            "num_attention_heads",
            self.hidden_size % self.num_attention_heads == 0,
            f"a divisor of hidden_size {self.hidden_size}",
        )
        allow("hidden_size", self.hidden_size % 2 == 0, "even")
        allow("position_type", self.position_type in ("absolute", "relative"), "absolute, relative")
        allow("normalization", self.normalization in ("pre", "post"), "pre, post")
        allow(
            "target_vocab_size",
            not self.share_embeddings or self.target_vocab_size == self.vocab_size,
            "vocab_size when share_embeddings is set",
        )


AutoConfig.register("csanmt", CsanmtConfig)
register_classes()
