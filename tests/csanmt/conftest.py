from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.csanmt.golden import GOLDENS, Golden, open_golden

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Golden]:
    """Fixture by name, imported once a session."""
    opened: dict[str, Golden] = {}

    def get(name: str) -> Golden:
        if name not in opened:
            opened[name] = open_golden(name, tmp_path_factory.mktemp("golden") / name)
        return opened[name]

    return get


@pytest.fixture(scope="session", params=sorted(p.parent.name for p in GOLDENS.glob("*/cases.json")))
def each_golden(request: pytest.FixtureRequest, golden: Callable[[str], Golden]) -> Golden:
    return golden(request.param)


@pytest.fixture(scope="session")
def tiny_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.fixtures_tiny import tiny_model_dir

    return tiny_model_dir(tmp_path_factory.mktemp("tiny") / "model")
