"""Runs a version as a local process from a bento, or as a container from an image.

What is started has a *place*: a name (a site's colour, or a trial) and an address. One
service runs at a place, outlives the command that started it, and is found again there
without any record. A version on trial is asked the API tests and stopped again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import service_process
from csanmt.errors import IntegrityError, NotFoundError, UnavailableError
from release.running.command import CommandError, run_command
from release.running.containers import RUNTIMES, find_tool

STOP_SECONDS = service_process.STOP_SECONDS


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service runs: its name, and its ``host:port``."""

    name: str
    address: str

    @property
    def url(self) -> str:
        return f"http://{self.address}"


@dataclass(frozen=True, slots=True)
class ProcessLauncher:
    """Starts and stops whole services: ``bentoml serve`` in sessions of their own.

    Each place has a BENTOML_HOME, which two live servers must not share: the metrics' folder inside
    is wiped at start. The places' homes share the immutable stores by symbolic links.

    Args:
        directory: where the homes and the logs go.
        store: the BENTOML_HOME whose bentos and models are served.
        environment: variables added for the service (``CSANMT_…``).
    """

    directory: Path
    store: Path
    environment: dict[str, str] = field(default_factory=dict)
    kind: str = "process"  # or "container"

    def require(self, bento: str) -> None:
        """See that there is something to start, before anything is stopped for it.

        Raises:
            NotFoundError: there is no such bento or image.
        """
        name, _, version = bento.partition(":")
        if not version or not (self.store / "bentos" / name / version).is_dir():
            raise NotFoundError(f"bento {bento} is not in {self.store}; build it first")

    def start(self, bento: str, place: Place) -> str:
        """Start it and return its handle; readiness is the caller's to await.

        Raises:
            NotFoundError: there is no such bento or image.
            UnavailableError: it could not be started.
        """
        self.require(bento)
        host, _, port = place.address.rpartition(":")
        listen = {"CSANMT_HOST": host, "CSANMT_PORT": port, "BENTOML_DO_NOT_TRACK": "true"}
        return service_process.start(
            [sys.executable, "-m", "bentoml", "serve", bento, "--host", host, "--port", port],
            self._make_home(place),
            self._log(place),
            environment={**os.environ, **listen, **self.environment},
        )

    def alive(self, handle: str) -> bool:
        """Whether what was started as ``handle`` still runs."""
        return service_process.alive(handle)

    def runs(self, place: Place) -> bool:
        """Whether any process of a service is left at a place, if only an orphaned worker."""
        return bool(service_process.members(self._home(place)))

    def stop(self, place: Place, deadline_seconds: float = STOP_SECONDS) -> int | None:
        """Let running requests finish, then end every process there; its exit status, if known."""
        return service_process.stop(self._home(place), deadline_seconds)

    def forget(self, place: Place) -> None:
        """Remove what a stopped service left at a place."""
        shutil.rmtree(self._home(place), ignore_errors=True)
        self._log(place).unlink(missing_ok=True)

    def log(self, place: Place) -> str:
        """Where the words of the service at a place are found."""
        return str(self._log(place))

    def last_words(self, place: Place) -> str:
        """The end of its log."""
        return service_process.last_words(self._log(place))

    def _home(self, place: Place) -> Path:
        return self.directory / f"{place.name}-home"

    def _log(self, place: Place) -> Path:
        return self.directory / f"{place.name}.log"

    def _make_home(self, place: Place) -> Path:
        home = self._home(place)
        home.mkdir(parents=True, exist_ok=True)
        for part in ("bentos", "models"):
            link = home / part
            (self.store / part).mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(self.store / part)
        return home


@dataclass(frozen=True, slots=True)
class ContainerLauncher:
    """The same by ``podman`` or ``docker run`` of an image, on the host's network, read-only.

    Args:
        options: more arguments of ``run``, e.g. ``("--memory", "1g")``.
    """

    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    kind: str = "container"

    def require(self, bento: str) -> None:
        tool = find_tool(RUNTIMES)
        if subprocess.run([tool, "image", "inspect", bento], capture_output=True).returncode:
            raise NotFoundError(f"image {bento} is not known to {tool}; build or pull it first")

    def start(self, bento: str, place: Place) -> str:
        self.require(bento)
        tool = find_tool(RUNTIMES)
        host, _, port = place.address.rpartition(":")
        subprocess.run([tool, "rm", "-f", _container(place)], capture_output=True)
        # The image listens on every interface unless it is told otherwise.
        variables = {"CSANMT_HOST": host, "CSANMT_PORT": port, **self.environment}
        command = [
            tool, "run", "--detach", "--name", _container(place), "--network", "host",
            "--read-only", "--tmpfs", "/tmp", *run_options(tool), *self.options,
            *(f"--env={key}" for key in variables), bento,
        ]  # fmt: skip
        # The values, secrets among them, go by its environment: anybody may read a command line.
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **variables}
        )
        if done.returncode:
            raise UnavailableError(f"{tool} could not start {bento}: {done.stderr.strip()}")
        return done.stdout.strip()

    def alive(self, handle: str) -> bool:
        return self._inspect(handle, "{{.State.Running}}") == "true"

    def runs(self, place: Place) -> bool:
        return self.alive(_container(place))

    def stop(self, place: Place, deadline_seconds: float = STOP_SECONDS) -> int | None:
        name = _container(place)
        command = [find_tool(RUNTIMES), "stop", "--time", str(int(deadline_seconds)), name]
        subprocess.run(command, capture_output=True)
        status = self._inspect(name, "{{.State.ExitCode}}")
        return int(status) if status.lstrip("-").isdigit() else None

    def forget(self, place: Place) -> None:
        subprocess.run([find_tool(RUNTIMES), "rm", "-f", _container(place)], capture_output=True)

    def log(self, place: Place) -> str:
        return f"{find_tool(RUNTIMES)} logs {_container(place)}"

    def last_words(self, place: Place) -> str:
        words = [find_tool(RUNTIMES), "logs", "--tail", "20", _container(place)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def _inspect(self, name: str, form: str) -> str:
        command = [find_tool(RUNTIMES), "inspect", "--format", form, name]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()


Launcher = ProcessLauncher | ContainerLauncher


def _container(place: Place) -> str:
    return f"csanmt-{place.name}-{place.address.rpartition(':')[2]}"


def run_options(tool: str) -> list[str]:
    """What ``run`` needs where there is no systemd and crun may not set limits."""
    if tool != "podman" or not shutil.which("runc"):
        return []
    limits = [f"--ulimit={name}=8192:8192" for name in ("nofile", "nproc")]
    return ["--runtime", "runc", *limits]


# -- a version on trial --------------------------------------------------------------------------


def try_version(launcher: Launcher, bento: str, port: int, tests: Path) -> str:
    """Start ``bento`` (or an image) on a free port, run the API tests, stop it; say how it went.

    Raises:
        UnavailableError: it ended, or was not ready in time; with its last words.
        IntegrityError: a test failed, or it did not end with 0 when told to stop.
    """
    place = Place("trial", f"127.0.0.1:{port}")
    handle = launcher.start(bento, place)
    try:
        service_process.await_ready(
            place.url, lambda: launcher.alive(handle), lambda: launcher.last_words(place)
        )
        summary = ask_api(place.url, tests)
    finally:
        status = launcher.stop(place)
        launcher.forget(place)
    if status != 0:
        raise IntegrityError(f"the service ended with {status} when told to stop, not with 0")
    return f"{summary}; drained and stopped"


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
