"""Dev loss by kind of text and a quick BLEU, from packed ids."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import takewhile

import numpy as np
import sacrebleu
import torch
from torch import Tensor

from csanmt.errors import CancelledError
from csanmt.modeling import CsanmtForConditionalGeneration
from training.batches import bucket, collate
from training.objective import TrainableCsanmt, translation_loss
from training.packed import PackedSplit
from training.vocabulary import Vocabularies

Stop = Callable[[], bool]
BATCH_TOKENS = 4096
STOPPED = "the evaluation was asked to stop"


def dev_losses(
    model: CsanmtForConditionalGeneration,
    split: PackedSplit,
    kind: Callable[[str], str] = str,
    stop: Stop = lambda: False,
) -> dict[str, float]:
    """Cross-entropy without smoothing, nats a token: over the whole split and by kind of origin.

    Args:
        kind: origin → its kind, such as its domain; each origin is one if nothing is said.

    Raises:
        CancelledError: ``stop`` answered true.
    """
    trainable = TrainableCsanmt(model)
    sums: dict[str, float] = {}
    tokens: dict[str, int] = {}
    kinds = [kind(origin) for origin in split.origins]
    for name in sorted(set(kinds)):
        members = np.flatnonzero(np.asarray([other == name for other in kinds])[split.origin])
        for indices in bucket(members, split, BATCH_TOKENS, np.random.default_rng(0)):
            if stop():
                raise CancelledError(STOPPED)
            batch = collate(split, indices).to(next(model.parameters()).device)
            with torch.no_grad():
                plain = model.config.use_augmentation
                vectors = trainable.source_vectors(batch) if plain else None
                loss = translation_loss(trainable, batch, 1.0, vectors)
            sums[name] = sums.get(name, 0.0) + float(loss)
            tokens[name] = tokens.get(name, 0) + batch.target_tokens
    losses = {f"loss/{name}": sums[name] / tokens[name] for name in sums}
    return {"loss": sum(sums.values()) / max(sum(tokens.values()), 1), **losses}


def greedy_bleu(
    model: CsanmtForConditionalGeneration,
    split: PackedSplit,
    vocabularies: Vocabularies,
    sentences: int,
    max_length: int,
    stop: Stop = lambda: False,
) -> float:
    """BLEU of greedy output on so many sentences of a split, the same ones every time."""
    members = list(range(len(split)))
    random.Random(0).shuffle(members)
    chosen = sorted(members[:sentences], key=lambda i: len(split.source(i)))
    references, outputs = [], []
    for start in range(0, len(chosen), 32):
        if stop():
            raise CancelledError(STOPPED)
        indices = chosen[start : start + 32]
        batch = collate(split, np.asarray(indices)).to(next(model.parameters()).device)
        answers = greedy(model, batch.source, batch.source_mask, max_length)
        outputs += [vocabularies.decode(ids) for ids in answers]
        references += [vocabularies.decode(split.target(i).tolist()) for i in indices]
    return float(sacrebleu.corpus_bleu(outputs, [references]).score) if chosen else 0.0


def greedy(
    model: CsanmtForConditionalGeneration, source: Tensor, mask: Tensor, max_length: int
) -> list[list[int]]:
    """Ids without eos of (B, S) sources, to watch a run; scores come from the beam search."""
    settings = {"num_beams": 1, "do_sample": False, "max_new_tokens": max_length}
    table = model.generate(input_ids=source, attention_mask=mask, **settings)[:, 1:].tolist()
    return [[*takewhile(bool, row)] for row in table]
