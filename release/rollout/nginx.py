"""The nginx behind which the colours stand: rendered, validated, reloaded, confirmed.

The include ``traffic.conf`` is the record of who gets which traffic. It is replaced by
rename only after ``nginx -t`` accepted the candidate, so whatever happens in between, the
file on disk is one that nginx accepts. One switch at a time: a second one waits for the
first to be confirmed.
"""

from __future__ import annotations

import ipaddress
import json
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import jinja2

from csanmt.durable import replace_text
from csanmt.errors import ConfigurationError, UnavailableError
from release.rollout.direct import OPENER
from release.rollout.file_lock import lock
from release.rollout.nginx_program import LocalNginx, NginxProgram, accepting_workers
from release.rollout.traffic import (
    COLOURS,
    GENERATION_METRIC,
    SHARE_METRIC,
    Colour,
    Traffic,
    other,
    require_generation,
)

TEMPLATES = Path(__file__).resolve().parents[2] / "deploy" / "nginx"
STICKY_KEY = "$remote_addr$http_authorization"
TURN_SECONDS = 20.0
"""How long a switch waits for another one, which takes a tenth of a second when nothing hangs."""


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
    max_document_bytes: int = 11_000_000  # CSANMT_MAX_DOCUMENT_BYTES and its form
    document_timeout_seconds: int = 1830  # CSANMT_DOCUMENT_TIMEOUT and a little
    rate_per_second: int = 100
    burst: int = 200
    connections_per_client: int = 256
    user: str = ""

    def __post_init__(self) -> None:
        for key in ("listen", "blue", "green"):
            host, _, port = getattr(self, key).rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise ConfigurationError(f"{key} is {getattr(self, key)!r}; allowed is host:port")
        for key in ("blue", "green"):
            host = getattr(self, key).rpartition(":")[0].strip("[]")
            try:
                ipaddress.ip_address(host)
            except ValueError:
                # A name may become several addresses, and nginx logs and reports the address:
                # the header would not know the colour.
                raise ConfigurationError(
                    f"{key} is {getattr(self, key)!r}; allowed is an IP address and a port"
                ) from None
        if len({self.listen, self.blue, self.green}) < 3:
            raise ConfigurationError("listen, blue and green must be three different addresses")


