"""Start a built version, wait until it is ready, run the API tests, stop it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from csanmt.errors import IntegrityError, UnavailableError
from release.running.command import CommandError, run_command
from release.running.containers import RUNTIMES, find_tool

READY_SECONDS = 180.0
STOP_SECONDS = 60
LAST_LINES = 20


class Running(Protocol):
    """A version that was started."""

    url: str

    def await_ready(self) -> None:
        """Return when ``/readyz`` answers 200.

        Raises:
            UnavailableError: it ended, or was not ready in time; with its last words.
        """

    def stop(self) -> int:
        """Ask it to end, wait, and return its exit status (0 after draining)."""


def await_url(
    url: str, alive: Callable[[], bool], words: Callable[[], str], seconds: float = READY_SECONDS
) -> None:
    """Poll ``url/readyz`` until it answers 200, the service ends or time runs out.

    Raises:
        UnavailableError: with what ``words`` returns.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        if not alive():
            raise UnavailableError(f"the service ended before it was ready: {words()}")
        time.sleep(0.1)
    raise UnavailableError(f"the service was not ready in {seconds:g} s: {words()}")


def run_options(tool: str) -> list[str]:
    """Return what a tool needs where there is no systemd and crun may not set limits."""
    if tool != "podman" or not shutil.which("runc"):
        return []
    limits = [f"--ulimit={name}=8192:8192" for name in ("nofile", "nproc")]
    return ["--runtime", "runc", *limits]


class ContainerRun:
    """An image run by podman or docker: read-only, not root, on the host's network.

    Args:
        image: name in local storage.
        port: a free port of this machine.

    Raises:
        EngineUnavailableError: neither podman nor docker is installed.
        CommandError: it does not start.
    """

    def __init__(self, image: str, port: int) -> None:
        self._tool = find_tool(RUNTIMES)
        self._name = f"csanmt-smoke-{port}"
        self.url = f"http://127.0.0.1:{port}"
        self._remove()
        command = [
            self._tool, "run", "--detach", "--name", self._name, "--network", "host",
            "--read-only", "--tmpfs", "/tmp", "--env", f"CSANMT_PORT={port}",
            "--env", "CSANMT_HOST=127.0.0.1", *run_options(self._tool), image,
        ]  # fmt: skip
        run_command(command, timeout=120)

    def await_ready(self) -> None:
        """See :class:`Running`."""
        await_url(self.url, self._alive, self._words)

    def stop(self) -> int:
        """See :class:`Running`."""
        run_command([self._tool, "stop", "--time", str(STOP_SECONDS), self._name], timeout=120)
        state = self._inspect("{{.State.ExitCode}}")
        self._remove()
        return int(state)

    def _alive(self) -> bool:
        return self._inspect("{{.State.Running}}") == "true"

    def _inspect(self, form: str) -> str:
        return run_command([self._tool, "inspect", "--format", form, self._name]).strip()

    def _words(self) -> str:
        words = [self._tool, "logs", "--tail", str(LAST_LINES), self._name]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def _remove(self) -> None:
        words = [self._tool, "rm", "--force", self._name]
        subprocess.run(words, capture_output=True, check=False)


class BentoRun:
    """A bento served by a process of this machine, in a BENTOML_HOME of its own.

    Args:
        bento: ``csanmt:v1.2.0-abc1234``.
        store_home: the BENTOML_HOME it is in; linked, since two servers cannot share one.
        port: a free port of this machine.
    """

    def __init__(self, bento: str, store_home: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._home = Path(tempfile.mkdtemp(prefix="csanmt-smoke-"))
        for part in ("bentos", "models"):
            (self._home / part).symlink_to(store_home / part)
        self._log = self._home / "log"
        environment = {
            **os.environ, "BENTOML_HOME": str(self._home), "CSANMT_PORT": str(port),
            "CSANMT_HOST": "127.0.0.1", "BENTOML_DO_NOT_TRACK": "true",
        }  # fmt: skip
        command = [sys.executable, "-m", "bentoml", "serve", bento, "--port", str(port)]
        with self._log.open("wb") as sink:
            self._process = subprocess.Popen(
                command, cwd=self._home, env=environment, stdin=subprocess.DEVNULL,
                stdout=sink, stderr=sink,
            )  # fmt: skip

    def await_ready(self) -> None:
        """See :class:`Running`."""
        await_url(self.url, lambda: self._process.poll() is None, self._words)

    def stop(self) -> int:
        """See :class:`Running`."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            shutil.rmtree(self._home, ignore_errors=True)

    def _words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])


def ask_api(url: str, tests: Path, api_key: str = "") -> str:
    """Run the API tests against ``url`` and return their summary line.

    Raises:
        IntegrityError: a test failed, or none ran.
    """
    command = [
        sys.executable, "-m", "pytest", str(tests), "-q", "--no-header", "-p", "no:cacheprovider",
        "-W", "ignore", "-p", "pytest_timeout",
    ]  # fmt: skip
    # Without the plugins of browsers, schemas and the rest, which take seconds to load.
    environment = {**os.environ, "CSANMT_URL": url, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if api_key:
        environment["CSANMT_API_KEY"] = api_key
    try:
        output = run_command(command, cwd=tests.parent.parent, environment=environment, timeout=600)
    except CommandError as error:
        raise IntegrityError(f"the API tests failed: {error}") from error
    summary = output.strip().splitlines()[-1].strip("= ")
    if " passed" not in f" {summary}":
        raise IntegrityError(f"no API test ran: {summary}")
    return f"API tests: {summary}"
