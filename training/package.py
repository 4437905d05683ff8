"""A training run that travels: packed data, recipe and our code in parts with digests.

There, with Python 3.11 or newer, PyTorch, transformers, numpy, safetensors,
sentencepiece and sacrebleu, and no network:

    sha256sum -c SHA256SUMS && mkdir run && cat part-* | tar xJ -C run && cd run
    PYTHONPATH=code python -m training.package --stop-after 8

The same command goes on where it stopped; when the recipe's budget is used up it leaves
``result/`` in parts of its own.
"""

from __future__ import annotations

import argparse
import json
import lzma
import shutil
import sys
import tarfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from csanmt.errors import CsanmtError, IntegrityError, NotFoundError
from training.input_digests import check_packed, model_files
from training.recipe import Recipe, recipe_from_dict, recipe_to_dict
from training.run import RunOptions, train

INITIAL = "initial"  # where the model that the recipe goes on from is in a package
CODE = ("csanmt", "training")
SUMS = "SHA256SUMS"


def pack_run(recipe: Recipe, packed: Path, out: Path, part_size: int) -> list[Path]:
    """Write everything a run needs to ``out`` as parts.

    Args:
        recipe: goes along as JSON, and with it the model it goes on from.
        packed: directory of ``preparation.prepare``.

    Raises:
        NotFoundError: ``packed`` is not a packed data set.
        InvalidInputError: it was made with other settings than the recipe's.
    """
    check_packed(recipe, packed)
    root = Path(__file__).resolve().parent.parent
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "recipes", "README.md")
    with TemporaryDirectory() as temporary:
        stage = Path(temporary)
        for name in CODE:
            shutil.copytree(root / name, stage / "code" / name, ignore=ignored)
        shutil.copytree(packed, stage / "data")
        if home := recipe.start.initial_model:
            for path in model_files(Path(home)):
                there = stage / INITIAL / path.relative_to(home)
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, there)
            recipe = replace(recipe, start=replace(recipe.start, initial_model=INITIAL))
        record = json.dumps(recipe_to_dict(recipe), ensure_ascii=False)
        (stage / "recipe.json").write_text(record, encoding="utf-8")
        return write_parts(stage, out, part_size)


def write_parts(directory: Path, out: Path, part_size: int) -> list[Path]:
    """Write a directory to ``out`` as ``part-000`` … of at most so many bytes, and their digests.

    ``sha256sum -c`` checks them, ``cat part-* | tar xJ`` puts them together.
    """
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("part-*"):
        old.unlink()
    parts: list[Path] = []
    sums = ""
    with TemporaryFile() as archive:
        with tarfile.open(fileobj=archive, mode="w:xz", preset=2) as tar:  # ids shrink to half
            tar.add(directory, ".")
        archive.seek(0)
        while data := archive.read(part_size):
            part = out / f"part-{len(parts):03d}"
            part.write_bytes(data)
            parts.append(part)
            sums += f"{sha256(data).hexdigest()}  {part.name}\n"
    (out / SUMS).write_text(sums, encoding="ascii")
    return parts


def join_parts(parts: Path, out: Path) -> None:
    """Check the digest of every part and unpack them into ``out``, as a result comes home.

    Raises:
        NotFoundError: there are no digests.
        IntegrityError: a part is missing or altered, or the archive would write elsewhere.
    """
    sums = parts / SUMS
    if not sums.is_file():
        raise NotFoundError(f"{parts} holds no {SUMS}")
    with TemporaryFile() as whole:
        for line in sums.read_text(encoding="ascii").splitlines():
            digest, _, name = line.partition("  ")
            part = parts / Path(name).name
            data = part.read_bytes() if part.is_file() else b""
            if sha256(data).hexdigest() != digest:
                raise IntegrityError(f"{part} is missing or damaged; fetch it again")
            whole.write(data)
        whole.seek(0)
        try:
            with tarfile.open(fileobj=whole) as tar:
                tar.extractall(out, filter="data")
        except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
            raise IntegrityError(f"{parts}: the parts are no package: {error}") from error


def train_package(place: Path, arguments: list[str]) -> int:
    """Train the package unpacked in ``place``; a finished run leaves its result in parts."""
    parser = argparse.ArgumentParser(
        prog="training.package", description="Train; call it again until result/ is there."
    )
    parser.add_argument("--minutes", type=float, help="budget of the whole run, else the recipe's")
    parser.add_argument(
        "--stop-after", type=float, metavar="MINUTES", help="end this command; the next goes on"
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--weights", default="bf16", choices=("int8", "bf16", "float32"))
    parser.add_argument("--part-size", type=int, default=16 << 20, help="bytes of a result part")
    options = vars(parser.parse_args(arguments))
    part_size = options.pop("part_size")
    recipe = recipe_from_dict(json.loads((place / "recipe.json").read_text(encoding="utf-8")))
    if recipe.start.initial_model:
        recipe = replace(recipe, start=replace(recipe.start, initial_model=str(place / INITIAL)))
    work = place / "work"
    try:
        outcome = train(recipe, place / "data", work, RunOptions(**options), report=_print)
    except CsanmtError as error:
        sys.stderr.write(f"training.package: {error}\n")
        return error.exit_code
    if outcome.version is None:
        sys.stdout.write(
            f"stopped at step {outcome.steps}; {outcome.minutes_left:.1f} minutes of the budget "
            "are left: run the same command again\n"
        )
        return 0
    shutil.copyfile(work / "metrics.jsonl", outcome.version / "metrics.jsonl")
    parts = write_parts(outcome.version, place / "result", part_size)
    sys.stdout.write(f"{outcome.tokens} tokens, {len(parts)} parts in {place / 'result'}\n")
    return 0


def _print(line: dict[str, Any]) -> None:
    if line["event"] == "evaluation" or line["step"] % 100 == 0:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(train_package(Path.cwd(), sys.argv[1:]))
