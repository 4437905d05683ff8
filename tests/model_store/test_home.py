"""Where the store is."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_store import ModelStore
from model_store.home import SOURCE_TREE, bentomls_home, store_home


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "service.py").touch()
    return tmp_path


def test_source_tree_keeps_its_own_store(tree):
    assert store_home({}, tree) == tree / ".bentoml"
    assert store_home({"BENTOML_HOME": ""}, tree) == tree / ".bentoml"
    assert (SOURCE_TREE / "service.py").is_file()
    assert ModelStore.from_environment({}).home == SOURCE_TREE / ".bentoml"


def test_environment_wins_and_may_hold_variables_and_a_tilde(tree, monkeypatch):
    monkeypatch.setenv("HOME", "/home/of-someone")
    monkeypatch.setenv("PLACE", "stores")
    assert store_home({"BENTOML_HOME": "~/$PLACE"}, tree) == Path("/home/of-someone/stores")


def test_package_without_its_tree_uses_bentomls_store(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/of-someone")
    assert store_home({}, tmp_path) == bentomls_home({}) == Path("/home/of-someone/bentoml")
