"""Packed data of the tiny recipe, made once a session, and smaller runs on it."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.preparation import prepare
from training.recipe import Recipe, load_recipe

torch.set_num_threads(1)
RECIPES = Path(__file__).parents[2] / "training" / "recipes"


@pytest.fixture(scope="session")
def tiny() -> Recipe:
    return load_recipe(RECIPES / "tiny.toml")


@pytest.fixture(scope="session")
def packed(tiny: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packed")
    prepare(tiny, RECIPES, out)
    return out


@pytest.fixture(scope="session")
def short(tiny: Recipe) -> Recipe:
    """Four contrastive and six translation steps of the tiny recipe, saved after each."""
    return replace(
        tiny,
        contrastive=replace(tiny.contrastive, max_steps=4, batch=16),
        training=replace(
            tiny.training,
            max_steps=6,
            batch_tokens=128,
            accumulation=2,
            workers=2,
            checkpoint_minutes=0.0,
            evaluate_minutes=1000.0,
        ),
        evaluation=replace(tiny.evaluation, sentences=0),
    )
