"""The place where versions run: router, colours, ledger, metrics and clock, together.

Everything the rollout does goes through one ``Site``; a test makes one of stubs.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from glob import glob
from http.client import HTTPException
from pathlib import Path
from typing import Any

from csanmt.durable import lock, replace_text
from csanmt.errors import ConfigurationError, ConflictError, CsanmtError
from release.ledger.ledger import Entry, Kind, Ledger
from release.ledger.state import ReleaseState, recall
from release.rollout.colours import Colours, Deployment
from release.rollout.front import NginxFront
from release.rollout.metrics import Clock, ServiceMetrics
from release.rollout.nginx import NginxRouter
from release.rollout.nginx_program import ContainerNginx
from release.rollout.settings import APPLIED, SETTINGS, WHOLE, SiteSettings, read_files
from release.rollout.thresholds import Thresholds
from release.rollout.traffic import COLOURS, Colour
from release.running.launchers import ContainerLauncher, Launcher, Place, ProcessLauncher
from release.running.service import HttpService

Tell = Callable[[str], None]  # is told in words what is being done
log = logging.getLogger("csanmt.release")
# Of a site's folder: what must be a folder, and what must not.
FOLDERS = "keeper colours colours/*-home nginx nginx/tmp nginx/routes"
FILES = (
    f"lock watch.lock down unrecorded.jsonl {APPLIED} colours/*.json colours/*.log keeper/*.json "
    "keeper/*.lock keeper/*.log nginx/*.conf nginx/*.json nginx/*.lock nginx/*.log nginx/*.pid"
)
BEHIND_NGINX = {"CSANMT_TRUST_PROXY": "1"}  # who asks, and by which name, is what nginx says


@dataclass(frozen=True, slots=True)
class Alert:
    """``url`` receives ``{"text": subject, …detail}`` as JSON, as Slack's webhooks and those
    that follow them (Teams, Mattermost, Rocket.Chat) expect."""

    url: str = ""
    timeout: float = 5.0

    def send(self, subject: str, detail: dict[str, Any]) -> None:
        """Deliver or log the failure; never raises, since a rollback may be under way."""
        body = {"text": subject, **detail}
        log.error(json.dumps({"event": "alert", **body}, ensure_ascii=False, default=str))
        if not self.url:
            return
        request = urllib.request.Request(
            self.url,
            data=json.dumps(body, ensure_ascii=False, default=str).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            urllib.request.urlopen(request, timeout=self.timeout).close()
        except (OSError, HTTPException, ValueError) as error:
            log.error(json.dumps({"event": "alert_failed", "error": str(error)}))


class SiteHeldError(ConflictError):
    """Another command, which may take long, holds the site."""


@dataclass(slots=True)
class Site:
    """Seams of a rollout; ``who`` acts, as the ledger records it.

    Attributes:
        services: HTTP to each colour.
        front: what users meet; None where there is no way to ask it.
        ignored: settings that could not be read.
    """

    home: Path
    router: NginxRouter
    colours: Colours
    launcher: Launcher
    ledger: Ledger
    metrics: ServiceMetrics
    thresholds: Thresholds
    addresses: dict[Colour, str]
    services: Mapping[Colour, HttpService]
    who: str
    clock: Clock = field(default_factory=Clock)
    alert: Alert = field(default_factory=Alert)
    ready_seconds: float = 60.0
    api_key: str = ""
    front: NginxFront | None = None
    ignored: tuple[str, ...] = ()
    _holder: int | None = field(default=None, init=False)  # thread that holds the site

    def place(self, colour: Colour) -> Place:
        return Place(colour, self.addresses[colour])

    @property
    def down(self) -> Path:
        """A file that is there while the site is stopped on purpose, and nothing is to run."""
        return self.home / "down"

    # -- one command at a time -------------------------------------------------------

    @contextmanager
    def exclusive(self, what: str) -> Iterator[None]:
        """Hold the site for a deployment or promotion; the kernel frees it at any death.

        Who holds this ``Site`` may ask again: a promotion that falls ill starts a version.

        Raises:
            SiteHeldError: another one is under way; says which.
        """
        if self._holder == threading.get_ident():
            yield
            return
        with hold(self.home / "lock", what, _held):
            self._holder = threading.get_ident()
            try:
                yield
            finally:
                self._holder = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Tell other commands that the version in service is being watched, until its end."""
        with (self.home / "watch.lock").open("a") as file:
            lock(file, shared=True, wait_seconds=1.0)
            yield

    def watched(self) -> bool:
        """Whether some command is watching."""
        with (self.home / "watch.lock").open("a") as file:
            return not lock(file)

    # -- the record ------------------------------------------------------------------

    def note(
        self,
        kind: Kind,
        release: str,
        *,
        why: str,
        digests: Mapping[str, str] | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Write into the ledger; what it cannot take waits beside the site for a better day."""
        entry = {
            "kind": str(kind),
            "version": release,
            "who": self.who,
            "why": why,
            "digests": dict(digests or {}),
            "detail": dict(detail or {}),
        }
        waiting = self.home / "unrecorded.jsonl"
        try:
            late = waiting.read_bytes().splitlines() if waiting.exists() else []
            for line in late:
                with suppress(ValueError, TypeError, RecursionError, ConfigurationError):
                    self.ledger.append(**json.loads(line))
            if late:
                waiting.unlink()
            self.ledger.append(**entry)  # type: ignore[arg-type]
        except (CsanmtError, OSError) as error:
            with suppress(OSError), waiting.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self.ignored = (*self.ignored, f"not recorded: {error}")

    def remember(self, deployment: Deployment) -> None:
        """Write a colour's record; a disk without room for it keeps nothing from running."""
        try:
            self.colours.put(deployment)
        except OSError as error:
            word = f"the record of {deployment.colour} is not written: {error.strerror}"
            self.ignored = (*self.ignored, word)

    def recall(self) -> tuple[ReleaseState, str]:
        return recall(self.ledger)

    def last(self, kind: Kind, release: str) -> Entry | None:
        """The ledger's newest entry of a kind about a release, where it can be read."""
        try:
            return self.ledger.last(kind, release)
        except Exception:
            return None


def _held(holder: str) -> SiteHeldError:
    return SiteHeldError(f"{holder or 'another command'} is under way; wait for it or roll back")


@contextmanager
def hold(
    path: Path, words: str, refusal: Callable[[str], Exception], wait_seconds: float = 0.0
) -> Iterator[None]:
    """Lock a file and say in it who does; ``refusal`` is raised with the words of who has it."""
    with path.open("a+b", buffering=0) as file:  # nothing is left to be flushed to a full disk
        if not lock(file, wait_seconds=wait_seconds):
            file.seek(0)
            raise refusal(file.read().decode(errors="replace").strip())
        with suppress(OSError):
            file.truncate(0)
            file.write(words.encode())
        try:
            yield
        finally:
            file.truncate(0)


def put_aside(home: Path) -> list[str]:
    """Move away what would stop whoever writes there, and name it: a folder where a file belongs,
    as a container's runtime makes it for a mount, the reverse, a link in a circle or to nowhere."""
    words = []
    for kind, patterns in (("folder", FOLDERS), ("file", FILES)):
        for name in (name for part in patterns.split() for name in glob(part, root_dir=home)):
            path = home / name
            if _misplaced(path, kind):
                aside = path.with_name(f"{path.name}.aside-{time.time_ns()}")
                with suppress(OSError):
                    path.rename(aside)
                words.append(f"{path} is no {kind}; what was there is put aside as {aside.name}")
    return words


def _misplaced(path: Path, kind: str) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:  # a link to what can still be made there is right
        return kind == "folder" or not Path(os.path.realpath(path)).parent.is_dir()
    except OSError as error:
        return error.errno == errno.ELOOP
    regular = stat.S_ISREG(mode) or stat.S_ISCHR(mode)  # such as /dev/null
    return not (stat.S_ISDIR(mode) if kind == "folder" else regular)


def open_site(home: Path, store: Path, ledger: Path, who: str, *, applied: bool = False) -> Site:
    """A real site under ``home`` (``rollout.toml`` there is optional).

    Args:
        store: BENTOML_HOME whose bentos are served by the process launcher.
        ledger: path of the release ledger.
        applied: by the settings that the last deployment applied; nothing in them that cannot
            be read is an error then.
    """
    aside, ignored = put_aside(home), tuple[str, ...]()
    if applied:
        settings, ignored = SiteSettings.applied(home)
    else:
        settings = SiteSettings.read(home / SETTINGS)
    nginx = settings.nginx
    addresses: dict[Colour, str] = {"blue": nginx.blue, "green": nginx.green}
    environment = {**BEHIND_NGINX, **settings.environment}
    launcher: Launcher = ProcessLauncher(home / "colours", store, environment)
    if settings.launcher == "container":
        launcher = ContainerLauncher(options=settings.container_options, environment=environment)
    api_key, limits, words = read_files(settings, tolerant=applied)
    services: dict[Colour, HttpService] = {
        colour: HttpService(f"http://{addresses[colour]}", api_key) for colour in COLOURS
    }
    program = None
    if settings.nginx_image:
        name = f"csanmt-nginx-{nginx.listen.rpartition(':')[2]}"
        program = ContainerNginx((home / "nginx").resolve(), settings.nginx_image, name)
    return Site(
        home=home,
        router=NginxRouter(home / "nginx", nginx, program),
        colours=Colours(home / "colours"),
        launcher=launcher,
        ledger=Ledger(ledger),
        metrics=ServiceMetrics(services),
        thresholds=limits,
        addresses=addresses,
        services=services,
        who=who,
        alert=Alert(settings.webhook),
        ready_seconds=settings.ready_seconds,
        api_key=api_key,
        front=NginxFront(nginx.listen, home / "nginx" / "access.log", api_key),
        ignored=(*aside, *ignored, *words),
    )


def apply_settings(site: Site) -> None:
    """Bring the front to ``rollout.toml`` and remember the file as the one that applies.

    Raises:
        ConflictError: it would move a colour that serves to another address.
        UnavailableError: nginx refuses it; nothing changed.
    """
    before, _ = SiteSettings.applied(site.home)
    for colour in COLOURS:
        address = before.nginx.blue if colour == "blue" else before.nginx.green
        moved = address != site.addresses[colour]
        if moved and HttpService(f"http://{address}").ready(1.0):
            raise ConflictError(
                f"{SETTINGS} moves {colour} from {address} to {site.addresses[colour]}, but a "
                f"version runs at {address}: stop it first, or leave the address"
            )
    site.router.configure()
    settings = site.home / SETTINGS
    if settings.exists():
        mode = settings.stat().st_mode & 0o666  # a secret in it stays one
        text = settings.read_text(encoding="utf-8").removesuffix(WHOLE) + WHOLE
        applied = site.home / APPLIED
        if not applied.exists() or applied.read_bytes() != text.encode():
            replace_text(applied, text, mode=mode)
