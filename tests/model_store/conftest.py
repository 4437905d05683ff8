"""A tiny model directory and a store of its own for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from model_store.store import ModelStore
from tests.model_store.tiny_model import write_model


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flushing matters when the power fails, not when a process is killed; one test counts it."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    return ModelStore.from_environment()
