"""A training run that travels: packed data, recipe and our code in one archive.

``training/README.md`` says what is done with it on the machine that trains.
"""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

from csanmt.source_tree import SOURCE_TREE
from training.packed import check_packed, model_files
from training.recipe import Recipe, recipe_to_dict

INITIAL = "initial"  # where the model that the recipe goes on from is in a package
CODE = ("csanmt", "training", "cli")
LEFT = ("__pycache__", ".so", "training/recipes", "training/synthetic/grammars")


def pack_run(recipe: Recipe, packed: Path, out: Path) -> Path:
    """Write everything a run needs to the archive ``out`` (``.tar.xz``).

    Args:
        recipe: goes along as JSON, and with it the model it goes on from.
        packed: directory of ``preparation.prepare``.

    Raises:
        NotFoundError: ``packed`` is not a packed data set.
        InvalidInputError: it was made with other settings than the recipe's.
    """
    check_packed(recipe, packed)
    home = recipe.start.initial_model
    if home:
        recipe = replace(recipe, start=replace(recipe.start, initial_model=INITIAL))
    record = json.dumps(recipe_to_dict(recipe), ensure_ascii=False).encode()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(out, "w:xz", preset=6) as tar:  # ids shrink to half
        for name in CODE:
            tar.add(SOURCE_TREE / name, f"code/{name}", filter=_wanted)
        tar.add(packed, "data")
        for path in model_files(Path(home)) if home else ():
            tar.add(path, f"{INITIAL}/{path.relative_to(home)}")
        entry = tarfile.TarInfo("recipe.json")
        entry.size = len(record)
        tar.addfile(entry, io.BytesIO(record))
    return out


def _wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if entry.name.endswith(LEFT) else entry
