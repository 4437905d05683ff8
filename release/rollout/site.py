"""The place where versions run: router, colours, ledger, metrics and clock, together.

Everything the rollout does goes through one ``Site``; a test makes one of stubs.
"""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from csanmt.errors import ConfigurationError, ConflictError
from release.ledger.ledger import Ledger
from release.rollout.alerts import Alert, LogAndWebhook
from release.rollout.clock import Clock, SystemClock
from release.rollout.colours import Colours, Launcher
from release.rollout.file_lock import lock
from release.rollout.launchers import ContainerLauncher, ProcessLauncher
from release.rollout.metrics_source import MetricsSource, PrometheusMetrics, ServiceMetrics
from release.rollout.nginx import NginxRouter, NginxSettings
from release.rollout.nginx_program import ContainerNginx
from release.rollout.thresholds import DEFAULT, Thresholds
from release.rollout.traffic import COLOURS, Colour, Router


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """``rollout.toml`` of a site; the defaults are one machine on loopback.

    Attributes:
        launcher: ``process`` (a bento) or ``container`` (an image).
        container_options: more arguments of ``podman run``.
        environment: variables of the service, ``CSANMT_…``.
        prometheus: its URL; empty means the colours' own ``/metrics``.
        webhook: where alerts are posted; empty means the log only.
        thresholds: file of limits.
        api_key_file: file with an API key of scopes ``translate`` and ``metrics``, by which
            versions are tried, watched and compared, where the service asks for keys.
        nginx_image: run nginx from this image instead of this machine's.
        nginx: addresses and limits of the front.
    """

    launcher: str = "process"
    container_options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    prometheus: str = ""
    webhook: str = ""
    thresholds: str = ""
    api_key_file: str = ""
    nginx_image: str = ""
    ready_seconds: float = 60.0
    nginx: NginxSettings = field(default_factory=NginxSettings)

    def __post_init__(self) -> None:
        if self.launcher not in ("process", "container"):
            raise ConfigurationError(
                f"launcher is {self.launcher!r}; allowed is process, container"
            )

    @classmethod
    def read(cls, path: Path) -> SiteSettings:
        """Read a TOML file; an absent one gives the defaults.

        Raises:
            ConfigurationError: not TOML, or an unknown key; says which.
        """
        if not path.exists():
            return cls()
        try:
            content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(f"{path}: {error}") from None
        nginx = content.pop("nginx", {})
        for given, known in ((content, fields(cls)), (nginx, fields(NginxSettings))):
            allowed = {f.name for f in known}
            if unknown := sorted(set(given) - allowed):
                raise ConfigurationError(
                    f"{path}: unknown key {unknown[0]!r}; allowed is {', '.join(sorted(allowed))}"
                )
        if "container_options" in content:
            content["container_options"] = tuple(content["container_options"])
        return cls(nginx=NginxSettings(**nginx), **content)


@dataclass(slots=True)
class Site:
    """Seams of a rollout; ``who`` acts, as the ledger records it."""

    home: Path
    router: Router
    colours: Colours
    launcher: Launcher
    ledger: Ledger
    metrics: MetricsSource
    thresholds: Thresholds
    addresses: dict[Colour, str]
    who: str
    clock: Clock = field(default_factory=SystemClock)
    alert: Alert = field(default_factory=LogAndWebhook)
    ready_seconds: float = 60.0
    api_key: str = ""
    _holder: int | None = field(default=None, init=False)  # thread that holds the site

    @contextmanager
    def exclusive(self, what: str) -> Iterator[None]:
        """Hold the site for a deployment or promotion; the kernel frees it at any death.

        Who holds this ``Site`` may ask again: a promotion that falls ill starts a version.

        Raises:
            ConflictError: another one is under way; says which.
        """
        if self._holder == threading.get_ident():
            yield
            return
        with (self.home / "lock").open("a+") as file:
            if not lock(file):
                file.seek(0)
                holder = file.read().strip() or "another command"
                raise ConflictError(f"{holder} is under way; wait for it or roll back")
            file.truncate(0)
            file.write(what)
            file.flush()
            self._holder = threading.get_ident()
            try:
                yield
            finally:
                self._holder = None
                file.truncate(0)

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


def open_site(home: Path, store: Path, ledger: Path, who: str) -> Site:
    """A real site under ``home`` (``rollout.toml`` there is optional).

    Args:
        store: BENTOML_HOME whose bentos are served by the process launcher.
        ledger: path of the release ledger.
    """
    settings = SiteSettings.read(home / "rollout.toml")
    nginx = settings.nginx
    addresses: dict[Colour, str] = {"blue": nginx.blue, "green": nginx.green}
    colours = Colours(home / "colours")
    launcher: Launcher = ProcessLauncher(home / "colours", store, settings.environment)
    if settings.launcher == "container":
        launcher = ContainerLauncher(
            options=settings.container_options, environment=settings.environment
        )
    urls: dict[Colour, str] = {c: f"http://{addresses[c]}" for c in COLOURS}
    api_key = _read_key(settings.api_key_file)
    metrics: MetricsSource = ServiceMetrics(urls, api_key=api_key)
    if settings.prometheus:
        metrics = PrometheusMetrics(settings.prometheus.rstrip("/"), urls)
    program = None
    if settings.nginx_image:
        name = f"csanmt-nginx-{nginx.listen.rpartition(':')[2]}"
        program = ContainerNginx((home / "nginx").resolve(), settings.nginx_image, name)
    return Site(
        home=home,
        router=NginxRouter(home / "nginx", nginx, program),
        colours=colours,
        launcher=launcher,
        ledger=Ledger(ledger),
        metrics=metrics,
        thresholds=Thresholds.read(Path(settings.thresholds) if settings.thresholds else DEFAULT),
        addresses=addresses,
        who=who,
        alert=LogAndWebhook(settings.webhook),
        ready_seconds=settings.ready_seconds,
        api_key=api_key,
    )


def _read_key(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip() if path else ""
    except OSError as error:
        raise ConfigurationError(f"api_key_file {path}: {error.strerror}") from None
