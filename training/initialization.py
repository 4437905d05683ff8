"""The model a run starts from: a fresh one of the recipe's shape, or an existing version."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from csanmt.configuration import CsanmtConfig
from csanmt.errors import ConfigurationError
from csanmt.modeling import CsanmtForConditionalGeneration, load_model
from training.objective import TrainableCsanmt
from training.recipe import Recipe


def starting_model(
    recipe: Recipe, source_size: int, target_size: int, copy_tokens: Sequence[str] = ()
) -> TrainableCsanmt:
    """What the first step trains.

    Args:
        source_size, target_size: ids of the packed data's vocabularies.
        copy_tokens: their copy tokens, which a fresh model's configuration names.

    Raises:
        NotFoundError, CheckpointError: of the initial model; see ``load_model``.
        ConfigurationError: its vocabularies are not those of the data, or stage 2 would
            sample around vectors that nothing trains.
    """
    if recipe.start.initial_model:
        trainable = _existing(recipe, (source_size, target_size))
    else:
        trainable = fresh(recipe, source_size, target_size, copy_tokens)
    _check_target_vectors(recipe, trainable)
    return trainable


def fresh(
    recipe: Recipe, source_size: int, target_size: int, copy_tokens: Sequence[str] = ()
) -> TrainableCsanmt:
    """Random weights in the recipe's shape, seeded."""
    torch.manual_seed(recipe.training.seed)
    languages = recipe.data.languages
    config = CsanmtConfig(
        vocab_size=source_size,
        target_vocab_size=target_size,
        source_language=languages[0],
        target_language=languages[1],
        copy_tokens=copy_tokens,
        simplify_source=languages[0] == "zh",  # as the data is (training/preparation.py)
        max_source_tokens=recipe.data.max_source_tokens,
        **vars(recipe.model),
    )
    return TrainableCsanmt(CsanmtForConditionalGeneration(config))


def _existing(recipe: Recipe, sizes: tuple[int, int]) -> TrainableCsanmt:
    torch.manual_seed(recipe.training.seed)
    model = load_model(recipe.start.initial_model)
    if (model.config.vocab_size, model.config.target_vocab_size) != sizes:
        raise ConfigurationError(
            f"start.initial_model has vocabularies of {model.config.vocab_size} and "
            f"{model.config.target_vocab_size} ids, the packed data of {sizes[0]} and {sizes[1]}"
        )
    for name in ("dropout", "attention_dropout", "activation_dropout"):
        setattr(model.config, name, getattr(recipe.model, name))
    again = CsanmtForConditionalGeneration(model.config)
    again.load_state_dict(model.float().state_dict())
    return TrainableCsanmt(again)


def _check_target_vectors(recipe: Recipe, trainable: TrainableCsanmt) -> None:
    """Versions hold no semantic embedding of the target: only stage 1 makes its vectors mean."""
    samples, share = recipe.augmentation.num_of_samples, recipe.contrastive.share
    random = trainable.target_semantic_embedding is not None
    if random and share == 0 and samples > 0 and recipe.augmentation.last_plain < 1:
        raise ConfigurationError(
            f"contrastive.share is {share!r} and augmentation.num_of_samples {samples!r}: the "
            "decoder would be trained under random vectors of the target; allowed is a share "
            "above 0, or num_of_samples = 0"
        )