class NginxRouter:
    """A Router on a real nginx whose files all live under ``directory``.

    Args:
        directory: run directory, created if absent; holds the rendered configuration,
            the traffic include, logs, pid and temporary files.
        settings: addresses and limits; rendered by ``configure``.
        program: the nginx that is told; by default the one installed here.

    Raises:
        EngineUnavailableError: there is no nginx on this machine.
    """

    def __init__(
        self,
        directory: Path,
        settings: NginxSettings = NginxSettings(),
        program: NginxProgram | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.settings = settings
        self.program = program or LocalNginx(self.directory)
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
        with self._turn():
            if not self.traffic.exists():
                replace_text(self.traffic, self._render_traffic(initial))
            candidate = self._render_main(self.traffic)
            self._validate(candidate)
            replace_text(self.main, candidate)

    def start(self, deadline_seconds: float = 5.0) -> None:
        """Start nginx if it does not run; returns when it answers."""
        if self.running():
            return
        self.program.start(self.main)
        self._await_traffic(self.state(), deadline_seconds)

    def stop(self, deadline_seconds: float = 10.0) -> None:
        """Let running requests finish, then end this nginx."""
        if not self.running():
            return
        self.program.tell("QUIT")
        end = time.monotonic() + deadline_seconds
        while self.running():
            if time.monotonic() > end:
                self.program.tell("TERM")
                return
            time.sleep(0.02)

    def running(self) -> bool:
        return self.program.master() is not None

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
        url = f"http://{self.settings.listen}/-/traffic"
        try:
            with OPENER.open(url, timeout=2) as response:
                return Traffic(**json.load(response))
        except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError, TypeError):
            return None

    def switch(
        self, traffic: Traffic, *, expected: int | None = None, deadline_seconds: float = 5.0
    ) -> Traffic:
        with self._turn():
            before = self._generation()
            require_generation(before, expected)
            applied = replace(traffic, generation=before + 1)
            candidate = self.directory / "traffic.conf.candidate"
            replace_text(candidate, self._render_traffic(applied))
            self._validate(self._render_main(candidate))
            candidate.replace(self.traffic)
            replace_text(self.main, self._render_main(self.traffic))
            self._apply(applied, deadline_seconds)
            return applied

    # -- parts -------------------------------------------------------------------

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The run directory's files are this command's until the body ends."""
        (self.directory / "tmp").mkdir(parents=True, exist_ok=True)
        with (self.directory / "switch.lock").open("a") as file:
            if not lock(file, wait_seconds=TURN_SECONDS):
                raise UnavailableError(
                    f"another command has been switching for {TURN_SECONDS:g} s, see whether it "
                    "hangs; nothing was changed"
                )
            yield

    def _generation(self) -> int:
        try:
            return self.state().generation
        except UnavailableError:
            return 0

    def _apply(self, traffic: Traffic, deadline_seconds: float) -> None:
        """Have nginx take up what was written; returns when new requests obey it."""
        master = self.program.master()
        if master is None:
            self.start(deadline_seconds)
            return
        old = accepting_workers(master)
        self.program.tell("HUP")
        self._await_retreat(master, old, deadline_seconds)
        self._await_traffic(traffic, deadline_seconds)

    def _render_main(self, traffic: Path) -> str:
        return self._main_template.render(s=self.settings, run=self.directory, traffic=traffic)

    def _render_traffic(self, traffic: Traffic) -> str:
        major: Colour = traffic.major
        minor = other(major)
        share = traffic.share(minor)
        return self._traffic_template.render(
            state=json.dumps(asdict(traffic)),
            key=STICKY_KEY if traffic.sticky else "$request_id",
            minor=[(minor, _percent(share))] if share else [],
            major=major,
            shadow=_percent(traffic.shadow) if traffic.shadow else "",
            shadow_to=traffic.shadow_to,
            generation=traffic.generation,
            metrics=_metrics(traffic),
        )

    def _validate(self, main: str) -> None:
        """``nginx -t`` on a copy, so that a bad configuration never replaces a good one."""
        probe = self.directory / "nginx.candidate.conf"
        replace_text(probe, main)
        complaint = self.program.check(probe)
        probe.unlink()
        if complaint:
            raise UnavailableError(
                f"nginx refuses the configuration, nothing was changed: {complaint}"
            )

    def _await_retreat(self, master: int, old: set[int], deadline_seconds: float) -> None:
        """Wait until no worker of before the reload takes new connections."""
        end = time.monotonic() + deadline_seconds
        while old & accepting_workers(master):
            if time.monotonic() > end:
                raise UnavailableError(
                    f"nginx's old workers still accept after {deadline_seconds:g} s; "
                    f"see {self.directory / 'error.log'}"
                )
            time.sleep(0.005)

    def _await_traffic(self, traffic: Traffic, deadline_seconds: float) -> None:
        """Wait until new connections meet the wanted configuration, several times in a row."""
        end = time.monotonic() + deadline_seconds
        agreed = 0
        while agreed < 2 * self.settings.workers:
            agreed = agreed + 1 if self.live() == traffic else 0
            if not agreed:
                if time.monotonic() > end:
                    raise UnavailableError(
                        f"nginx did not take up generation {traffic.generation} within "
                        f"{deadline_seconds:g} s; see {self.directory / 'error.log'}"
                    )
                time.sleep(0.01)


def _metrics(traffic: Traffic) -> str:
    """The traffic in Prometheus' text format, as an nginx string holds it."""
    lines = [f"# TYPE {SHARE_METRIC} gauge"]
    lines += [f'{SHARE_METRIC}{{colour="{c}"}} {traffic.share(c):g}' for c in COLOURS]
    lines += [f"# TYPE {GENERATION_METRIC} counter", f"{GENERATION_METRIC} {traffic.generation}"]
    return "".join(f"{line}\\n" for line in lines)


def _percent(share: float) -> str:
    return f"{share:.2f}".rstrip("0").rstrip(".")
