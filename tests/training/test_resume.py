"""A run that is stopped anywhere and resumed is the run that was never stopped."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from csanmt.errors import CheckpointError, InvalidInputError
from training.checkpoint import copy_trunk, find_checkpoint, load_tensors, read_progress
from training.optimizer import optimizer_for
from training.packed import read_split
from training.run import fresh, train
from training.status import read_metrics
from training.trainer import Trainer
from training.vocabulary import Vocabularies

REPOSITORY = Path(__file__).parents[2]


class Stopped(Exception):
    pass


def losses(directory: Path) -> dict[tuple[str, int], float]:
    """Loss of every step; a step done twice (before and after a stop) must agree."""
    found: dict[tuple[str, int], float] = {}
    for line in read_metrics(directory / "metrics.jsonl"):
        if line["event"] == "step":
            key = (line["stage"], line["step"])
            assert found.setdefault(key, line["loss"]) == line["loss"], key
    return found


def still() -> float:
    """A clock that stands, so that steps alone move the schedule."""
    return 0.0


@pytest.fixture(scope="module")
def unbroken(short, packed, tmp_path_factory) -> dict[tuple[str, int], float]:
    directory = tmp_path_factory.mktemp("unbroken")
    train(short, packed, directory, clock=still, weights="float32")
    return losses(directory)


def test_both_stages_run_to_their_last_step(unbroken):
    assert [key for key in unbroken if key[0] == "contrastive"] == [
        ("contrastive", step) for step in range(1, 5)
    ]
    assert ("translation", 6) in unbroken
    assert len(unbroken) == 10


@pytest.mark.parametrize("stop_after", [2, 4, 5, 8])
def test_stopped_and_resumed_gives_the_same_losses(stop_after, short, packed, tmp_path, unbroken):
    seen = 0

    def stop(line):
        nonlocal seen
        seen += line["event"] == "step"
        if seen > stop_after:
            raise Stopped

    with pytest.raises(Stopped):
        train(short, packed, tmp_path, clock=still, report=stop)
    train(short, packed, tmp_path, clock=still, weights="float32")
    assert losses(tmp_path) == unbroken


KILLED = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from training.recipe import recipe_from_dict
from training.run import train

def report(line):
    if line["event"] == "step" and line["stage"] == "translation" and line["step"] == 3:
        os.kill(os.getpid(), 9)

recipe = recipe_from_dict(json.loads(Path(sys.argv[2]).read_text()))
train(recipe, Path(sys.argv[3]), Path(sys.argv[4]), clock=lambda: 0.0, report=report)
"""


@pytest.mark.e2e
def test_a_killed_process_is_resumed_by_another_one_exactly(short, packed, tmp_path, unbroken):
    from training.recipe import recipe_to_dict

    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(recipe_to_dict(short)))
    run = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(REPOSITORY), str(recipe), str(packed), str(run)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    train(short, packed, run, clock=still, weights="float32")
    assert losses(run) == unbroken


def test_how_fast_the_clock_runs_changes_nothing_where_steps_bound_a_run(
    short, packed, tmp_path, unbroken
):
    ticks = itertools.count(1.0)
    train(short, packed, tmp_path, minutes=60, clock=lambda: next(ticks), weights="float32")
    assert losses(tmp_path) == unbroken


def test_threads_change_nothing(short, packed, tmp_path, unbroken):
    alone = replace(short, training=replace(short.training, workers=1))
    train(alone, packed, tmp_path, clock=still, weights="float32")
    assert losses(tmp_path) == unbroken


def test_a_checkpoint_is_loaded_onto_the_device_of_the_parameters(short, packed, tmp_path):
    """``meta`` stands for a GPU: a second device that every machine has."""
    train(short, packed, tmp_path, clock=still, weights="float32")
    module = fresh(short, *Vocabularies(packed / "tokenizer").sizes).to("meta")
    named = [(f"{i}", p) for i, p in enumerate(module.translation_parameters())]
    optimizer = optimizer_for(named, short.training)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that a copy to meta does nothing
        average, _ = load_tensors(tmp_path / "checkpoint", module, optimizer)
    moments = [value for name, value in optimizer.state().items() if name.endswith("exp_avg")]
    assert average
    assert moments
    assert {tensor.device.type for tensor in (*average.values(), *moments)} == {"meta"}


def test_a_checkpoint_in_two_files_goes_on_wherever_a_kill_left_it(
    short, packed, tmp_path, unbroken
):
    """As 0.1.0 wrote it."""
    steps = itertools.count(1)
    train(short, packed, tmp_path, clock=still, stop=lambda: next(steps) == 7)
    checkpoint = tmp_path / "checkpoint"
    progress = read_progress(checkpoint)
    state = checkpoint / "state.safetensors"
    save_file(load_file(state), state)
    (checkpoint / "progress.json").write_text(json.dumps(asdict(progress)))
    checkpoint.rename(tmp_path / "checkpoint.old")
    place = find_checkpoint(checkpoint)
    assert place is not None
    assert read_progress(place) == progress
    copy_trunk(tmp_path, tmp_path / "copy")
    assert read_progress(tmp_path / "copy" / "checkpoint").step == progress.step == 3
    train(short, packed, tmp_path, clock=still, weights="float32")
    assert losses(tmp_path) == unbroken
    assert [path.name for path in checkpoint.iterdir()] == ["state.safetensors"]


def test_a_damaged_checkpoint_is_refused(short, packed, tmp_path):
    train(short, packed, tmp_path, clock=still, weights="float32")
    (tmp_path / "checkpoint" / "state.safetensors").write_bytes(b"{")
    with pytest.raises(CheckpointError, match="is damaged"):
        train(short, packed, tmp_path, clock=still)


