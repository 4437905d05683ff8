"""Recipes: the shipped ones load; a mistake names its key, its value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from csanmt.errors import ConfigurationError, NotFoundError
from training.recipe import load_recipe, recipe_from_dict, recipe_to_dict

RECIPES = Path(__file__).parents[2] / "training" / "recipes"


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_shipped_recipes_load_and_survive_a_round_trip(name):
    recipe = load_recipe(RECIPES / f"{name}.toml")
    assert recipe.name == name
    assert recipe_from_dict(recipe_to_dict(recipe)) == recipe


@pytest.mark.parametrize("name", ["small-cpu-long", "base-gpu", "distill", "ablation"])
def test_recipes_for_shipped_models_exclude_every_benchmark_and_mixed_licences(name):
    recipe = load_recipe(RECIPES / f"{name}.toml")
    for suite in ("tatoeba", "ntrex128", "tico19"):
        assert {f"benchmarks/{suite}.zh", f"benchmarks/{suite}.en"} <= set(recipe.data.exclude)
    if name != "distill":
        assert recipe.data.weight("ms-ht") == recipe.data.weight("ms-mt:short") * 0
        assert "ms-mt.tsv.xz" not in recipe.data.corpora


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"training": {"learnin_rate": 1}},
            r"training\.learnin_rate is an unknown key; allowed is",
        ),
        ({"training": {"minutes": "ten"}}, r"training\.minutes is 'ten'; allowed is a number"),
        ({"training": {"minutes": 0}}, r"training\.minutes is 0\.0; allowed is above 0"),
        ({"training": {"schedule": "cosine"}}, r"training\.schedule is 'cosine'; allowed is inv"),
        (
            {"training": {"accumulation": True}},
            r"training\.accumulation is True; allowed is a whole number",
        ),
        (
            {"augmentation": {"num_of_samples": 3}},
            r"num_of_samples is 3; allowed is 0, 1 or an even",
        ),
        ({"training": {"precision": "fp8"}}, r"precision is 'fp8'; allowed is auto, bf16, float32"),
        ({"start": {"kept": 0.5}}, r"start\.kept is 0\.5; allowed is 0, or below 1 of a model"),
        (
            {"start": {"kept": 1.0, "initial_model": "m"}},
            r"start\.kept is 1\.0; allowed is 0, or below 1 of a model",
        ),
        ({"data": {"weights": {"a": -1}}}, r"data\.weights is .* allowed is 0 or more"),
        ({"data": {"corpora": "one.tsv"}}, r"data\.corpora is 'one\.tsv'; allowed is a list"),
        ({"data": {"filter": {"max": 1}}}, r"data\.filter\.max is an unknown key"),
        ({"model": 3}, r"model is 3; allowed is a table"),
    ],
)
def test_mistakes_are_named(body, message):
    with pytest.raises(ConfigurationError, match=message):
        recipe_from_dict({"name": "x", **body})


def test_a_file_that_is_missing_or_not_toml_says_so(tmp_path: Path):
    with pytest.raises(NotFoundError, match="no recipe"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = ", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"bad\.toml: "):
        load_recipe(tmp_path / "bad.toml")
