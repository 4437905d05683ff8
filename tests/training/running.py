"""``training.run.train`` with the options of one command as plain arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training import run
from training.recipe import Recipe

OPTIONS = set(run.RunOptions.__dataclass_fields__)


def train(recipe: Recipe, packed: Path, directory: Path, **arguments: Any) -> run.RunResult:
    options = {key: value for key, value in arguments.items() if key in OPTIONS}
    others = {key: value for key, value in arguments.items() if key not in OPTIONS}
    return run.train(recipe, packed, directory, run.RunOptions(**options), **others)