def test_another_recipes_directory_is_refused(short, packed, tmp_path):
    train(short, packed, tmp_path, clock=still, weights="float32")
    other = replace(short, training=replace(short.training, warmup_steps=99))
    with pytest.raises(InvalidInputError, match="holds a run of another recipe"):
        train(other, packed, tmp_path, clock=still)


def test_a_checkpoint_of_another_shape_is_refused(short, packed, tmp_path):
    train(short, packed, tmp_path, clock=still, weights="float32")
    wider = replace(short, model=replace(short.model, hidden_size=96))
    split, sizes = read_split(packed, "train"), Vocabularies(packed / "tokenizer").sizes
    trainer = Trainer(wider, fresh(wider, *sizes), split, tmp_path, clock=still)
    with pytest.raises(CheckpointError, match="does not fit this recipe"):
        trainer.resume()


def test_the_wall_clock_budget_ends_a_run_and_is_planned_for(short, packed, tmp_path):
    """Each look at the clock costs a second: the run must stop in time with its rate at zero."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0
        return now

    endless = replace(short, training=replace(short.training, max_steps=10**6, warmup_steps=1))
    endless = replace(endless, contrastive=replace(endless.contrastive, max_steps=10**6, share=0.2))
    train(endless, packed, tmp_path, minutes=0.5, clock=clock, weights="float32")
    steps = [line for line in read_metrics(tmp_path / "metrics.jsonl") if line["event"] == "step"]
    assert 29.0 <= steps[-1]["seconds"] <= 31.0  # the last step began in time
    rates = [line["rate"] for line in steps if line["stage"] == "translation"]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.1 * rates[0]
    shares = [line for line in steps if line["stage"] == "contrastive"]
    assert len(shares) == pytest.approx(0.2 * 30, abs=2)


def test_commands_that_stop_early_make_one_run_of_the_whole_budget(short, packed, tmp_path):
    """Each look at the clock costs a second: 30 seconds in commands of 12."""
    ticks = itertools.count(1.0)
    endless = replace(
        short,
        training=replace(short.training, max_steps=10**6, warmup_steps=1),
        contrastive=replace(short.contrastive, max_steps=10**6, share=0.1),
    )
    settings = {"minutes": 0.5, "stop_after": 0.2, "clock": lambda: next(ticks)}
    outcomes = [train(endless, packed, tmp_path, weights="float32", **settings) for _ in range(3)]
    assert [outcome.version is None for outcome in outcomes] == [True, True, False]
    left = [60 * outcome.minutes_left for outcome in outcomes]
    assert left == pytest.approx([18, 6, 0], abs=2)
    steps = [line for line in read_metrics(tmp_path / "metrics.jsonl") if line["event"] == "step"]
    rates = [line["rate"] for line in steps if line["stage"] == "translation"]
    assert rates == sorted(rates, reverse=True)
    assert min(rates[len(rates) // 3 :][:2]) > 0.4 * rates[0]  # the first stop anneals nothing
    assert rates[-1] < 0.1 * rates[0]


def test_a_command_makes_a_step_however_soon_it_must_stop(short, packed, tmp_path):
    ticks = itertools.count(1.0)
    settings = {"stop_after": 0.01, "clock": lambda: next(ticks)}
    assert [train(short, packed, tmp_path, **settings).steps for _ in range(3)] == [1, 2, 3]
    with pytest.raises(InvalidInputError, match="--stop-after is 0; allowed is above 0"):
        train(short, packed, tmp_path, stop_after=0, clock=still)


def trainer_with_answers(recipe, packed, directory, answers: list[float], seen=None) -> Trainer:
    """A trainer whose evaluations find these dev losses; ``seen`` collects the models."""
    left = iter(answers)

    def evaluate(model):
        if seen is not None:
            seen.append(model)
        return {"loss": next(left)}

    return Trainer(
        recipe,
        fresh(recipe, *Vocabularies(packed / "tokenizer").sizes),
        read_split(packed, "train"),
        directory,
        clock=still,
        evaluate=evaluate,
    )


@pytest.fixture(scope="module")
def impatient(short):
    settings = replace(short.training, max_steps=50, patience=2, evaluate_minutes=0.0)
    return replace(short, training=settings)


def same_weights(left: torch.nn.Module, right: torch.nn.Module) -> bool:
    pairs = zip(left.state_dict().values(), right.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def test_patience_stops_a_run_that_no_longer_improves_at_its_best(impatient, packed, tmp_path):
    seen: list[torch.nn.Module] = []
    trainer = trainer_with_answers(impatient, packed, tmp_path, [5.0, 4.0, 4.5, 4.6], seen)
    progress = trainer.run()
    assert (progress.step, progress.best, progress.scores) == (4, 4.0, {"loss": 4.0})
    assert [same_weights(trainer.chosen(), model) for model in seen] == [False, True, False, False]


def test_a_run_that_patience_stopped_is_not_trained_on(impatient, packed, tmp_path):
    first = trainer_with_answers(impatient, packed, tmp_path, [5.0, 4.0, 4.5, 4.6])
    first.run()
    again = trainer_with_answers(impatient, packed, tmp_path, [])
    assert again.resume()
    assert again.run() == first.progress
    assert same_weights(again.chosen(), first.chosen())


def test_the_last_evaluation_is_saved_with_the_run(short, packed, tmp_path):
    first = train(short, packed, tmp_path, clock=still, weights="float32")
    assert read_progress(tmp_path / "checkpoint").scores == first.dev
    again = train(short, packed, tmp_path, clock=still, weights="float32")
    assert again.dev == first.dev
    lines = read_metrics(tmp_path / "metrics.jsonl")
    assert sum(line["event"] == "evaluation" for line in lines) == 1
