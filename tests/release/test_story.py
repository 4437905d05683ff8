"""The workflow that `make story` executes is one that it understands whole."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

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


def test_what_may_miss_a_database_is_a_step() -> None:
    assert set(NEEDS_NETWORK) <= {step.get("name") for _, step in STEPS}
