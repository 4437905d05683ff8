"""A store of its own and a way to run ``csanmt`` in this process, for every test."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from model_store.store import ModelStore
from tests.model_store.tiny_model import write_model


@dataclass(frozen=True)
class CommandResult:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def csanmt(capsys: pytest.CaptureFixture[str]) -> Callable[..., CommandResult]:
    """Run ``csanmt WORD…``; bad usage, which ends the process, is an outcome like any other."""

    def run(*words: object) -> CommandResult:
        try:
            status = main([str(word) for word in words])
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return CommandResult(status, captured.out, captured.err)

    return run


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CSANMT_DEBUG", raising=False)
    monkeypatch.delenv("CSANMT_ENGINE", raising=False)
    return ModelStore.from_environment()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")
