"""What listens at a colour's, the front's or a webhook's address and speaks no HTTP."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import BadStatusLine
from pathlib import Path
from socket import create_server

import pytest

from release.rollout import nginx_program
from release.rollout.nginx import NginxRouter
from release.rollout.nginx_program import LocalNginx
from release.rollout.settings import NginxSettings
from release.rollout.site import Alert
from release.rollout.upkeep import Upkeep
from release.running.service import HttpService
from tests.release.stub_site import World, two_versions


@pytest.fixture
def stranger() -> Iterator[str]:
    """``host:port`` of something that greets everybody as a mail server does."""
    with create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client, suppress(OSError):
                        client.sendall(b"220 mail.example.org\r\n")
                        client.recv(65536)

        threading.Thread(target=greet, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


class Nothing(LocalNginx):
    """An nginx that does not run."""

    def __init__(self) -> None: ...

    def master(self) -> None: ...

    def orphaned(self) -> bool:
        return False


def test_a_stranger_is_not_ready_no_front_and_no_webhook(stranger: str, tmp_path: Path) -> None:
    assert not HttpService(f"http://{stranger}").ready()
    assert NginxRouter(tmp_path, NginxSettings(listen=stranger), Nothing()).live() is None
    Alert(f"http://{stranger}").send("ill", {})


def test_a_program_that_hangs_is_a_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda *words, timeout, **more: run(*words, timeout=0.1, **more)
    )
    done = nginx_program._run([sys.executable, "-c", "import time; time.sleep(30)"])
    assert "did not end within" in nginx_program._complaint(done)


def test_upkeep_outlives_what_nobody_foresaw(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    two_versions(world)
    told: list[str] = []

    def ready(timeout: float) -> bool:
        raise BadStatusLine("220 mail.example.org")

    monkeypatch.setattr(world.services["green"], "ready", ready)
    Upkeep(world.site, told.append).tend()
    assert told == ["upkeep: 220 mail.example.org"]
