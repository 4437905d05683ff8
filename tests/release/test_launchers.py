"""What the launchers tell the services that they start; real starts are in ``tests/e2e``."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from release.rollout import launchers
from release.rollout.launchers import ContainerLauncher, ProcessLauncher
from tests.serving.live_server import wait_until

COMPOSE = Path(__file__).resolve().parents[2] / "deploy" / "compose.yaml"
BEHIND_A_PROXY = "CSANMT_TRUST_PROXY"


def container_tool(folder: Path) -> Path:
    """A program that succeeds and notes what it was asked, a word a line."""
    tool = folder / "tool"
    tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {folder}/asked\n')
    tool.chmod(0o755)
    return tool


@pytest.mark.parametrize("own", [{}, {BEHIND_A_PROXY: "0"}])
def test_a_container_is_told_that_nginx_speaks_for_the_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: dict[str, str]
) -> None:
    tool = container_tool(tmp_path)
    monkeypatch.setattr(launchers, "find_tool", lambda *_: str(tool))
    ContainerLauncher(environment=own).start("csanmt:v1.0.0-abc1234", "blue", "127.0.0.1:3001")
    asked = (tmp_path / "asked").read_text().splitlines()
    assert f"--env={BEHIND_A_PROXY}={own.get(BEHIND_A_PROXY, '1')}" in asked
    assert "--env=CSANMT_HOST=127.0.0.1" in asked


def test_a_process_is_told_that_nginx_speaks_for_the_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nenv\n")
    program.chmod(0o755)
    monkeypatch.setattr(launchers.sys, "executable", str(program))
    monkeypatch.delenv(BEHIND_A_PROXY, raising=False)
    (tmp_path / "store" / "bentos" / "csanmt" / "v1").mkdir(parents=True)
    launcher = ProcessLauncher(tmp_path, tmp_path / "store")
    handle = launcher.start("csanmt:v1", "blue", "127.0.0.1:3001")
    wait_until(lambda: not launcher.alive(handle), 30)
    assert f"{BEHIND_A_PROXY}=1" in (tmp_path / "blue.log").read_text().splitlines()


def test_compose_tells_its_colours_the_same() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    for colour in ("blue", "green"):
        assert services[colour]["environment"][BEHIND_A_PROXY] == "1"
