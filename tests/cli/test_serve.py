"""What ``csanmt serve`` hands to the server; real starts are in ``tests/e2e``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from model_store.store import ModelStore
from serving.http.keys import hash_key
from serving.settings import Settings
from tests.model_store.tiny_model import write_model
from tests.serving.live_server import STUB, free_port, server_environment

PATHS = (
    "CSANMT_API_KEYS_FILE",
    "CSANMT_GLOSSARIES_FILE",
    "CSANMT_MEMORY_FILE",
    "CSANMT_SUGGESTIONS_FILE",
)


@pytest.fixture
def handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[Path, dict[str, str]]]:
    """Where servers would have been started, and their environments; the test is in tmp_path."""
    started: list[tuple[Path, dict[str, str]]] = []

    def note(_program: str, _command: list[str], environment: dict[str, str]) -> None:
        started.append((Path.cwd(), environment))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "execve", note)
    environment = server_environment(tmp_path / "home", port=free_port(), **STUB)
    monkeypatch.setattr(os, "environ", environment)
    return started


def test_relative_paths_mean_the_same_to_the_server(
    csanmt, handed_over: list[tuple[Path, dict[str, str]]], tmp_path: Path
) -> None:
    keys = {"keys": [{"name": "a", "sha256": hash_key("csk_a")}]}
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    os.environ.update({name: f"data/{name}" for name in PATHS[1:]})
    outcome = csanmt("serve", "--api-keys-file", "keys.json")
    assert outcome.status == 0, outcome.err
    ((folder, environment),) = handed_over
    assert folder != tmp_path
    assert environment[PATHS[0]] == str(tmp_path / "keys.json")
    for name in PATHS[1:]:
        assert environment[name] == str(tmp_path / "data" / name)


def test_every_setting_that_is_a_path_is_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = (*PATHS, "CSANMT_MODEL_DIRECTORY")
    read = Settings.from_environment({name: name for name in names}).to_environment()
    assert read == {name: str(tmp_path / name) for name in names}


def test_help_names_the_default_model(csanmt) -> None:
    assert f"({Settings().model})" in csanmt("serve", "--help").out


def test_a_store_that_cannot_be_written_serves(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "home")
    store.save(write_model(tmp_path / "model"), "small:v1.0.0")
    environment = server_environment(store.home, port=free_port(), model="small:v1.0.0")
    script = (
        f"mount --bind {store.home} {store.home} && mount -o remount,ro,bind {store.home} "
        f"|| exit 77\n! touch {store.home}/x 2>/dev/null && "
        f"exec {sys.executable} -m cli.main serve --check"
    )
    outcome = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env=environment,
    )
    if outcome.returncode == 77 or "unshare" in outcome.stderr:
        pytest.skip("user namespaces with bind mounts are not allowed here")
    assert outcome.returncode == 0, outcome.stderr
    assert "ready to serve" in outcome.stderr
