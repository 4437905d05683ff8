"""A release's page shows the changelog's section of its version."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import copyfile

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "release_notes.sh"
CHANGELOG = """# Changelog

## [1.2.0] - 2026-02-02

- new

## [1.1.0] - 2026-01-01

- old
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    copyfile(SCRIPT, tmp_path / "scripts" / "notes.sh")
    return tmp_path / "scripts" / "notes.sh"


@pytest.mark.parametrize(
    ("version", "status", "notes"),
    [
        ("v1.2.0", 0, "- new\n"),
        ("v1.1.0", 0, "- old\n"),
        ("v1.1.0-fix-x", 0, "- old\n"),
        ("v1.3.0", 4, ""),
        ("v1.1.01", 4, ""),
    ],
)
def test_release_notes_are_the_changelogs_section(script, version, status, notes) -> None:
    done = subprocess.run(["sh", str(script), version], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (status, notes)
    assert ("says nothing about" in done.stderr) == bool(status)
