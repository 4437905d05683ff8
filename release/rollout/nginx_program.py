"""The nginx program itself: of this machine, or in a container that mounts its run directory."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.service_process import birth
from csanmt.errors import EngineUnavailableError, UnavailableError
from release.rollout.metrics import Clock
from release.running.containers import RUNTIMES, find_tool
from release.running.launchers import run_options

# How long a container may take to answer its running requests before it is killed.
STOP_SECONDS = 30
START_SECONDS = 5.0
CLOCK = Clock()
PIDFD_GETFD = 438  # the system call's number on every architecture; Python has no name for it
_libc = ctypes.CDLL(None, use_errno=True)


class LocalNginx:
    """Checks and controls the nginx that is installed here; ``directory`` holds its pid and logs.

    Raises:
        EngineUnavailableError: there is none.
    """

    def __init__(self, directory: Path, binary: str = "nginx") -> None:
        path = shutil.which(binary) or shutil.which(binary, path="/usr/sbin:/usr/local/sbin")
        if path is None:
            raise EngineUnavailableError(f"{binary} is not installed")
        self._command = [path, *_place(directory)]
        self._directory = directory

    def check(self, config: Path) -> str:
        """``nginx -t`` of ``config``: what it complains about, or nothing."""
        return _complaint(_run([*self._command, "-t", "-q", "-c", str(config)]))

    def start(self, config: Path, listen: str) -> None:
        """Start it in the background, in the place of workers whose master is gone.

        Args:
            listen: the address, ``host:port``, at which it will listen.

        Raises:
            UnavailableError: it did not start; says why.
        """
        orphans = self._orphans()
        socket = _borrow(orphans, listen) if orphans else None
        if socket is None:
            self.end_orphans()
            if why := _complaint(_run([*self._command, "-c", str(config)])):
                raise UnavailableError(f"nginx did not start: {why}")
            return
        # The new one accepts on the very socket of the orphans: nobody is refused meanwhile.
        with (self._directory / "error.log").open("ab") as log:
            subprocess.Popen(
                [*self._command, "-c", str(config)],
                env={**os.environ, "NGINX": f"{socket};"},
                pass_fds=(socket,),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        os.close(socket)
        if not CLOCK.until(self._accepts, START_SECONDS, 0.01):
            raise UnavailableError(f"nginx did not start; see {self._directory / 'error.log'}")
        for pid in orphans:
            _quit(pid)

    def orphaned(self) -> bool:
        """Whether workers whose master is gone serve on."""
        return bool(self._orphans())

    def end_orphans(self) -> None:
        """Let them finish, and end."""
        orphans = self._orphans()
        for pid in orphans:
            _quit(pid)
        CLOCK.until(lambda: not any(_listening(pid) for pid in orphans), START_SECONDS, 0.01)

    def listens(self) -> str:
        """The address at which it is found to listen, if only by orphaned workers; or nothing."""
        for pid in filter(None, (self.master(), *self._orphans())):
            for host, port in _sockets(pid).values():
                return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return ""

    def _accepts(self) -> bool:
        master = self.master()
        return master is not None and bool(accepting_workers(master))

    def _orphans(self) -> list[int]:
        """Workers that have this directory's logs open and no master of ours above them."""
        if self.master() is not None:
            return []
        return [
            process.pid
            for process in psutil.process_iter()
            if _title(process.pid).startswith("nginx: worker process")
            and any(path.startswith(f"{self._directory}/") for path in _open_files(process))
        ]

    def master(self) -> int | None:
        """The master's process id as this machine sees it, or None when it does not run.

        A pid file outlives its nginx, and the pid goes to others; and where the file is gone,
        its nginx may well be there.
        """
        try:
            pid = int((self._directory / "nginx.pid").read_text().strip())
        except (OSError, ValueError):
            pid = 0
        if pid and self._is_master(pid):
            return pid
        return next(filter(self._is_master, psutil.pids()), None)

    def _is_master(self, pid: int) -> bool:
        title = _title(pid)
        return title.startswith("nginx: master process ") and f" {self._directory}/" in title

    def tell(self, word: str) -> None:
        """Send the running master a signal."""
        pid = self.master()
        if pid is None:
            return
        try:
            os.kill(pid, getattr(signal, f"SIG{word}"))
        except OSError as error:
            raise UnavailableError(
                f"nginx (process {pid}) did not get the signal {word}: {error.strerror}"
            ) from None


