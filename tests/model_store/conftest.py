"""A tiny model directory and a store of its own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_store.store import ModelStore
from tests.model_store.tiny_model import write_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    return ModelStore.from_environment()
