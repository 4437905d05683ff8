"""One recipe from beginning to end: packed data → training → version directory.

This is what ``csanmt train`` does, and what a package does on a machine that has
nothing but Python, PyTorch, transformers, numpy, safetensors, sentencepiece and sacrebleu.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from csanmt.errors import InvalidInputError
from csanmt.modeling import CsanmtForConditionalGeneration
from training.checkpoint import copy_trunk, find_checkpoint
from training.evaluation import dev_losses, domain_losses, greedy_bleu
from training.export import export_version
from training.inputs import check_packed, data_digest, differing, tokenizer_digest
from training.packed import read_description, read_split
from training.recipe import Recipe, recipe_to_dict
from training.start import starting_model
from training.trainer import Clock, Report, Trainer
from training.vocabulary import Vocabularies

RECIPE_RECORD = "recipe.json"


@dataclass(frozen=True)
class Outcome:
    """What a run left behind: the version directory, tokens trained, hours, last dev scores.

    ``version`` is None, and ``minutes_left`` of the budget, while the run is not finished.
    """

    version: Path | None
    steps: int
    tokens: int
    hours: float
    scores: dict[str, float]
    minutes_left: float = 0.0


def train(
    recipe: Recipe,
    packed: Path,
    directory: Path,
    *,
    minutes: float | None = None,
    stop_after: float | None = None,
    resume: bool = True,
    weights: str = "int8",
    device: str = "auto",
    commit: str = "",
    changed: bool = False,
    trunk: Path | None = None,
    report: Report | None = None,
    clock: Clock = time.monotonic,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train (or go on training); export the averaged model when the run is finished.

    Args:
        recipe: what to do; a resumed run must be given the recipe it began with.
        packed: directory of ``preparation.prepare``.
        directory: checkpoint, metrics and ``version/`` go here.
        minutes: wall-clock budget of the whole run, resumed parts included.
        stop_after: minutes of this call; then the run is saved and waits for the next.
        resume: go on from the directory's checkpoint if there is one.
        weights: what the version holds: ``int8``, ``bf16`` or ``float32``.
        device: ``cpu``, ``cuda`` or ``auto``.
        commit: git commit, for the provenance.
        changed: let the recipe and the data differ from what the run has had so far; the
            vocabulary and the shape may not. What differs is logged.
        trunk: directory of a run; if this one has no checkpoint, it begins with a copy of that
            run's, and spends its own budget from there. Recipe and data may differ as above.
        stop: asked after every step; true saves and ends this call.

    Raises:
        InvalidInputError: the directory holds another recipe's run, the data no pair
            or was packed with other settings, or ``stop_after`` is not above 0.
        ConfigurationError: as ``starting_model``.
    """
    if stop_after is not None and stop_after <= 0:
        raise InvalidInputError(f"--stop-after is {stop_after:g}; allowed is above 0")
    deadline = math.inf if stop_after is None else clock() + 60 * stop_after
    torch.set_num_threads(recipe.training.threads)
    check_packed(recipe, packed)
    vocabularies = Vocabularies(packed / "tokenizer")
    split, dev, held = (read_split(packed, name) for name in ("train", "dev", "held"))
    if len(split) == 0:
        raise InvalidInputError(f"{packed} holds no training pair within the length limits")
    trainable = starting_model(recipe, *vocabularies.sizes, vocabularies.copy_tokens)
    differing_keys = _claim(directory, recipe, resume, changed)
    if trunk is not None and not (resume and find_checkpoint(directory / "checkpoint")):
        copy_trunk(trunk, directory)

    def evaluate(model: CsanmtForConditionalGeneration) -> dict[str, float]:
        settings, scores = recipe.evaluation, dev_losses(model, dev)
        if len(held):
            scores |= domain_losses(model, held, "held")
        if settings.sentences:
            scores["bleu"], _ = greedy_bleu(
                model, dev, vocabularies, settings.sentences, settings.max_length
            )
        return scores

    trainer = Trainer(
        recipe,
        trainable.to(_device(device)),
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
    new_data = changed or trunk is not None
    trainer.take_data(data_digest(packed), tokenizer_digest(packed), differing_keys, new_data)
    progress = trainer.run(deadline)
    hours, scores = (progress.earlier + progress.elapsed) / 3600, progress.scores
    if not trainer.finished():
        return Outcome(None, progress.step, progress.tokens, hours, scores, trainer.minutes_left())
    provenance = describe(recipe, packed, progress.step, progress.tokens, hours, scores, commit)
    version = export_version(
        trainer.chosen().float().cpu(),
        packed / "tokenizer",
        directory / "version",
        recipe.evaluation,
        provenance,
        weights=weights,
    )
    return Outcome(version, progress.step, progress.tokens, hours, scores)


def describe(
    recipe: Recipe,
    packed: Path,
    steps: int,
    tokens: int,
    hours: float,
    scores: dict[str, float],
    commit: str,
) -> dict[str, Any]:
    """The author's part of ``provenance.json``: data, recipe, effort and dev scores."""
    data = read_description(packed)
    return {
        "source": f"trained with recipe {recipe.name}",
        "recipe": recipe_to_dict(recipe),
        "data": {key: data[key] for key in ("pairs", "dropped", "excluded_sentences")},
        "git_commit": commit,
        "training": {
            "steps": steps,
            "target_tokens": tokens,
            "hours": round(hours, 3),
            "torch": torch.__version__,
        },
        "dev": {key: round(value, 4) for key, value in scores.items()},
    }


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _claim(directory: Path, recipe: Recipe, resume: bool, changed: bool) -> list[str]:
    """Note the recipe in the directory; a different one is there already: refuse.

    Returns:
        what differs from the recipe noted before, which ``changed`` allows.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / RECIPE_RECORD
    body = json.loads(json.dumps(recipe_to_dict(recipe)))
    before = json.loads(path.read_text(encoding="utf-8")) if resume and path.is_file() else body
    keys = differing(before, body)
    if keys and not changed:
        raise InvalidInputError(
            f"{directory} holds a run of another recipe ({', '.join(keys[:6])}); choose another "
            "--out, pass --changed to go on with this one, or --restart"
        )
    if not resume:
        for old in (directory / "checkpoint", directory / "metrics.jsonl"):
            _remove(old)
    text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
    return keys


def _remove(path: Path) -> None:
    import shutil

    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
