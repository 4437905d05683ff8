"""A model into Chinese, packed, answers English prose; a model from Chinese trains on that."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli.main import main
from training.batches import plan_round
from training.corpus import read_pairs
from training.filtering import HAN
from training.packed import read_split
from training.preparation import prepare
from training.recipe import Recipe
from training.run import train
from training.vocabulary import Vocabularies

RECIPES = Path(__file__).parents[2] / "training" / "recipes"
LINES = 100
BENCHMARK = (
    (RECIPES.parents[1] / "benchmarks" / "suites" / "tatoeba" / "reference.en")
    .read_text(encoding="utf-8")
    .splitlines()[0]
)


@pytest.fixture(scope="module")
def teacher(tiny: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packed for the engine, trained for a second: it writes Chinese, if no sense."""
    out = tmp_path_factory.mktemp("en-zh")
    vocabulary = replace(tiny.vocabulary, source_size=800, target_size=1300, source_coverage=1.0)
    recipe = replace(
        tiny,
        data=replace(tiny.data, languages=("en", "zh")),
        vocabulary=replace(vocabulary, target_coverage=0.98),
        model=replace(tiny.model, use_augmentation=False),
        training=replace(tiny.training, max_steps=40, evaluate_minutes=1000.0),
        evaluation=replace(tiny.evaluation, sentences=0),
    )
    prepare(recipe, RECIPES, out / "data")
    version = train(recipe, out / "data", out / "run", clock=lambda: 0.0).version
    assert version is not None
    assert not (version / "model.safetensors").exists()
    return version


@pytest.fixture(scope="module")
def data(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with what the teacher made of some prose and of a benchmark's line."""
    out = tmp_path_factory.mktemp("data")
    pairs = (RECIPES / "tiny" / "train.tsv").read_text(encoding="utf-8").splitlines()
    prose = [line.split("\t")[1] for line in pairs[:LINES]]
    english = "".join(f"{line}\tnews\n" for line in [*prose, BENCHMARK])
    (out / "english.tsv").write_text(english, encoding="utf-8")
    (out / "train.tsv").write_text("\n".join(pairs[LINES:1000]) + "\n", encoding="utf-8")
    (out / "dev.tsv").write_text("\n".join(pairs[1000:1010]) + "\n", encoding="utf-8")
    command = ["train", "distill", "--back", "--teacher", str(teacher), "--beam", "1"]
    assert main([*command, "--out", str(out / "back.tsv"), str(out / "english.tsv")]) == 0
    return out


def test_the_answers_stand_first_and_the_prose_second(data: Path) -> None:
    made = list(read_pairs([data / "back.tsv"]))
    prose = [line.split("\t")[0] for line in (data / "english.tsv").read_text().splitlines()]
    assert len(made) > 0.9 * LINES
    assert BENCHMARK in {pair.target for pair in made} <= set(prose)
    assert {pair.origin for pair in made} == {"back:news"}
    assert all(HAN.search(pair.source) for pair in made)


def test_a_model_from_chinese_is_trained_on_them(tiny: Recipe, data: Path, tmp_path: Path) -> None:
    settings = replace(
        tiny.data,
        corpora=("train.tsv", "back.tsv"),
        dev="dev.tsv",
        exclude=(),
        weights={"tatoeba": 1.0, "back": 0.5},
        filter=replace(tiny.data.filter, exact=("back:news",)),
    )
    recipe = replace(tiny, data=settings)
    prepare(recipe, data, tmp_path / "packed")
    description = json.loads((tmp_path / "packed" / "packed.json").read_text(encoding="utf-8"))
    assert description["kept"]["back:news"] > 0.8 * LINES
    split = read_split(tmp_path / "packed", "train")
    back = [i for i, name in enumerate(split.origins) if name.startswith("back:")]
    members = np.flatnonzero(np.isin(split.origin, back))
    vocabularies = Vocabularies(tmp_path / "packed" / "tokenizer")
    written = {vocabularies.decode(split.target(int(i)).tolist()) for i in members}
    assert BENCHMARK not in written
    assert written <= {pair.target for pair in read_pairs([data / "back.tsv"])}
    batches = np.concatenate(plan_round(split, settings.weight, 640, 1, 0))
    assert np.isin(batches, members).sum() == pytest.approx(len(members) / 2, abs=1)
