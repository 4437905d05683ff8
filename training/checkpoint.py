"""Training state on disk: one safetensors file, which also says where the run stands."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from csanmt.durable import replacing
from csanmt.errors import CheckpointError, ConflictError, NotFoundError
from training.optimizer import Optimizer

STATE = "state.safetensors"
# What a run that begins with a copy of a trunk has of it.
KEPT = ("stage", "step", "round", "batch", "tokens", "data", "tokenizer")
OLDER = "progress.json"  # stood beside it until 0.2.0


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
    directory: Path, progress: TrainingState, parts: dict[str, dict[str, Tensor]]
) -> None:
    """Replace the checkpoint in ``directory``; a kill leaves the old or the new.

    Args:
        parts: of "model", "optimizer", "average" and "best" the tensors by name.
    """
    tensors = {f"{part}/{name}": t for part, named in parts.items() for name, t in named.items()}
    tensors["random"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random_cuda"] = torch.cuda.get_rng_state()
    _write(directory, progress, tensors)


def _write(directory: Path, progress: TrainingState, tensors: dict[str, Tensor]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    apart = {name: value.detach().contiguous().clone() for name, value in tensors.items()}
    with replacing(directory / STATE) as stream:
        stream.write(save(apart, {"progress": json.dumps(asdict(progress))}))
    (directory / OLDER).unlink(missing_ok=True)


def find_checkpoint(directory: Path) -> Path | None:
    """Where the newest checkpoint is; until 0.2.0 a kill could leave it in ``.old`` alone."""
    places = (directory, directory.with_name(f"{directory.name}.old"))
    return next((place for place in places if (place / STATE).is_file()), None)


def read_progress(directory: Path) -> TrainingState:
    """Raises CheckpointError if the file is not what ``save_checkpoint`` writes."""
    try:
        with safe_open(directory / STATE, "pt") as file:
            told = (file.metadata() or {}).get("progress") or (directory / OLDER).read_text()
        return TrainingState(**json.loads(told))
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        raise CheckpointError(f"{directory}/{STATE} is damaged: {error}") from error


def copy_trunk(run: Path, out: Path) -> None:
    """Begin ``out`` with a copy of a run's checkpoint: its weights and moments, a new budget.

    The run is left as it is and may be going on.

    Raises:
        NotFoundError: ``run`` holds no checkpoint of the translation stage.
        ConflictError: the run saved another one meanwhile.
    """
    place = find_checkpoint(run / "checkpoint")
    if place is None or (before := read_progress(place)).stage != "translation":
        raise NotFoundError(f"{str(run)!r} holds no checkpoint of the translation stage")
    tensors = load_file(place / STATE)
    if read_progress(place) != before:
        raise ConflictError(f"{str(run)!r} was saved while it was copied: try again")
    kept = {key: getattr(before, key) for key in KEPT}
    fresh = TrainingState(**kept, earlier=before.earlier + before.elapsed)
    _write(out / "checkpoint", fresh, tensors)


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
    tensors = load_file(directory / STATE)
    try:
        module.load_state_dict(_part(tensors, "model/"))
        optimizer.load_state(_part(tensors, "optimizer/"))
    except (RuntimeError, ValueError, KeyError, IndexError) as error:
        raise CheckpointError(f"{directory} does not fit this recipe: {error}") from error
    torch.set_rng_state(tensors["random"])
    if "random_cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random_cuda"])
    device = next(module.parameters()).device
    average, best = (
        {name: value.to(device) for name, value in _part(tensors, part).items()}
        for part in ("average/", "best/")
    )
    return average, best


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    size = len(prefix)
    return {name[size:]: value for name, value in tensors.items() if name.startswith(prefix)}
