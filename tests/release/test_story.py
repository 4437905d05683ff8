"""The workflow that `make story` executes is one that it understands whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from csanmt.source_tree import SOURCE_TREE
from tests.e2e.story import NEEDS_NETWORK, WORKFLOW, Story, expressions, filled

STEPS = [
    (name, step)
    for name, job in yaml.safe_load(WORKFLOW.read_text())["jobs"].items()
    for step in job["steps"]
    if "run" in step
]


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "signing-key").write_text("key\n")
    return Story(tmp_path, "127.0.0.1:5000").values("v1.2.3", tmp_path)


def test_every_expression_of_the_workflow_has_a_meaning(values: dict[str, str]) -> None:
    assert set(expressions()) <= set(values)


@pytest.mark.parametrize(("job", "step"), STEPS)
def test_a_step_is_a_script_of_this_machines_registry(
    job: str, step: dict[str, str], values: dict[str, str]
) -> None:
    script = filled({"run": step["run"]}, values)["run"]
    assert "${{" not in script
    assert "ghcr.io" not in script
    done = subprocess.run(["bash", "-n", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_page_of_a_release_gets_what_proves_it(tmp_path: Path) -> None:
    """The last step for real, in a checkout of what it reads."""
    (tmp_path / "signing-key").write_text("key\n")
    story, work = Story(tmp_path, "127.0.0.1:5000"), tmp_path / "work"
    made = work / "dist" / "v0.1.0-abc1234"
    (work / "dist" / "gate").mkdir(parents=True)
    made.mkdir()
    for name in ("build.json", "verdict.json", "verdict.json.sig", "SHA256SUMS", "build.log"):
        (made / name).write_text(name)
    (work / "dist" / "gate" / "report.html").write_text("report")
    (work / "scripts").mkdir()
    for name in ("scripts/release_notes.sh", "CHANGELOG.md"):
        shutil.copy(SOURCE_TREE / name, work / name)
    (work / ".venv").symlink_to(sys.prefix)
    for words in (
        ["init", "-q"],
        ["add", "CHANGELOG.md"],
        ["commit", "-qm", "x"],
        ["tag", "v0.1.0"],
    ):
        subprocess.run(["git", *words], cwd=work, env=story.environment, check=True)
    values = story.values("v0.1.0", work)
    step = STEPS[-1][1]
    given = {"VERSION": "v0.1.0", "CSANMT_LEDGER": str(tmp_path / "ledger.sqlite3")}
    script = filled({"run": step["run"]}, values)["run"]
    done = story.run(["bash", "-eo", "pipefail", "-c", script], work, given)
    assert done.returncode == 0, done.stdout
    assert {path.name for path in story.page.iterdir()} == {
        "build.json",
        "verdict.json",
        "verdict.json.sig",
        "SHA256SUMS",
        "history.json",
        "report.html",
        "notes.md",
    }


def test_what_may_miss_a_database_is_a_step() -> None:
    assert set(NEEDS_NETWORK) <= {step.get("name") for _, step in STEPS}
