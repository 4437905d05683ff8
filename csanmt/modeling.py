"""CSANMT: a Transformer whose decoder hears one semantic vector per sentence.

Wei et al., "Learning to Generalize to More: Continuous Semantic Augmentation for
Neural Machine Translation", ACL 2022. The conventions (where masks, biases and
norms sit) are those of ModelScope's implementation, ``csanmt/translation.py``.

Shapes: B sentences, S source positions (tokens + eos), T target positions,
H hidden size, D = H / heads, L decoder layers, V target vocabulary.
Token id 0 is eos, padding and decoder start; the decoder's first input is a
zero vector, not an embedding.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import (
    AutoModelForSeq2SeqLM,
    EncoderDecoderCache,
    GenerationMixin,
    PreTrainedModel,
)
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from csanmt.configuration import CsanmtConfig
from csanmt.engine.layout import misfits
from csanmt.engine.unpacking import unpack
from csanmt.errors import CheckpointError
from csanmt.layers import Decoder, Encoder, SelfAttention, SemanticEncoder
from csanmt.version import FLOAT_WEIGHTS, PACKED_WEIGHTS, read_decoding


def source_mask(input_ids: Tensor) -> Tensor:
    """Valid source positions: a position counts if the one before it is not 0.

    So the first 0 (eos) is valid and later padding is not; reference:
    ``shift`` of the padding mask in ``encoding_graph``.

    Args:
        input_ids: (B, S) int64, eos included.

    Returns:
        (B, S) bool.
    """
    mask = torch.ones_like(input_ids, dtype=torch.bool)
    mask[:, 1:] = input_ids[:, :-1] != 0
    return mask


@dataclass
class CsanmtEncoderOutput(BaseModelOutput):
    """Everything the decoder needs of a source, computed once per sentence.

    last_hidden_state (B, S, H); mask (B, S) bool; semantic_vector (B, 1, H);
    augmentation (B, L, H).
    """

    mask: Tensor | None = None
    semantic_vector: Tensor | None = None
    augmentation: Tensor | None = None


class CsanmtSourceEncoder(nn.Module):
    """What ``generate`` calls as the encoder: a view on the model that owns the parts."""

    main_input_name = "input_ids"

    def __init__(self, model: CsanmtForConditionalGeneration) -> None:
        super().__init__()
        self._model = (model,)  # a tuple, so that it is not registered as a submodule

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any
    ) -> CsanmtEncoderOutput:
        return self._model[0].encode(input_ids, attention_mask)


class CsanmtForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """CSANMT as transformers knows an encoder-decoder; see the module's docstring."""

    config_class = CsanmtConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    _supports_sdpa = True
    _no_split_modules = ["EncoderLayer", "DecoderLayer"]
    _input_embed_layer = "source_embedding"

    def __init__(self, config: CsanmtConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.source_embedding = nn.Embedding(config.vocab_size, width)
        if not config.share_embeddings:
            self.target_embedding = nn.Embedding(config.target_vocab_size, width)
        if config.use_augmentation:
            self.semantic_embedding = nn.Embedding(config.vocab_size, width)
            self.semantic_encoder = SemanticEncoder(config)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        if not config.tie_softmax:
            self.softmax = nn.Linear(width, config.target_vocab_size, bias=False)
        self.scale = math.sqrt(width)
        self.post_init()

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], *args: Any, **kwargs: Any
    ) -> Self:
        """As transformers' own; packed weights are unpacked where a version has no others."""
        place = Path(pretrained_model_name_or_path)
        if (place / PACKED_WEIGHTS).is_file() and not (place / FLOAT_WEIGHTS).is_file():
            model = load_model(place).to(kwargs.get("dtype") or torch.float32)
        else:
            model = super().from_pretrained(place, *args, **kwargs)
        if place.is_dir():
            decoding = read_decoding(place)
            model.generation_config.update(
                num_beams=decoding.beam,
                length_penalty=decoding.length_penalty,
                max_length=decoding.max_length + 1,  # transformers counts the start
            )
        return model

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, SelfAttention):
            for table in (module.relative_key, module.relative_value):
                if table is not None:
                    nn.init.xavier_uniform_(table)
        elif isinstance(module, Encoder):
            nn.init.zeros_(module.input_bias)

    # -- parts ---------------------------------------------------------------

    def target_table(self) -> nn.Embedding:
        shared = self.config.share_embeddings
        return self.source_embedding if shared else self.target_embedding

    def softmax_weight(self) -> Tensor:
        """(V, H): the target embedding when tied."""
        return self.target_table().weight if self.config.tie_softmax else self.softmax.weight

    def semantic(
        self, input_ids: Tensor, mask: Tensor, table: nn.Embedding | None = None
    ) -> Tensor:
        """Semantic vectors (B, 1, H) of sentences (B, S); ``table`` replaces the source's."""
        embedded = (table or self.semantic_embedding)(input_ids) * self.scale
        return self.semantic_encoder(embedded, mask)

    def encode(
        self, input_ids: Tensor, attention_mask: Tensor | None = None
    ) -> CsanmtEncoderOutput:
        """input_ids (B, S) int64 with eos; attention_mask (B, S) can only hide more.

        Padding shows in the ids themselves, so a mask of ones (``generate`` makes one when
        eos and padding are the same id) changes nothing.
        """
        mask = source_mask(input_ids)
        if attention_mask is not None:
            mask = mask & attention_mask.bool()
        encoded = self.encoder(self.source_embedding(input_ids) * self.scale, mask)
        if not self.config.use_augmentation:
            return CsanmtEncoderOutput(last_hidden_state=encoded, mask=mask)
        vector = self.semantic(input_ids, mask)
        return CsanmtEncoderOutput(
            last_hidden_state=encoded,
            mask=mask,
            semantic_vector=vector,
            augmentation=self.decoder.augment(vector),
        )

    def decode(
        self,
        target_ids: Tensor,
        augmentation: Tensor | None,
        encoded: Tensor,
        encoded_mask: Tensor,
        cache: EncoderDecoderCache | None = None,
        weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Hidden states (B, T, H) for decoder inputs (B, T); the first id only marks the start."""
        embedded = self.target_table()(target_ids) * self.scale
        return self.decoder(embedded, augmentation, encoded, encoded_mask, cache, weights)

    def logits(self, hidden: Tensor) -> Tensor:
        """(B, T, H) → (B, T, V)."""
        return F.linear(hidden, self.softmax_weight())

    # -- transformers' interface ---------------------------------------------

    def get_encoder(self, *_: Any, **__: Any) -> nn.Module:
        return CsanmtSourceEncoder(self)

    def get_output_embeddings(self) -> nn.Module | None:
        return None if self.config.tie_softmax else self.softmax

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """(B, T) labels → (B, T) decoder inputs: shifted right behind the start id 0."""
        shifted = labels.new_zeros(labels.shape)
        shifted[:, 1:] = labels[:, :-1]
        return shifted.masked_fill(shifted == -100, 0)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        encoder_outputs: CsanmtEncoderOutput | None = None,
        past_key_values: EncoderDecoderCache | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        **_: Any,
    ) -> Seq2SeqLMOutput:
        """One teacher-forced or cached step.

        Args:
            input_ids: (B, S) int64, eos (0) at the end, 0-padded.
            attention_mask: (B, S), hides positions beside those ``source_mask`` does.
            decoder_input_ids: (B, T), starting with 0; made from ``labels`` if absent.
            labels: (B, T) int64, target ids and their eos, -100 where ignored.

        Returns:
            loss (mean cross-entropy, nats a token) with ``labels``; logits (B, T, V).

        Raises:
            ValueError: neither input_ids nor encoder_outputs, or no decoder input.
        """
        if encoder_outputs is None:
            if input_ids is None:
                raise ValueError("either input_ids or encoder_outputs must be given")
            encoder_outputs = self.encode(input_ids, attention_mask)
        encoded, mask = encoder_outputs.last_hidden_state, encoder_outputs.mask
        assert mask is not None
        if decoder_input_ids is None:
            if labels is None:
                raise ValueError("either decoder_input_ids or labels must be given")
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        cache = past_key_values if use_cache is not False else None
        hidden, weights = self.decode(
            decoder_input_ids,
            encoder_outputs.augmentation,
            encoded,
            mask,
            cache,
            bool(output_attentions),
        )
        logits = self.logits(hidden)
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits.float().flatten(0, 1), labels.flatten())
        return Seq2SeqLMOutput(
            loss=loss,
            logits=logits,
            past_key_values=cache,
            cross_attentions=None if weights is None else (weights,),
            encoder_last_hidden_state=encoded,
        )


AutoModelForSeq2SeqLM.register(CsanmtConfig, CsanmtForConditionalGeneration)


def load_model(directory: str | os.PathLike[str]) -> CsanmtForConditionalGeneration:
    """The model of a directory, in evaluation mode.

    Float weights are ``model.safetensors``; a version without them is read from its packed
    ``engine.bin``, as float32 of what the native engine multiplies by.

    Raises:
        CheckpointError: weights are missing, left over or misshapen, or the file is damaged.
    """
    place = Path(directory)
    config = CsanmtConfig.from_pretrained(place)
    file = place / FLOAT_WEIGHTS
    if not file.is_file() and (place / PACKED_WEIGHTS).is_file():
        file = place / PACKED_WEIGHTS
    weights = _read_weights(file)
    with torch.device("meta"):  # no memory and no time for values that are replaced
        model = CsanmtForConditionalGeneration(config)
    own = {name: value.shape for name, value in model.state_dict().items()}
    if problems := misfits(own, {name: value.shape for name, value in weights.items()}):
        raise CheckpointError(f"{file} does not fit config.json; {problems}")
    model.load_state_dict(weights, assign=True)
    return model.eval()


def _read_weights(file: Path) -> dict[str, Tensor]:
    if file.name == PACKED_WEIGHTS:
        return {name: torch.from_numpy(value) for name, value in unpack(file).items()}
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{file} is damaged or missing: {error}") from error
