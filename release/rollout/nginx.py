"""The nginx behind which the colours stand: rendered, validated, switched, confirmed.

Which colour a request goes to is decided by files (``release/rollout/routes.py``): nothing is
reloaded for a switch, no connection is closed, and no master is needed. One switch at a time: a
second one waits for the first to be confirmed.

Only another *configuration* (addresses, limits) needs a reload. Before it, nginx closes every
connection with an answer that says so, since a worker that goes closes idle connections
without a word, which costs clients that do not repeat a request.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

import jinja2

from benchmarks.service_process import DIRECT
from csanmt.durable import lock, replace_text
from csanmt.errors import UnavailableError
from csanmt.source_tree import SOURCE_TREE
from release.rollout.nginx_program import CLOCK, LocalNginx, NginxProgram, accepting_workers
from release.rollout.routes import Routes, routes_in, routes_of
from release.rollout.settings import NginxSettings
from release.rollout.traffic import COLOURS, Traffic, require_generation

# How long a switch waits for another one, which takes milliseconds when nothing hangs.
TURN_SECONDS = 20.0
CLOSING_SECONDS = 2.0  # how long connections are closed with their answers before a reload
START_SECONDS, RELOAD_SECONDS = 5.0, 10.0


class NginxRouter:
    """Sends requests to colours by an nginx whose files all live under ``directory``.

    Args:
        directory: run directory, created if absent; holds the rendered configuration, the
            routes, logs, pid and temporary files.
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
        self.note = self.directory / "traffic.json"
        self._first_note = self.directory / "traffic.conf"  # of v0.1.0
        self.routes = self._place_of_routes()
        self._files = Routes(self.routes)
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(SOURCE_TREE / "deploy" / "nginx"),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
        )
        self._template = environment.get_template("nginx.conf.j2")

    def _place_of_routes(self) -> Path:
        """Where the nginx that runs looks for them, whatever another one would be told now."""
        if not isinstance(self.program, LocalNginx):
            return self.directory / "routes"
        wanted = routes_of(self.directory, self.settings.user)
        if not (self.running() or self.program.orphaned()):
            return wanted
        laid = (path for path in (wanted, self.directory / "routes") if (path / "active").exists())
        return routes_in(self.main) or next(laid, wanted)

    @property
    def _temporary(self) -> Path:
        """Where nginx's workers, who may look in there, put what is too large for memory."""
        below = self.routes.is_relative_to(self.directory)
        return self.directory / "tmp" if below else self.routes / "tmp"

    @property
    def shadow_socket(self) -> Path:
        """Where a collector of copied requests listens."""
        return self.routes / "shadow.sock"

    # -- what is -----------------------------------------------------------------

    def live(self) -> Traffic | None:
        """What requests meet at this moment, asked of nginx; None when it does not answer.

        Where the routes' record is gone, it is what requests meet all the same.
        """
        said = self._ask("/-/traffic")
        if said is not None and (found := Traffic.parse(said)):
            return found
        colour = self._ask("/-/colour")
        return Traffic.of("green" if colour == "green" else "blue") if colour in COLOURS else None

    def written(self) -> Traffic | None:
        """What nginx was last told, by the disk; None when that cannot be read."""
        for path in (self._files.record, self.note, self._first_note):
            with suppress(OSError, UnicodeDecodeError, IndexError):
                line = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
                if found := Traffic.parse(line):
                    return found
        return None

    def state(self) -> Traffic | None:
        """What requests meet, or would if nginx ran; None where nobody can say."""
        return self.live() or self.written()

    def running(self) -> bool:
        return self.program.master() is not None

    def ill(self) -> str:
        """What is wrong with nginx itself, in words; nothing where all is well."""
        answers = self.live() is not None
        if self.running():
            return "" if answers else f"nginx runs, but {self.settings.listen} does not answer"
        if answers:
            return (
                "nginx's master is gone, and workers without it serve on; "
                "csanmt release up, or any switch, replaces them"
            )
        return "nginx does not run: nothing is served; csanmt release up starts it"

    # -- life of the server --------------------------------------------------------

    def configure(self) -> None:
        """Bring addresses and limits to the site's settings; starts nothing that does not run.

        Raises:
            UnavailableError: nginx refuses them; nothing changed.
        """
        with self._turn():
            text, digest = self._render()
            if self._configured() == digest and self.main.exists():
                return
            self._validate(text)
            self._lay_routes()
            replace_text(self.main, text)
            if self.running():
                self._reload(digest)

    def start(self) -> None:
        """See that nginx runs, with what was last written.

        Raises:
            UnavailableError: it cannot be started.
        """
        with self._turn():
            self._lay_routes()
            self._start()
            if (known := self.written()) is not None:
                self._await_traffic(known)

    def stop(self, deadline_seconds: float = 10.0) -> None:
        """Let running requests finish, then end this nginx."""
        for word in ("QUIT", "TERM", "KILL"):
            if self.running():
                self.program.tell(word)
                CLOCK.until(lambda: not self.running(), deadline_seconds, 0.02)
        self.program.end_orphans()

    def switch(self, traffic: Traffic, *, expected: int | None = None) -> Traffic:
        """Apply the shares; return them with their generation once new requests obey.

        Args:
            expected: generation that this is to follow, 0 for none yet; any by default.

        Raises:
            TrafficMovedError: the traffic has another generation than ``expected``.
            UnavailableError: nginx refused or did not confirm.
        """
        with self._turn():
            before = self.state()
            found = before.generation if before else 0
            require_generation(found, expected)
            applied = self._route(replace(traffic, generation=max(found, self._files.newest()) + 1))
            try:
                self._start()
            except (UnavailableError, OSError):
                if self.live() != applied:  # else workers without a master serve on and obey
                    raise
            self._await_traffic(applied)
            return applied

    # -- parts -----------------------------------------------------------------------

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The run directory's files are this command's until the body ends."""
        with suppress(OSError):  # what is there already needs no room and no permission
            self.directory.mkdir(parents=True, exist_ok=True)
            self._temporary.mkdir(parents=True, exist_ok=True)
            self._temporary.chmod(0o711)  # workers pass through, whatever the umask
            if self.routes.parent == self.directory:
                self.directory.chmod(self.directory.stat().st_mode | 0o011)  # for nginx's workers
        self._files.lay_ready()
        with (self.directory / "switch.lock").open("a") as file:
            if not lock(file, wait_seconds=TURN_SECONDS):
                raise UnavailableError(
                    f"another command has been switching for {TURN_SECONDS:g} s, see whether it "
                    "hangs; nothing was changed"
                )
            with suppress(OSError):  # of a command that was killed before a reload
                (self.routes / "closing").unlink(missing_ok=True)
            yield

    def _route(self, traffic: Traffic) -> Traffic:
        """Have requests follow ``traffic``, and note it for a day on which the routes are gone."""
        followed = self._files.follow(traffic)
        with suppress(OSError):
            replace_text(self.note, followed.to_json() + "\n")
            self._first_note.unlink(missing_ok=True)  # or it would be believed one day
        return followed

    def _lay_routes(self) -> None:
        """Lay what was told last where it is lost, as after a reboot, or where v0.1.0 told it."""
        told = self.live() if self.running() and self._configured() is None else None
        if told is None and not self._files.record.is_file():
            told = self.written()
        if told is not None:
            self._route(told)

    def _start(self) -> None:
        """Bring a running nginx of ours about, whatever state the one before is in."""
        if self.running():
            if self._configured() is None and self.live():  # v0.1.0 started it
                text, digest = self._render()
                self._validate(text)
                replace_text(self.main, text)
                self._reload(digest)
            return
        moved = routes_in(self.main) not in (None, self.routes)  # nothing runs that reads there
        if moved or self.program.check(self.main):
            text, _ = self._render()
            self._validate(text)
            replace_text(self.main, text)
        with self._closing() if self.program.orphaned() else nullcontext():
            self.program.start(self.main, self.settings.listen)

    def _reload(self, digest: str) -> None:
        """Have the running nginx read its configuration again, without cutting a connection."""
        master = self.program.master()
        if master is None:
            return
        old = accepting_workers(master)
        with self._closing() if self._configured() else nullcontext():
            self.program.tell("HUP")
            if not CLOCK.until(
                lambda: not old & accepting_workers(master) and self._configured() == digest,
                RELOAD_SECONDS,
                0.005,
            ):
                raise self._late("its configuration")

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Have every answer close its connection, for a while and then until the body ends."""
        closing = self.routes / "closing"
        try:
            with suppress(OSError):
                closing.touch()
                time.sleep(CLOSING_SECONDS)
            yield
        finally:
            closing.unlink(missing_ok=True)

    def _configured(self) -> str | None:
        """Digest of the configuration that the answering workers have read; None without one."""
        said = self._ask("/-/configuration") or ""
        return said if len(said) == 64 and said.isalnum() else None

    def _ask(self, path: str) -> str | None:
        try:
            with DIRECT.open(f"http://{self.settings.listen}{path}", timeout=2) as response:
                return str(response.read(10_000).decode("utf-8", "replace"))
        except (OSError, HTTPException, ValueError):
            return None

    def _render(self) -> tuple[str, str]:
        """The configuration for the settings, and its digest."""
        values = {
            "s": self.settings,
            "run": self.directory,
            "routes": self.routes,
            "temporary": self._temporary,
            "inside": _inside(self.settings.listen),
        }
        digest = hashlib.sha256(self._template.render(**values, digest="").encode()).hexdigest()
        return self._template.render(**values, digest=digest), digest

    def _validate(self, text: str) -> None:
        """``nginx -t`` on a copy, so that a bad configuration never replaces a good one."""
        probe = self.directory / "nginx.candidate.conf"
        try:
            replace_text(probe, text)
            complaint = self.program.check(probe)
        except OSError as error:
            complaint = f"{probe}: {error.strerror}"
        finally:
            probe.unlink(missing_ok=True)
        if complaint:
            raise UnavailableError(
                f"nginx refuses the configuration, nothing was changed: {complaint}"
            )

    def _await_traffic(self, traffic: Traffic) -> None:
        """Wait until requests meet what is wanted."""
        if not CLOCK.until(lambda: self.live() == traffic, START_SECONDS, 0.01):
            raise self._late(f"generation {traffic.generation}")

    def _late(self, what: str) -> UnavailableError:
        log = self.directory / "error.log"
        return UnavailableError(f"nginx did not take up {what} in time; see {log}")


def _inside(listen: str) -> str:
    """Whom nginx answers what is for its own machine only: also who asks its own address."""
    allowed = ["127.0.0.1", "::1"]
    with suppress(ValueError):
        host = ipaddress.ip_address(listen.rpartition(":")[0].strip("[]"))
        if not host.is_unspecified and not host.is_loopback:
            allowed.append(str(host))
    return " ".join([*(f"allow {address};" for address in allowed), "deny all;"])
