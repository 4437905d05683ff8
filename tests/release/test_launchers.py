"""What the launchers tell the services that they start; real starts are in ``tests/e2e``."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import yaml

from release.rollout.settings import APPLIED
from release.rollout.site import apply_settings, open_site
from release.running import launchers
from release.running.launchers import ContainerLauncher, Place, ProcessLauncher
from tests.release.stub_site import World
from tests.serving.live_server import wait_until

COMPOSE = Path(__file__).resolve().parents[2] / "deploy" / "compose.yaml"
BEHIND_A_PROXY = "CSANMT_TRUST_PROXY"
BLUE = Place("blue", "127.0.0.1:3001")


def container_tool(folder: Path) -> Path:
    """A program that succeeds and notes what it was asked, a word a line."""
    tool = folder / "tool"
    tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {folder}/asked\nenv > {folder}/variables\n')
    tool.chmod(0o755)
    return tool


@pytest.mark.parametrize("own", [{}, {BEHIND_A_PROXY: "0"}])
@pytest.mark.parametrize("kind", ["process", "container"])
def test_a_service_is_told_that_nginx_speaks_for_the_clients(
    tmp_path: Path, kind: str, own: dict[str, str]
) -> None:
    lines = "".join(f'{name} = "{value}"\n' for name, value in own.items())
    (tmp_path / "rollout.toml").write_text(f'launcher = "{kind}"\n[environment]\n{lines}')
    site = open_site(tmp_path, tmp_path / "store", tmp_path / "ledger", "test")
    assert isinstance(site.launcher, (ProcessLauncher, ContainerLauncher))
    assert site.launcher.environment[BEHIND_A_PROXY] == own.get(BEHIND_A_PROXY, "1")


def test_a_container_is_told_where_to_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = container_tool(tmp_path)
    monkeypatch.setattr(launchers, "find_tool", lambda *_: str(tool))
    ContainerLauncher(environment={"CSANMT_X": "secret"}).start("csanmt:v1.0.0-abc1234", BLUE)
    asked = (tmp_path / "asked").read_text()
    assert {"--env=CSANMT_X", "--env=CSANMT_HOST"} <= set(asked.splitlines())
    assert "secret" not in asked  # which ps shows to everybody
    variables = (tmp_path / "variables").read_text().splitlines()
    assert {"CSANMT_X=secret", "CSANMT_HOST=127.0.0.1"} <= set(variables)


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_settings_that_were_applied_are_as_secret_as_they_were_written(
    world: World, mode: int
) -> None:
    settings = world.site.home / "rollout.toml"
    settings.write_text(
        '[environment]\nCSANMT_API_KEYS = "secret"\n'
        '[nginx]\nblue = "127.0.0.1:1"\ngreen = "127.0.0.1:2"\n'
    )
    settings.chmod(mode)
    apply_settings(world.site)
    applied = world.site.home / APPLIED
    assert applied.read_text().startswith(settings.read_text())
    assert applied.stat().st_mode & 0o777 == mode


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProcessLauncher:
    """Starts, for a bento, a process with a worker in a session of its own; both ignore SIGTERM."""
    program = tmp_path / "python"
    program.write_text(
        "#!/bin/sh\ntrap '' TERM\nsetsid sleep 600 &\n"
        "echo started >&2\nwhile :; do sleep 600; done\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(launchers.sys, "executable", str(program))
    (tmp_path / "store" / "bentos" / "csanmt" / "v1").mkdir(parents=True)
    return ProcessLauncher(tmp_path, tmp_path / "store")


def test_a_worker_in_a_session_of_its_own_is_stopped_with_the_rest(
    launcher: ProcessLauncher,
) -> None:
    handle = launcher.start("csanmt:v1", BLUE)
    wait_until(lambda: "started" in launcher.last_words(BLUE), 30)
    os.kill(int(handle.partition(":")[0]), signal.SIGKILL)  # as by an OOM kill
    wait_until(lambda: not launcher.alive(handle), 30)
    assert launcher.runs(BLUE)
    launcher.stop(BLUE, deadline_seconds=0.2)
    assert not launcher.runs(BLUE)


def test_who_ignores_being_told_to_stop_is_killed_whole(launcher: ProcessLauncher) -> None:
    handle = launcher.start("csanmt:v1", BLUE)
    wait_until(lambda: "started" in launcher.last_words(BLUE), 30)
    launcher.stop(BLUE, deadline_seconds=0.2)
    assert not launcher.alive(handle)
    assert not launcher.runs(BLUE)


def test_compose_tells_its_colours_the_same() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    for colour in ("blue", "green"):
        assert services[colour]["environment"][BEHIND_A_PROXY] == "1"
