"""The nginx behind which the colours stand: rendered, validated, reloaded, confirmed.

The include ``traffic.conf`` is the record of who gets which traffic. It is replaced by
rename only after ``nginx -t`` accepted the candidate, so whatever happens in between, the
file on disk is one that nginx accepts.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import jinja2

from csanmt.durable import replace_text
from csanmt.errors import ConfigurationError, EngineUnavailableError, UnavailableError
from release.direct import OPENER
from release.processes import alive
from release.traffic import Colour, Traffic, other

TEMPLATES = Path(__file__).resolve().parent.parent / "deploy" / "nginx"
STICKY_KEY = "$remote_addr$http_authorization"


@dataclass(frozen=True, slots=True)
class NginxSettings:
    """Addresses are ``host:port``; sizes are bytes, times seconds, rates per client address."""

    listen: str = "127.0.0.1:8080"
    blue: str = "127.0.0.1:3001"
    green: str = "127.0.0.1:3002"
    workers: int = 1
    connections: int = 4096
    backlog: int = 0
    drain_seconds: int = 60
    read_timeout_seconds: int = 65
    max_body_bytes: int = 2_000_000
    rate_per_second: int = 100
    burst: int = 200
    connections_per_client: int = 256
    user: str = ""

    def __post_init__(self) -> None:
        for key in ("listen", "blue", "green"):
            host, _, port = getattr(self, key).rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise ConfigurationError(f"{key} is {getattr(self, key)!r}; allowed is host:port")
        if len({self.listen, self.blue, self.green}) < 3:
            raise ConfigurationError("listen, blue and green must be three different addresses")


class NginxRouter:
    """A Router on a real nginx whose files all live under ``directory``.

    Args:
        directory: run directory, created if absent; holds the rendered configuration,
            the traffic include, logs, pid and temporary files.
        settings: addresses and limits; rendered by ``configure``.
        binary: the nginx executable.

    Raises:
        EngineUnavailableError: there is no nginx on this machine.
    """

    def __init__(
        self, directory: Path, settings: NginxSettings = NginxSettings(), binary: str = "nginx"
    ) -> None:
        path = shutil.which(binary) or shutil.which(binary, path="/usr/sbin:/usr/local/sbin")
        if path is None:
            raise EngineUnavailableError(f"{binary} is not installed")
        self.binary = path
        self.directory = directory.resolve()
        self.settings = settings
        self.main = self.directory / "nginx.conf"
        self.traffic = self.directory / "traffic.conf"
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
            autoescape=False,
        )
        self._main_template = environment.get_template("nginx.conf.j2")
        self._traffic_template = environment.get_template("traffic.conf.j2")

    # -- life of the server ----------------------------------------------------

    def configure(self, initial: Traffic) -> None:
        """Write the configuration; traffic only if there is none yet."""
        self._prepare()
        if not self.traffic.exists():
            replace_text(self.traffic, self._render_traffic(initial))
        candidate = self._render_main(self.traffic)
        self._validate(candidate)
        replace_text(self.main, candidate)

    def start(self, deadline_seconds: float = 5.0) -> None:
        """Start nginx if it does not run; returns when it answers."""
        if self.running():
            return
        done = self._nginx("-c", str(self.main))
        if done.returncode:
            raise UnavailableError(f"nginx did not start: {_last_line(done.stderr)}")
        self._await_generation(self.state().generation, deadline_seconds)

    def stop(self, deadline_seconds: float = 10.0) -> None:
        """Let running requests finish, then end this nginx."""
        pid = self._pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGQUIT)
        end = time.monotonic() + deadline_seconds
        while alive(pid):
            if time.monotonic() > end:
                os.kill(pid, signal.SIGTERM)
                return
            time.sleep(0.02)

    def running(self) -> bool:
        return self._pid() is not None

    # -- Router ------------------------------------------------------------------

    def state(self) -> Traffic:
        """Read the traffic include back.

        Raises:
            UnavailableError: there is none, or it was edited beyond recognition.
        """
        try:
            first = self.traffic.read_text(encoding="utf-8").splitlines()[0]
            return Traffic(**json.loads(first.removeprefix("# ")))
        except FileNotFoundError:
            raise UnavailableError(f"{self.traffic} is absent: nothing was deployed yet") from None
        except (IndexError, ValueError, TypeError) as error:
            raise UnavailableError(
                f"{self.traffic} does not say who serves ({error}); restore it or switch again"
            ) from None

    def live(self) -> Traffic | None:
        """What the running nginx itself says, or None if it does not answer."""
        return self._ask()

    def switch(self, traffic: Traffic, deadline_seconds: float = 5.0) -> Traffic:
        try:
            generation = self.state().generation + 1
        except UnavailableError:
            generation = 1
        applied = replace(traffic, generation=generation)
        self._prepare()
        candidate = self.directory / "traffic.conf.candidate"
        replace_text(candidate, self._render_traffic(applied))
        self._validate(self._render_main(candidate))
        candidate.replace(self.traffic)
        replace_text(self.main, self._render_main(self.traffic))
        pid = self._pid()
        if pid is None:
            self.start(deadline_seconds)
            return applied
        old = _accepting_workers(pid)
        os.kill(pid, signal.SIGHUP)
        self._await_retreat(pid, old, deadline_seconds)
        self._await_generation(generation, deadline_seconds)
        return applied

    # -- parts -------------------------------------------------------------------

    def _prepare(self) -> None:
        (self.directory / "tmp").mkdir(parents=True, exist_ok=True)

    def _render_main(self, traffic: Path) -> str:
        return self._main_template.render(s=self.settings, run=self.directory, traffic=traffic)

    def _render_traffic(self, traffic: Traffic) -> str:
        major: Colour = traffic.major
        minor = other(major)
        share = traffic.share(minor)
        weights = {"blue": traffic.blue, "green": traffic.green}
        return self._traffic_template.render(
            state=json.dumps(asdict(traffic)),
            key=STICKY_KEY if traffic.sticky else "$request_id",
            minor=[(minor, _percent(share))] if share else [],
            major=major,
            shadow=_percent(traffic.shadow) if traffic.shadow else "",
            shadow_to=traffic.shadow_to,
            generation=traffic.generation,
            weights=json.dumps(weights),
        )

    def _validate(self, main: str) -> None:
        """``nginx -t`` on a copy, so that a bad configuration never replaces a good one."""
        probe = self.directory / "nginx.candidate.conf"
        replace_text(probe, main)
        done = self._nginx("-t", "-q", "-c", str(probe))
        probe.unlink()
        if done.returncode:
            raise UnavailableError(
                f"nginx refuses the configuration, nothing was changed: {_last_line(done.stderr)}"
            )

    def _nginx(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        error_log = str(self.directory / "error.log")
        command = [self.binary, "-p", str(self.directory), "-e", error_log, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    def _pid(self) -> int | None:
        try:
            pid = int((self.directory / "nginx.pid").read_text().strip())
        except (FileNotFoundError, ValueError):
            return None
        return pid if alive(pid) else None

    def _ask(self) -> Traffic | None:
        url = f"http://{self.settings.listen}/-/traffic"
        try:
            with OPENER.open(url, timeout=2) as response:
                answer = json.load(response)
                return Traffic(generation=answer["generation"], **answer["weights"])
        except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError, LookupError):
            return None

    def _await_retreat(self, master: int, old: set[int], deadline_seconds: float) -> None:
        """Wait until no worker of before the reload takes new connections."""
        end = time.monotonic() + deadline_seconds
        while old & _accepting_workers(master):
            if time.monotonic() > end:
                raise UnavailableError(
                    f"nginx's old workers still accept after {deadline_seconds:g} s; "
                    f"see {self.directory / 'error.log'}"
                )
            time.sleep(0.005)

    def _await_generation(self, generation: int, deadline_seconds: float) -> None:
        """Wait until new connections meet the wanted configuration, several times in a row."""
        end = time.monotonic() + deadline_seconds
        agreed = 0
        while agreed < 2 * self.settings.workers:
            answer = self._ask()
            agreed = agreed + 1 if answer and answer.generation == generation else 0
            if not agreed:
                if time.monotonic() > end:
                    raise UnavailableError(
                        f"nginx did not take up generation {generation} within "
                        f"{deadline_seconds:g} s; see {self.directory / 'error.log'}"
                    )
                time.sleep(0.01)


def _accepting_workers(master: int) -> set[int]:
    """Children of the master that are not shutting down (nginx says so in their titles)."""
    children = Path(f"/proc/{master}/task/{master}/children")
    found = set()
    for pid in children.read_text().split() if children.exists() else ():
        try:
            title = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if title and b"shutting down" not in title:
            found.add(int(pid))
    return found


def _percent(share: float) -> str:
    return f"{share:.2f}".rstrip("0").rstrip(".")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
