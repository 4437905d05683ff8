"""Training state on disk: safetensors and JSON, written aside and renamed, never pickled."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from csanmt.errors import CheckpointError, ConflictError, NotFoundError
from training.optimizer import Optimizer


@dataclass
class TrainingState:
    """Where a run stands; everything its next step depends on beside tensors."""

    stage: str = "contrastive"
    step: int = 0  # optimizer steps done in this stage
    stage_start: float = 0.0  # seconds of the whole run before this stage
    elapsed: float = 0.0  # seconds trained, over all commands that resumed this run
    round: int = 0
    batch: int = 0  # batches of the round already used
    tokens: int = 0  # target tokens trained on, eos included
    confidence: float = 0.0  # running posterior of the contrastive stage
    best: float = float("inf")  # lowest dev loss
    since_best: int = 0  # evaluations since then
    scores: dict[str, float] = field(default_factory=dict)  # of the weights to export
    evaluated_step: int = -1  # step of the latest evaluation
    evaluated: float = 0.0  # elapsed at the latest evaluation of this stage
    earlier: float = 0.0  # seconds of the trunk that this run is a copy of
    data: str = ""  # digest of the packed data of the latest command
    tokenizer: str = ""  # digest of its vocabularies, which never change in a run

    @property
    def hours(self) -> float:
        """Hours trained, those of the trunk included."""
        return (self.earlier + self.elapsed) / 3600


def save_checkpoint(
    directory: Path,
    progress: TrainingState,
    module: nn.Module,
    optimizer: Optimizer,
    average: dict[str, Tensor],
    best: dict[str, Tensor],
) -> None:
    """Replace the checkpoint in ``directory`` in one rename; a kill leaves the old or the new."""
    parts = {"average": average, "best": best, "optimizer": optimizer.state()}
    parts["model"] = module.state_dict()
    tensors = {f"{part}/{name}": t for part, named in parts.items() for name, t in named.items()}
    tensors["random"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random_cuda"] = torch.cuda.get_rng_state()
    _, fresh, old = _places(directory)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_file(
        {k: v.detach().contiguous().clone() for k, v in tensors.items()},
        fresh / "state.safetensors",
    )
    write_progress(fresh, progress)
    shutil.rmtree(old, ignore_errors=True)
    if directory.exists():
        os.rename(directory, old)
    os.rename(fresh, directory)
    shutil.rmtree(old, ignore_errors=True)


def find_checkpoint(directory: Path) -> Path | None:
    """The newest complete checkpoint: a kill between the renames leaves ``.old`` or ``.new``."""
    complete = (place for place in _places(directory) if (place / "progress.json").is_file())
    return next(complete, None)


def _places(directory: Path) -> list[Path]:
    return [directory.with_name(directory.name + ending) for ending in ("", ".new", ".old")]


def read_progress(directory: Path) -> TrainingState:
    """Raises CheckpointError if the file is not what ``save_checkpoint`` writes."""
    try:
        return TrainingState(**json.loads((directory / "progress.json").read_text()))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{directory}/progress.json is damaged: {error}") from error


def copy_trunk(run: Path, out: Path) -> None:
    """Begin ``out`` with a copy of a run's checkpoint: its weights and moments, a new budget.

    The run is left as it is and may be going on.

    Raises:
        NotFoundError: ``run`` holds no checkpoint of the translation stage.
    """
    for _ in range(5):
        place = find_checkpoint(run / "checkpoint")
        if place is None or (before := read_progress(place)).stage != "translation":
            raise NotFoundError(f"{str(run)!r} holds no checkpoint of the translation stage")
        copy = out / "checkpoint.copied"
        shutil.rmtree(copy, ignore_errors=True)
        try:
            shutil.copytree(place, copy)
            if read_progress(copy) == before == read_progress(place):
                break
        except OSError:  # the run saved meanwhile
            continue
    else:
        raise ConflictError(f"{str(run)!r} is saved faster than it can be copied")
    fresh = TrainingState(
        stage="translation",
        step=before.step,
        round=before.round,
        batch=before.batch,
        tokens=before.tokens,
        data=before.data,
        tokenizer=before.tokenizer,
        earlier=before.earlier + before.elapsed,
    )
    write_progress(copy, fresh)
    os.rename(copy, out / "checkpoint")


def write_progress(directory: Path, progress: TrainingState) -> None:
    text = json.dumps(asdict(progress), indent=2) + "\n"
    (directory / "progress.json").write_text(text, encoding="utf-8")


def load_tensors(
    directory: Path, module: nn.Module, optimizer: Optimizer
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Put model, optimizer and random state back.

    Returns:
        the running average of the weights and that of the best evaluation (empty if it was
        not kept), on the device of the parameters.

    Raises:
        CheckpointError: the tensors do not fit this recipe's model.
    """
    tensors = load_file(directory / "state.safetensors")
    try:
        module.load_state_dict(_part(tensors, "model/"))
        optimizer.load_state(_part(tensors, "optimizer/"))
    except (RuntimeError, ValueError, KeyError, IndexError) as error:
        raise CheckpointError(f"{directory} does not fit this recipe: {error}") from error
    torch.set_rng_state(tensors["random"])
    if "random_cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random_cuda"])
    device = next(module.parameters()).device
    average, best = _part(tensors, "average/"), _part(tensors, "best/")
    return _moved(average, device), _moved(best, device)


def _moved(tensors: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    return {name: value.to(device) for name, value in tensors.items()}


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    size = len(prefix)
    return {name[size:]: value for name, value in tensors.items() if name.startswith(prefix)}
