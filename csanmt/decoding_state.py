"""What decoding keeps of a batch of sentences: computed once each, then one step at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache

from csanmt.layers import DecoderLayer

if TYPE_CHECKING:
    from csanmt.modeling import CsanmtEncoderOutput, CsanmtForConditionalGeneration


class DecoderState:
    """B sentences with K hypotheses each; rows of a step are sentence-major, (B * K).

    The semantic vector's contribution to every layer and the keys and values of
    the encoded source are computed once a sentence, not once a hypothesis or step.
    """

    def __init__(
        self, model: CsanmtForConditionalGeneration, encoded: CsanmtEncoderOutput, beam: int
    ) -> None:
        states, mask, augmentation = encoded.last_hidden_state, encoded.mask, encoded.augmentation
        assert states is not None
        assert mask is not None
        self._model, self._beam = model, beam
        self._cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        for i, layer in enumerate(model.decoder.layers):
            assert isinstance(layer, DecoderLayer)
            key, value = layer.cross_attention.project(states)  # each (B, heads, S, D)
            self._cache.cross_attention_cache.update(_tile(key, beam), _tile(value, beam), i)
            self._cache.is_updated[i] = True
        self._augmentation = None if augmentation is None else _tile(augmentation, beam)
        self._encoded = _tile(states, beam)  # (B * K, S, H)
        self._mask = _tile(mask, beam)  # (B * K, S)

    def step(self, last_ids: Tensor, weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """last_ids (B * K, 1) → logits (B * K, V); cross-attention (B * K, heads, 1, S) if asked.

        At the first step the ids do not matter: the decoder starts from a zero vector.
        """
        hidden, attention = self._model.decode(
            last_ids, self._augmentation, self._encoded, self._mask, self._cache, weights
        )
        return self._model.logits(hidden)[:, -1], attention

    def reorder(self, parents: Tensor) -> None:
        """Hypothesis k of sentence b goes on from hypothesis ``parents[b, k]``."""
        first = torch.arange(parents.shape[0], device=parents.device)[:, None] * self._beam
        # Only what differs between the hypotheses of a sentence moves.
        self._cache.self_attention_cache.reorder_cache((first + parents).flatten())

    def select(self, sentences: Tensor) -> None:
        """Keep only these sentences (indices into the current ones)."""
        offsets = torch.arange(self._beam, device=sentences.device)
        rows = (sentences[:, None] * self._beam + offsets).flatten()
        self._cache.self_attention_cache.batch_select_indices(rows)
        self._cache.cross_attention_cache.batch_select_indices(rows)
        self._encoded, self._mask = self._encoded[rows], self._mask[rows]
        if self._augmentation is not None:
            self._augmentation = self._augmentation[rows]


def _tile(values: Tensor, beam: int) -> Tensor:
    return values.repeat_interleave(beam, dim=0)
