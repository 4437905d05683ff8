"""A training run that travels: packed data, recipe and our code in parts with digests.

There, with Python 3.11 or newer, PyTorch, transformers, numpy, safetensors,
sentencepiece and sacrebleu, and no network:

    python split_archive.py join . run && cd run && python go.py --stop-after 8

``go.py`` goes on where it stopped when it is called again; when the recipe's budget is
used up it leaves ``result/`` in parts of its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from csanmt.errors import CsanmtError, IntegrityError, NotFoundError
from training.input_digests import check_packed, model_files
from training.plots import write_curves
from training.recipe import Recipe, recipe_from_dict, recipe_to_dict
from training.run import RunOptions, train
from training.split_archive import PartsError, join_parts, split_directory

INITIAL = "initial"  # where the model that the recipe goes on from is in a package
CODE = ("csanmt", "training")
GO_HELP = "Train this package's recipe; call it again until result/ is there."
GO = '''\
"""Trains this package's recipe within a wall-clock budget; see training/package.py."""

import sys
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here / "code"))

from training.package import train_package

sys.exit(train_package(here, sys.argv[1:]))
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


def train_package(place: Path, arguments: list[str]) -> int:
    """What ``go.py`` runs: train, leave the result of a finished run in parts; exit status."""
    parser = argparse.ArgumentParser(prog="go.py", description=GO_HELP)
    parser.add_argument("--minutes", type=float, help="budget of the whole run, else the recipe's")
    parser.add_argument(
        "--stop-after", type=float, metavar="MINUTES", help="end this command; the next goes on"
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--weights", default="bf16", choices=("int8", "bf16", "float32"))
    parser.add_argument("--part-size", type=int, default=16 << 20, help="bytes of a result part")
    args = parser.parse_args(arguments)
    try:
        outcome = train(
            packed_recipe(place),
            place / "data",
            place / "work",
            RunOptions(
                minutes=args.minutes,
                stop_after=args.stop_after,
                device=args.device,
                weights=args.weights,
            ),
            report=_print,
        )
    except CsanmtError as error:
        sys.stderr.write(f"go.py: {error}\n")
        return error.exit_code
    if outcome.version is None:
        sys.stdout.write(
            f"stopped at step {outcome.steps}; {outcome.minutes_left:.1f} minutes of the budget "
            "are left: run the same command again\n"
        )
        return 0
    metrics = place / "work" / "metrics.jsonl"
    shutil.copyfile(metrics, outcome.version / "metrics.jsonl")
    write_curves(metrics, outcome.version / "curves.png")
    parts = split_directory(outcome.version, place / "result", args.part_size)
    sys.stdout.write(f"{outcome.tokens} tokens, {len(parts)} parts in {place / 'result'}\n")
    return 0


def _print(line: dict[str, Any]) -> None:
    if line["event"] == "evaluation" or line["step"] % 100 == 0:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
