"""One recipe from beginning to end: packed data → training → version directory.

This is what ``csanmt train`` does, also on a machine that has nothing but Python, PyTorch,
transformers, numpy, safetensors, sentencepiece and sacrebleu (``training.package``).
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from csanmt.configuration import CsanmtConfig
from csanmt.durable import file_sha256
from csanmt.errors import ConfigurationError, InvalidInputError
from csanmt.modeling import CsanmtForConditionalGeneration, load_model
from csanmt.version import write_json
from training.checkpoint import copy_trunk, find_checkpoint
from training.corpus import source
from training.evaluation import Stop, dev_losses, greedy_bleu
from training.export import export_version
from training.objective import TrainableCsanmt
from training.packed import (
    DESCRIPTION,
    check_packed,
    differing,
    model_digest,
    read_description,
    read_split,
)
from training.recipe import Recipe, load_recipe, recipe_to_dict
from training.trainer import Clock, Report, Trainer
from training.vocabulary import Vocabularies

RECIPE_RECORD = "recipe.json"


@dataclass(frozen=True)
class RunResult:
    """What a run left behind: the version directory, tokens trained, hours, last dev scores.

    ``version`` is None, and ``minutes_left`` of the budget, while the run is not finished.
    """

    version: Path | None
    minutes_left: float
    steps: int
    tokens: int
    hours: float
    dev: dict[str, float]


def train(
    recipe: Recipe,
    packed: Path,
    directory: Path,
    *,
    minutes: float | None = None,
    stop_after: float | None = None,
    resume: bool = True,
    changed: bool = False,
    trunk: Path | None = None,
    weights: str = "int8",
    device: str = "auto",
    commit: str = "",
    report: Report | None = None,
    clock: Clock = time.monotonic,
    stop: Stop = lambda: False,
) -> RunResult:
    """Train (or go on training); export the averaged model when the run is finished.

    Args:
        recipe: what to do; a resumed run must be given the recipe it began with, unless
            it is said to have ``changed``.
        packed: directory of ``preparation.prepare``.
        directory: checkpoint, metrics and ``version/`` go here.
        minutes: wall-clock budget of the whole run, resumed parts included, else the recipe's.
        stop_after: minutes of this call; then the run is saved and waits for the next.
        resume: go on from the directory's checkpoint if there is one.
        changed: let the recipe and the data differ from what the run has had so far; the
            vocabulary and the shape may not. What differs is logged.
        trunk: directory of a run; if this one has no checkpoint, it begins with a copy of that
            run's, and spends its own budget from there. Recipe and data may differ as above.
        weights: what the version holds: ``int8``, ``bf16`` or ``float32``.
        device: ``cpu``, ``cuda`` or ``auto``.
        commit: git commit, for the provenance.
        report: called with every line of the metrics.
        stop: asked after every step; true saves and ends this call.

    Raises:
        InvalidInputError: the directory holds another recipe's run, the data no pair
            or was packed with other settings.
        ConfigurationError: as ``starting_model``.
    """
    if stop_after is not None and stop_after <= 0:
        raise InvalidInputError(f"--stop-after is {stop_after:g}; allowed is above 0")
    deadline = math.inf if stop_after is None else clock() + 60 * stop_after
    torch.set_num_threads(recipe.training.threads)
    check_packed(recipe, packed)
    vocabularies, split = Vocabularies(packed / "tokenizer"), read_split(packed, "train")
    if len(split) == 0:
        raise InvalidInputError(f"{packed} holds no training pair within the length limits")
    trainable = starting_model(recipe, *vocabularies.sizes, vocabularies.copy_tokens)
    changes = _claim(directory, recipe, resume, changed)
    if trunk is not None and find_checkpoint(directory / "checkpoint") is None:
        copy_trunk(trunk, directory)
    evaluate = _evaluation(recipe, packed, vocabularies, stop)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    trainer = Trainer(
        recipe,
        trainable.to(device),
        split,
        directory,
        minutes=minutes,
        clock=clock,
        evaluate=evaluate,
        report=report,
        stop=stop,
    )
    if resume or trunk:
        trainer.resume()
    # Of what a version translates with packed data holds the tokenizer alone.
    digests = file_sha256(packed / DESCRIPTION), model_digest(packed)
    trainer.take_data(*digests, changes, changed or trunk is not None)
    p = trainer.run(deadline)
    left, hours = round(trainer.minutes_left(), 2), round(p.hours, 3)
    outcome = RunResult(None, left, p.step, p.tokens, hours, p.scores)
    if not trainer.finished():
        return outcome
    model = trainer.chosen().float().cpu()
    if recipe.start.kept:
        before = load_model(recipe.start.initial_model).state_dict()
        for name, weight in model.state_dict().items():
            weight.lerp_(before[name].to(weight), recipe.start.kept)
        outcome = replace(outcome, dev=evaluate(model))
    version = export_version(
        model,
        packed / "tokenizer",
        directory / "version",
        recipe.evaluation,
        describe(recipe, packed, outcome, commit),
        weights=weights,
    )
    return replace(outcome, version=version)


def _evaluation(
    recipe: Recipe, packed: Path, vocabularies: Vocabularies, stop: Stop
) -> Callable[[CsanmtForConditionalGeneration], dict[str, float]]:
    """What is measured of a model while it trains: dev and held-out losses, a quick BLEU."""
    dev, held, settings = read_split(packed, "dev"), read_split(packed, "held"), recipe.evaluation

    def evaluate(model: CsanmtForConditionalGeneration) -> dict[str, float]:
        scores = dev_losses(model, dev, stop=stop)
        if len(held):
            by_domain = dev_losses(model, held, lambda origin: source(origin).domain, stop)
            by_domain.pop("loss")
            scores |= {name.replace("loss/", "held/"): loss for name, loss in by_domain.items()}
        if settings.sentences:
            scores["bleu"] = greedy_bleu(
                model, dev, vocabularies, settings.sentences, settings.max_length, stop=stop
            )
        return scores

    return evaluate


def describe(recipe: Recipe, packed: Path, outcome: RunResult, commit: str) -> dict[str, Any]:
    """The author's part of ``provenance.json``: data, recipe, effort and dev scores."""
    data = read_description(packed)
    return {
        "source": f"trained with recipe {recipe.name}",
        "recipe": recipe_to_dict(recipe),
        "data": {key: data[key] for key in ("pairs", "dropped", "excluded_sentences")},
        "git_commit": commit,
        "training": {
            "steps": outcome.steps,
            "target_tokens": outcome.tokens,
            "hours": outcome.hours,
            "torch": torch.__version__,
        },
        "dev": {key: round(value, 4) for key, value in outcome.dev.items()},
    }


def _claim(directory: Path, recipe: Recipe, resume: bool, changed: bool) -> list[str]:
    """Note the recipe in the directory.

    Returns:
        what differs from the recipe noted before, which ``changed`` allows.

    Raises:
        InvalidInputError: another recipe is noted, and ``changed`` does not allow it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / RECIPE_RECORD
    body = recipe_to_dict(recipe)
    # A setting that did not exist then has its default.
    noted = resume and path.is_file()
    keys = differing(recipe_to_dict(load_recipe(path)), body) if noted else []
    if keys and not changed:
        raise InvalidInputError(
            f"{directory} holds a run of another recipe ({', '.join(keys[:6])}); choose another "
            "--out, pass --changed to go on with this one, or --restart"
        )
    if not resume:
        shutil.rmtree(directory / "checkpoint", ignore_errors=True)
        (directory / "metrics.jsonl").unlink(missing_ok=True)
    write_json(path, body)
    return keys


# --- the model that a run starts from ----------------------------------------------------------


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
