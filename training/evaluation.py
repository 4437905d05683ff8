"""Dev loss by kind of text and a quick BLEU, from packed ids."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
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
from training.sources import domain
from training.vocabulary import Vocabularies

Stop = Callable[[], bool]
STOPPED = "the evaluation was asked to stop"


def never() -> bool:
    return False


def dev_losses(
    model: CsanmtForConditionalGeneration,
    split: PackedSplit,
    batch_tokens: int = 4096,
    stop: Stop = never,
) -> dict[str, float]:
    """Cross-entropy without smoothing, nats a token: over all of dev and by origin.

    Raises:
        CancelledError: ``stop`` answered true.
    """
    trainable = TrainableCsanmt(model)
    sums: dict[str, float] = {}
    tokens: dict[str, int] = {}
    for place, origin in enumerate(split.origins):
        members = np.flatnonzero(split.origin == place)
        for indices in bucket(members, split, batch_tokens, np.random.default_rng(0)):
            if stop():
                raise CancelledError(STOPPED)
            batch = collate(split, indices).to(next(model.parameters()).device)
            with torch.no_grad():
                plain = model.config.use_augmentation
                vectors = trainable.source_vectors(batch) if plain else None
                loss = translation_loss(trainable, batch, 1.0, vectors)
            sums[origin] = sums.get(origin, 0.0) + float(loss)
            tokens[origin] = tokens.get(origin, 0) + batch.target_tokens
    losses = {f"loss/{origin}": sums[origin] / tokens[origin] for origin in sorted(sums)}
    return {"loss": sum(sums.values()) / max(sum(tokens.values()), 1), **losses}


def domain_losses(
    model: CsanmtForConditionalGeneration, split: PackedSplit, prefix: str, stop: Stop = never
) -> dict[str, float]:
    """``dev_losses`` by domain of ``sources``, named ``prefix/domain``."""
    domains = [domain(origin) for origin in split.origins]
    names = tuple(sorted(set(domains)))
    places = np.asarray([names.index(name) for name in domains], np.uint16)
    joined = replace(split, origin=places[split.origin], origins=names)
    scores = dev_losses(model, joined, stop=stop)
    return {
        f"{prefix}/{name}": scores[f"loss/{name}"] for name in names if f"loss/{name}" in scores
    }


def greedy_bleu(
    model: CsanmtForConditionalGeneration,
    split: PackedSplit,
    vocabularies: Vocabularies,
    sentences: int,
    max_length: int,
    stop: Stop = never,
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
