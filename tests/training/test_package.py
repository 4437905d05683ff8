"""Training on another machine: unpacked by tar, run without our source tree, and carried home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from training.package import pack_run
from training.preparation import prepare
from training.recipe import load_recipe
from training.run import train
from training.status import read_metrics

RECIPES = Path(__file__).parents[2] / "training" / "recipes"


def unpack_there(archive: Path, place: Path) -> None:
    """As ``training/README.md`` says, with nothing of ours."""
    place.mkdir()
    subprocess.run(["tar", "xf", archive, "-C", place], check=True)
    ours = ("serving", "model_store", "release", "bulk", "benchmarks.suite")
    absent = (*ours, "bentoml", "jieba", "opencc", "sacremoses", "rich", "starlette")
    text = f"import sys\nsys.modules.update(dict.fromkeys({absent}))\n"
    (place / "code" / "sitecustomize.py").write_text(text)


def train_there(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Train as on a machine without our source tree."""
    words = ("train", "--recipe", "recipe.json", "--packed", "data", "--out", "work")
    return subprocess.run(
        [sys.executable, "-m", "csanmt", *words, *arguments],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": "code", "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.e2e
def test_rehearsal_pack_train_there_and_translate_here(short, packed, tmp_path):
    import csanmt

    recipe = replace(short, training=replace(short.training, checkpoint_minutes=5.0))
    there = tmp_path / "there"
    unpack_there(pack_run(recipe, packed, tmp_path / "run.tar.xz"), there)
    version = there / "work" / "version"
    first = train_there(there, "--minutes", "5", "--stop-after", "0.0001")
    assert first.returncode == 0, first.stderr
    assert "minutes of the budget are left: run the same command again" in first.stdout
    assert not version.exists()
    done = train_there(there, "--minutes", "5", "--weights", "bf16")
    assert done.returncode == 0, done.stderr
    provenance = json.loads((version / "provenance.json").read_text())
    assert provenance["training"]["steps"] == 6
    answer = csanmt.load(version, engine="torch").translate(["我走了。"])[0]
    assert isinstance(answer.text, str)


@pytest.mark.e2e
def test_the_recipe_for_a_gpu_is_rehearsed_in_a_tiny_shape(tiny, packed, tmp_path):
    large = load_recipe(RECIPES / "base-gpu.toml")
    small = replace(large.training, batch_tokens=640, max_steps=12, warmup_steps=4, log_steps=4)
    recipe = replace(
        large,
        data=tiny.data,
        vocabulary=tiny.vocabulary,
        model=tiny.model,
        evaluation=tiny.evaluation,
        contrastive=replace(large.contrastive, batch=16, max_steps=4),
        training=replace(small, seed=tiny.training.seed),
    )
    there = tmp_path / "there"
    unpack_there(pack_run(recipe, packed, tmp_path / "run.tar.xz"), there)
    done = train_there(there, "--weights", "int8")
    assert done.returncode == 0, done.stderr
    assert (there / "work" / "version" / "engine.bin").stat().st_size < 40 << 20
    lines = read_metrics(there / "work" / "metrics.jsonl")
    assert [x["step"] for x in lines if x["event"] == "step"] == [4, 4, 8, 12]


@pytest.mark.e2e
def test_the_model_a_recipe_goes_on_from_travels_with_the_package(short, packed, tmp_path):
    first = train(short, packed, tmp_path / "first", clock=lambda: 0.0, weights="int8")
    more = replace(short, start=replace(short.start, initial_model=str(first.version)))
    prepare(more, RECIPES, tmp_path / "packed")
    archive = pack_run(more, tmp_path / "packed", tmp_path / "run.tar.xz")
    (tmp_path / "first").rename(tmp_path / "elsewhere")  # there, home is out of reach
    unpack_there(archive, tmp_path / "there")
    done = train_there(tmp_path / "there", "--weights", "float32")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "work" / "version" / "model.safetensors").is_file()
