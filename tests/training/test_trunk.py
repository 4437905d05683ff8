"""A trunk goes on with other data, and copies of it are annealed while it stays."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from csanmt.errors import InvalidInputError, NotFoundError
from training.checkpoint import read_progress
from training.preparation import prepare
from training.recipe import Recipe
from training.run import train
from training.status import read_metrics, read_status, write_log

RECIPES = Path(__file__).parents[2] / "training" / "recipes"
MUON = {"optimizer": "muon", "schedule": "stable-linear", "decay_share": 0.0}


@pytest.fixture(scope="module")
def recipe(short: Recipe) -> Recipe:
    return replace(short, training=replace(short.training, **MUON, small_steps=2))


@pytest.fixture(scope="module")
def trunk(recipe: Recipe, packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stopped by its owner after the fourth step of the translation stage."""
    out = tmp_path_factory.mktemp("trunk")
    steps = itertools.count(1)
    outcome = train(recipe, packed, out, clock=lambda: 0.0, stop=lambda: next(steps) == 8)
    assert outcome.version is None
    assert read_progress(out / "checkpoint").step == 4
    return out


def rates(run: Path, stage: str = "translation") -> list[float]:
    lines = read_metrics(run / "metrics.jsonl")
    return [x["rate"] for x in lines if x["event"] == "step" and x["stage"] == stage]


def test_the_rate_of_a_trunk_stays_and_that_of_a_copy_falls_to_zero(
    recipe, packed, trunk, tmp_path
):
    peak = recipe.training.learning_rate
    rising = [peak * step / 20 for step in (1, 2, 3, 4)]
    assert rates(trunk) == pytest.approx(rising)
    before = (trunk / "checkpoint" / "state.safetensors").read_bytes()
    settings = replace(recipe.training, schedule="linear-to-zero", warmup_steps=1, minutes=1.0)
    ticks = itertools.count(0, 5)
    outcome = train(
        replace(recipe, training=replace(settings, max_steps=1000)),
        packed,
        tmp_path / "copy",
        trunk=trunk,
        clock=lambda: float(next(ticks)),
        weights="float32",
    )
    falling = rates(tmp_path / "copy")
    assert read_status(tmp_path / "copy")["minutes_left"] < 0.2
    assert outcome.version is not None
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > 0.8 * peak
    assert falling[-1] < 0.2 * peak
    assert outcome.tokens > read_progress(trunk / "checkpoint").tokens
    assert (trunk / "checkpoint" / "state.safetensors").read_bytes() == before


def test_other_data_of_the_same_vocabulary_is_taken_when_told_and_logged(
    recipe, packed, trunk, tmp_path
):
    other = replace(recipe, data=replace(recipe.data, bare_share=0.5))
    prepare(other, RECIPES, tmp_path / "more", like=packed)
    steps = itertools.count(1)
    run = tmp_path / "run"
    train(recipe, packed, run, clock=lambda: 0.0, stop=lambda: next(steps) == 6)
    with pytest.raises(InvalidInputError, match=r"another recipe \(data\.bare_share\).*--changed"):
        train(other, tmp_path / "more", run, clock=lambda: 0.0)
    train(other, tmp_path / "more", run, clock=lambda: 0.0, changed=True, weights="float32")
    changed = [x for x in read_metrics(run / "metrics.jsonl") if x["event"] == "changed"]
    assert [x["settings"] for x in changed] == [["data.bare_share"]]
    assert read_progress(run / "checkpoint").step == 6
    prepare(recipe, RECIPES, tmp_path / "fresh")
    with (tmp_path / "fresh" / "tokenizer" / "tokenizer_config.json").open("a") as stream:
        stream.write("\n")
    with pytest.raises(InvalidInputError, match="another vocabulary"):
        train(recipe, tmp_path / "fresh", run, clock=lambda: 0.0, changed=True)


def test_a_run_asked_to_stop_while_it_evaluates_is_saved_without_a_result(recipe, packed, tmp_path):
    eager = replace(recipe, training=replace(recipe.training, evaluate_minutes=0.0))
    seen: list[dict[str, object]] = []
    asked = itertools.count()

    def stop() -> bool:
        second = seen[-1]["event"] == "step" and seen[-1]["stage"] == "translation"
        second = second and seen[-1]["step"] == 2
        return second and next(asked) >= 1  # not after the step, but within what follows

    train(eager, packed, tmp_path, clock=lambda: 0.0, stop=stop, report=seen.append)
    lines = read_metrics(tmp_path / "metrics.jsonl")
    assert [line["event"] for line in lines if line["stage"] == "translation"][-1] == "step"
    assert read_progress(tmp_path / "checkpoint").step == 2


def test_no_copy_is_made_of_a_run_without_a_checkpoint(recipe, packed, tmp_path):
    with pytest.raises(NotFoundError, match="no checkpoint of the translation stage"):
        train(recipe, packed, tmp_path / "copy", trunk=tmp_path, clock=lambda: 0.0)


def test_status_says_where_a_run_stands(recipe, trunk):
    status = read_status(trunk)
    assert (status["stage"], status["step"], status["recipe"]) == ("translation", 4, "tiny")
    assert status["tokens"] == read_progress(trunk / "checkpoint").tokens
    assert status["minutes_left"] == recipe.training.minutes
    with pytest.raises(NotFoundError, match="no run"):
        read_status(trunk / "none")


def test_the_log_of_a_version_holds_its_trunk_and_every_evaluation(recipe, packed, trunk, tmp_path):
    evaluated = replace(recipe.training, evaluate_minutes=0.0)
    other = replace(recipe, training=evaluated)
    train(other, packed, tmp_path / "copy", trunk=trunk, clock=lambda: 0.0, weights="float32")
    count = write_log([trunk, tmp_path / "copy"], tmp_path / "log.jsonl")
    lines = read_metrics(tmp_path / "log.jsonl")
    assert len(lines) == count == 2
    assert [line["step"] for line in lines] == [5, 6]
    assert {"recipe", "tokens", "seconds", "training", "loss", "tokens_per_second"} <= set(lines[0])
