"""Fast batched greedy decoding, to watch a training run; scores come from the beam search."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache

from csanmt.modeling import CsanmtForConditionalGeneration


@torch.no_grad()
def greedy(
    model: CsanmtForConditionalGeneration, source: Tensor, mask: Tensor, max_length: int
) -> list[list[int]]:
    """Best next token until eos.

    Args:
        source, mask: (B, S).
        max_length: most target tokens.

    Returns:
        B lists of ids without eos.
    """
    encoded = model.encode(source, mask)
    seen = mask if encoded.mask is None else encoded.mask
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
    token = torch.zeros(len(source), 1, dtype=torch.int64, device=source.device)
    alive = torch.ones_like(token, dtype=torch.bool)
    rows = []
    for _ in range(max_length):
        hidden, _ = model.decode(
            token, encoded.augmentation, encoded.last_hidden_state, seen, cache
        )
        token = model.logits(hidden[:, -1:]).argmax(dim=-1) * alive
        alive &= token != 0
        if not bool(alive.any()):
            break
        rows.append(token)
    if not rows:
        return [[] for _ in range(len(source))]
    table = torch.cat(rows, dim=1).tolist()
    return [[token for token in row if token != 0] for row in table]
