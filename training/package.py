"""A training run that travels: packed data, recipe and our code in parts with digests.

There, with Python 3.11 or newer, PyTorch, transformers, numpy, safetensors,
sentencepiece and sacrebleu, and no network:

    python parts.py join . run && cd run && python go.py --stop-after 8

``go.py`` goes on where it stopped when it is called again; when the recipe's budget is
used up it leaves ``result/`` in parts of its own.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from csanmt.errors import IntegrityError, NotFoundError
from training.inputs import check_packed, model_files
from training.parts import PartsError, join_parts, split_directory
from training.recipe import Recipe, recipe_from_dict, recipe_to_dict

INITIAL = "initial"  # where the model that the recipe goes on from is in a package
CODE = ("csanmt", "training")
GO = '''\
"""Trains this package's recipe within a wall-clock budget; see training/package.py."""

import sys
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here / "code"))

from training.away import main

sys.exit(main(here, sys.argv[1:]))
'''


def pack_run(recipe: Recipe, packed: Path, out: Path, part_size: int) -> list[Path]:
    """Write everything a run needs to ``out`` as parts.

    Args:
        recipe: goes along as JSON, and with it the model it goes on from.
        packed: directory of ``preparation.prepare``.
        part_size: most bytes of one part.

    Raises:
        NotFoundError: ``packed`` is not a packed data set.
        InvalidInputError: it was made with other settings than the recipe's.
    """
    check_packed(recipe, packed)
    root = Path(__file__).resolve().parent.parent
    with TemporaryDirectory() as temporary:
        stage = Path(temporary)
        for name in CODE:
            shutil.copytree(
                root / name,
                stage / "code" / name,
                ignore=shutil.ignore_patterns("__pycache__", "*.so", "recipes", "README.md"),
            )
        shutil.copytree(packed, stage / "data")
        recipe = _with_initial_model(recipe, stage)
        (stage / "go.py").write_text(GO, encoding="utf-8")
        (stage / "recipe.json").write_text(
            json.dumps(recipe_to_dict(recipe), ensure_ascii=False), encoding="utf-8"
        )
        return split_directory(stage, out, part_size)


def _with_initial_model(recipe: Recipe, stage: Path) -> Recipe:
    """Put the model a recipe goes on from into the package, named relative to it."""
    if not recipe.start.initial_model:
        return recipe
    home = Path(recipe.start.initial_model)
    for path in model_files(home):
        there = stage / INITIAL / path.relative_to(home)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, there)
    return replace(recipe, start=replace(recipe.start, initial_model=INITIAL))


def packed_recipe(place: Path) -> Recipe:
    """The recipe of the package unpacked in ``place``, its initial model found there."""
    recipe = recipe_from_dict(json.loads((place / "recipe.json").read_text(encoding="utf-8")))
    if not recipe.start.initial_model:
        return recipe
    initial = str(place / recipe.start.initial_model)
    return replace(recipe, start=replace(recipe.start, initial_model=initial))


def join_result(parts: Path, out: Path) -> Path:
    """Put a result's parts together: a model version directory, metrics beside it.

    Raises:
        NotFoundError: the directory does not exist.
        IntegrityError: a part is missing or altered, or the archive is unsafe.
    """
    if not parts.is_dir():
        raise NotFoundError(f"no directory {str(parts)!r}")
    try:
        join_parts(parts, out)
    except PartsError as error:
        raise IntegrityError(str(error)) from error
    return out