@dataclass(slots=True)
class ContainerNginx:
    """nginx from ``image`` on the host's network, with ``directory`` mounted under its own path.

    Args:
        directory: the router's run directory; paths in its files hold inside and outside.
        image: an image with nginx in it.
        name: of the container; one that exists already, as of a compose file, is used.
    """

    directory: Path
    image: str
    name: str
    _master: tuple[int, str] = (0, "")  # process and its birth: asking the runtime is slow

    def check(self, config: Path) -> str:
        words = ["nginx", *_place(self.directory), "-t", "-q", "-c", str(config)]
        if self.master():
            return _complaint(_run([find_tool(RUNTIMES), "exec", self.name, *words]))
        return _complaint(_run([*self._run_words(), "--rm", self.image, *words]))

    def start(self, config: Path, listen: str) -> None:
        tool = find_tool(RUNTIMES)
        if _run([tool, "container", "inspect", self.name]).returncode == 0:
            done = _run([tool, "start", self.name])
        else:
            words = ["nginx", *_place(self.directory), "-c", str(config), "-g", "daemon off;"]
            keep = ["--detach", "--restart", "unless-stopped", "--stop-signal", "SIGQUIT"]
            done = _run([*self._run_words(), *keep, "--name", self.name, self.image, *words])
        if why := _complaint(done):
            raise UnavailableError(f"nginx did not start: {why}")

    def orphaned(self) -> bool:
        return False

    def end_orphans(self) -> None:
        """None are left: a container's processes end with its first one."""

    def master(self) -> int | None:
        known, born = self._master
        if known and birth(known) == born:
            return known
        done = _run([find_tool(RUNTIMES), "inspect", "--format", "{{.State.Pid}}", self.name])
        text = done.stdout.strip()
        pid = int(text) if done.returncode == 0 and text.isdigit() else 0
        self._master = (pid, birth(pid)) if pid else (0, "")
        return pid if self._master[1] else None

    def tell(self, word: str) -> None:
        if word == "HUP" and (pid := self.master()):
            try:
                os.kill(pid, signal.SIGHUP)  # at once; the runtime takes its time
                return
            except PermissionError:
                pass  # as under a daemon whose containers are another user's
        words = ["kill", "--signal", word]
        if word == "QUIT":  # the runtime must know that the end is wanted, or it starts it again
            words = ["stop", "--time", str(STOP_SECONDS)]
        if why := _complaint(_run([find_tool(RUNTIMES), *words, self.name])):
            raise UnavailableError(f"nginx did not get the signal {word}: {why}")

    def _run_words(self) -> list[str]:
        tool = find_tool(RUNTIMES)
        mount = f"{self.directory}:{self.directory}"
        return [tool, "run", *run_options(tool), "--network", "host", "--volume", mount]


NginxProgram = LocalNginx | ContainerNginx


def accepting_workers(master: int) -> set[int]:
    """Children of the master that are not shutting down (nginx says so in their titles)."""
    with suppress(psutil.Error):
        titles = {child.pid: _title(child.pid) for child in psutil.Process(master).children()}
        return {pid for pid, title in titles.items() if title and "shutting down" not in title}
    return set()


def _title(pid: int) -> str:
    """What a process calls itself; nothing when it is gone."""
    with suppress(psutil.Error, ValueError):  # a pid file may name what can be none
        return " ".join(psutil.Process(pid).cmdline())
    return ""


def _open_files(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return [file.path for file in process.open_files()]
    return []


def _place(directory: Path) -> list[str]:
    return ["-p", str(directory), "-e", str(directory / "error.log")]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=60
        )  # what it complains about may be any bytes
    except subprocess.TimeoutExpired as error:
        words = f"{command[0]} did not end within {error.timeout:g} s"
        return subprocess.CompletedProcess(command, 124, "", words)


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Why a command failed: nginx's first word of it, not its last; nothing when it did not."""
    if not done.returncode:
        return ""
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    reasons = [line for line in lines if "[emerg]" in line or "[alert]" in line]
    return (reasons or lines[-1:] or ["no message"])[0]


def _quit(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGQUIT)


def _listening(pid: int, address: str = "") -> list[int]:
    """Descriptors by which a process listens (at ``address``, else anywhere), over TCP."""
    return [fd for fd, (ip, port) in _sockets(pid).items() if address in ("", f"{ip}:{port}")]


def _sockets(pid: int) -> dict[int, tuple[str, int]]:
    with suppress(psutil.Error):
        there = psutil.Process(pid).net_connections("tcp")
        return {s.fd: tuple(s.laddr) for s in there if s.status == psutil.CONN_LISTEN}
    return {}


def _borrow(processes: list[int], address: str) -> int | None:
    """A copy of the socket by which one of ``processes`` listens; None where that is refused."""
    for pid in processes:
        for number in _listening(pid, address):
            try:
                handle = os.pidfd_open(pid)
            except OSError:
                continue
            copy = _libc.syscall(PIDFD_GETFD, handle, number, 0)
            os.close(handle)
            if copy >= 0:
                return int(copy)
    return None
