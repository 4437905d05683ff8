"""`make install` where the engine cannot be built: it fails only where nothing could serve."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The install scripts, with a pip that installs nothing and fails as $BUILD says."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "engine").mkdir()
    (tmp_path / "modules").mkdir()
    for name in ("engine/CMakeLists.txt", "requirements-frozen.txt", "pyproject.toml"):
        (tmp_path / name).write_text("")
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    # -S: without the packages of this environment; modules/ holds those that are there.
    programs = {
        "python": f'PYTHONPATH=modules exec "{sys.executable}" -S "$@"',
        "pip": 'case "$*" in *./engine) echo "no compiler"; exit "$BUILD";; esac',
    }
    for name, script in programs.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    return tmp_path


def install(checkout: Path, *, build: int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BUILD": str(build), "CXX": "c++", "VENV": ".venv"}
    command = ["sh", "scripts/install.sh", "serving"]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("modules", "status", "words"),
    [
        ((), 1, "nothing here can translate: install a C++ compiler"),
        (("torch",), 1, "run make install-dev"),
        (("torch", "transformers"), 0, "falls back to the torch engine"),
        (("csanmt_engine",), 0, "built before stays in use"),
    ],
)
def test_without_the_engine(
    checkout: Path, modules: tuple[str, ...], status: int, words: str
) -> None:
    for name in modules:
        (checkout / "modules" / f"{name}.py").write_text("")
    done = install(checkout, build=1)
    assert done.returncode == status, done.stderr
    assert "could not be built" in done.stderr
    assert words in done.stderr.splitlines()[-1]
    assert not list((checkout / ".venv").glob(".stamp-engine-*"))  # tried again next time


def test_an_engine_that_was_built_is_not_built_again(checkout: Path) -> None:
    first = install(checkout, build=0)
    assert (first.returncode, first.stderr) == (0, "")
    assert "building the native engine" in first.stdout
    second = install(checkout, build=1)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
