"""Runs a version as a local process from a bento, or as a container from an image."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from csanmt.errors import NotFoundError, UnavailableError
from release.rollout.processes import birth
from release.rollout.traffic import Colour
from release.running.containers import RUNTIMES, find_tool
from release.running.smoke import run_options

BEHIND_NGINX = {"CSANMT_TRUST_PROXY": "1"}  # who asks, and by which name, is what nginx says


@dataclass(frozen=True, slots=True)
class ProcessLauncher:
    """``bentoml serve`` in a session of its own, with a BENTOML_HOME per colour.

    Two live servers must not share a BENTOML_HOME: the metrics' folder inside is wiped
    at start. The colours' homes share the immutable stores by symbolic links.

    Args:
        directory: where the homes and the logs go.
        store: the BENTOML_HOME whose bentos and models are served.
        environment: variables added for the service (``CSANMT_…``).
    """

    directory: Path
    store: Path
    environment: dict[str, str] = field(default_factory=dict)
    kind: str = "process"

    def require(self, bento: str) -> None:
        name, _, version = bento.partition(":")
        if not version or not (self.store / "bentos" / name / version).is_dir():
            raise NotFoundError(f"bento {bento} is not in {self.store}; build it first")

    def start(self, bento: str, colour: Colour, address: str) -> str:
        self.require(bento)
        host, _, port = address.rpartition(":")
        home = self._home(colour)
        log = (self.directory / f"{colour}.log").open("ab")
        command = [
            sys.executable, "-m", "bentoml", "serve", bento,
            "--host", host, "--port", port,
        ]  # fmt: skip
        process = subprocess.Popen(
            command,
            cwd=home,
            env={**BEHIND_NGINX, **os.environ, **self.environment, "BENTOML_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        return f"{process.pid}:{birth(process.pid)}"

    def adopt(self, colour: Colour, address: str) -> str:
        raise NotFoundError("only containers can be taken over; let this one be started instead")

    def alive(self, handle: str) -> bool:
        return _pid(handle) is not None

    def stop(self, handle: str, deadline_seconds: float = 60.0) -> None:
        pid = _pid(handle)
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + deadline_seconds
        while _pid(handle) is not None:
            if time.monotonic() > end:
                os.killpg(pid, signal.SIGKILL)
                return
            time.sleep(0.05)

    def _home(self, colour: Colour) -> Path:
        home = self.directory / f"{colour}-home"
        home.mkdir(parents=True, exist_ok=True)
        for part in ("bentos", "models"):
            link = home / part
            (self.store / part).mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(self.store / part)
        return home


@dataclass(frozen=True, slots=True)
class ContainerLauncher:
    """``podman`` or ``docker run`` of an image, on the host's network, read-only.

    Args:
        runtime: the container tool; the first found of podman and docker by default.
        options: more arguments of ``run``, e.g. ``("--memory", "1g")``.
    """

    runtime: str = ""
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    kind: str = "container"

    def require(self, bento: str) -> None:
        tool = self._tool()
        if subprocess.run([tool, "image", "inspect", bento], capture_output=True).returncode:
            raise NotFoundError(f"image {bento} is not known to {tool}; build or pull it first")

    def start(self, bento: str, colour: Colour, address: str) -> str:
        self.require(bento)
        tool = self._tool()
        host, _, port = address.rpartition(":")
        name = _container(colour, address)
        subprocess.run([tool, "rm", "-f", name], capture_output=True)
        # The image listens on every interface unless it is told otherwise.
        listen = {"CSANMT_HOST": host, "CSANMT_PORT": port}
        variables = {**BEHIND_NGINX, **listen, **self.environment}
        command = [
            tool, "run", "--detach", "--name", name, "--network", "host", "--read-only",
            "--tmpfs", "/tmp", *run_options(tool), *self.options,
            *(f"--env={key}={value}" for key, value in variables.items()), bento,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise UnavailableError(f"{tool} could not start {bento}: {done.stderr.strip()}")
        return done.stdout.strip()

    def adopt(self, colour: Colour, address: str) -> str:
        name = _container(colour, address)
        if not self.alive(name):
            raise NotFoundError(f"no container {name} is running")
        return name

    def alive(self, handle: str) -> bool:
        command = [self._tool(), "inspect", "--format", "{{.State.Running}}", handle]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout.strip() == "true"

    def stop(self, handle: str, deadline_seconds: float = 60.0) -> None:
        command = [self._tool(), "stop", "--time", str(int(deadline_seconds)), handle]
        subprocess.run(command, capture_output=True)

    def _tool(self) -> str:
        return find_tool(RUNTIMES, self.runtime or None)


def _container(colour: Colour, address: str) -> str:
    return f"csanmt-{colour}-{address.rpartition(':')[2]}"


def _pid(handle: str) -> int | None:
    """The process of a handle ``pid:birth`` if it still runs."""
    number, _, born = handle.partition(":")
    pid = int(number)
    try:
        reaped, _status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        reaped = 0
    return None if reaped or not born or birth(pid) != born else pid
