"""What a run's inputs were made with, so that stale ones are refused instead of reused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from csanmt.durable import file_sha256
from csanmt.errors import ConfigurationError, InvalidInputError, NotFoundError
from csanmt.tables import changes, flatten
from csanmt.version import CONFIG, TOKENIZER, WEIGHTS
from training.corpus import corpus_files
from training.packed import read_description
from training.recipe import Recipe, recipe_from_dict, recipe_to_dict

MODEL_FILES = (CONFIG, *WEIGHTS, f"{TOKENIZER}/*")


def model_files(directory: Path) -> list[Path]:
    """What a model version translates with: shape, weights and tokenizer."""
    return sorted(path for name in MODEL_FILES for path in directory.glob(name) if path.is_file())


def model_digest(directory: Path) -> str:
    """SHA-256 over the names and contents of ``model_files``."""
    lines = [
        f"{path.relative_to(directory).as_posix()} {file_sha256(path)}\n"
        for path in model_files(directory)
    ]
    return sha256("".join(lines).encode()).hexdigest()


def corpora_digests(paths: Iterable[Path]) -> list[str]:
    """SHA-256 of every file of these corpora, in order.

    Raises:
        NotFoundError: a file is missing.
    """
    digests = []
    for path in (file for corpus in paths for file in corpus_files(corpus)):
        if not path.is_file():
            raise NotFoundError(f"no corpus file {str(path)!r}")
        digests.append(file_sha256(path))
    return digests


def inputs_of(recipe: Recipe) -> dict[str, Any]:
    """Everything of a recipe that its packed data depends on, as ``packed.json`` records it."""
    initial = recipe.start.initial_model
    values = recipe_to_dict(recipe)
    return {
        "data": values["data"],
        "vocabulary": values["vocabulary"],
        "seed": recipe.training.seed,
        "initial_model": model_digest(Path(initial)) if initial else "",
    }


def check_packed(recipe: Recipe, packed: Path) -> None:
    """Refuse packed data that this recipe would not make.

    Raises:
        NotFoundError, CheckpointError: as ``read_description``.
        InvalidInputError: names every setting that differs.
    """
    made_with = read_description(packed).get("made_with")
    if not isinstance(made_with, dict):
        raise InvalidInputError(f"{packed} does not say what it was made with; {PREPARE}")
    different = differing(_completed(made_with), inputs_of(recipe))
    if different:
        raise InvalidInputError(
            f"{packed} was made with other settings than the recipe's: "
            f"{', '.join(different)}; {PREPARE}"
        )


def _completed(made_with: dict[str, Any]) -> dict[str, Any]:
    """What was recorded, with the defaults of settings that did not exist then."""
    sections = {key: made_with.get(key, {}) for key in ("data", "vocabulary")}
    try:
        recipe = recipe_to_dict(recipe_from_dict({"name": "", **sections}))
    except ConfigurationError:  # of settings that exist no longer
        return made_with
    return {**made_with, **{key: recipe[key] for key in sections}}


PREPARE = (
    "prepare the data anew (csanmt train --restart if it lies in the run's directory, else "
    "csanmt train prepare) or name the recipe it was made with"
)


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Dotted names of the values that differ, or that only one of the two has."""
    return list(changes(flatten(old), flatten(new)))
