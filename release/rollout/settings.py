"""The settings of a site and of its front, as people write them and as they apply."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from csanmt.errors import ConfigurationError, CsanmtError
from csanmt.tables import build, read_toml
from release.rollout.colours import Colours
from release.rollout.nginx_program import LocalNginx
from release.rollout.thresholds import DEFAULT, Thresholds
from release.rollout.traffic import COLOURS

# What the site shall be, as people write it; and the copy that the last deployment applied.
SETTINGS, APPLIED = "rollout.toml", "rollout.applied.toml"
# How the copy ends, so that one that was cut short is not believed.
WHOLE = "\n# whole\n"


@dataclass(frozen=True, slots=True)
class NginxSettings:
    """Addresses are ``host:port``; sizes are bytes, times seconds, rates per client address."""

    listen: str = "127.0.0.1:8080"
    blue: str = "127.0.0.1:3001"
    green: str = "127.0.0.1:3002"
    workers: int = 1
    connections: int = 4096
    backlog: int = 0
    drain_seconds: int = 1830  # of a reload: as long as a document may take
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
            value: str = getattr(self, key)
            host, _, port = value.rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise ConfigurationError(f"{key} is {value!r}; allowed is host:port")
            if key != "listen" and not _is_address(host):
                # A name may become several addresses, and nginx logs and reports the address:
                # the header would not know the colour.
                raise ConfigurationError(f"{key} is {value!r}; allowed is an IP address and a port")
        if len({self.listen, self.blue, self.green}) < 3:
            raise ConfigurationError("listen, blue and green must be three different addresses")


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.ip_address(host.strip("[]")))
    return False


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """``rollout.toml`` of a site; the defaults are one machine on loopback.

    Attributes:
        launcher: ``process`` (a bento) or ``container`` (an image).
        container_options: more arguments of ``podman run``.
        environment: variables of the service, ``CSANMT_…``.
        prometheus: of v0.1.0; the colours' own ``/metrics`` are read instead.
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
        return build(cls, read_toml(path), f"{path}: ")

    @classmethod
    def applied(cls, home: Path) -> tuple[SiteSettings, tuple[str, ...]]:
        """The settings by which the site runs, and what of them could not be read.

        An edit of ``rollout.toml`` that nobody deployed yet does not stand in the way back.
        """
        ignored: list[str] = []
        settings = nothing = cls()
        for name in (APPLIED, SETTINGS):
            path = home / name
            if not path.exists():
                continue
            try:
                if name == APPLIED and not path.read_bytes().endswith(WHOLE.encode()):
                    raise ConfigurationError(f"{path} is not whole")
                settings = cls.read(path)
                break
            except (ConfigurationError, OSError) as error:
                ignored.append(str(error))
        nginx = _addressed(settings.nginx, home / "nginx" / "nginx.conf")
        if nginx is nothing.nginx:  # no file says anything
            nginx = _observed(nginx, home)
        return replace(settings, nginx=nginx), tuple(ignored)


def read_files(
    settings: SiteSettings, *, tolerant: bool
) -> tuple[str, Thresholds, tuple[str, ...]]:
    """The API key and the limits that the settings name, and what could not be read."""
    words: list[str] = []
    key, limits = "", Thresholds()
    try:
        if settings.api_key_file:
            key = Path(settings.api_key_file).read_text(encoding="utf-8").strip()
        if not (key.isascii() and key.isprintable()):  # no header can carry it, an error would
            key = ""
            raise ConfigurationError("allowed is one key on one line")
    except (OSError, ValueError, ConfigurationError) as error:
        words.append(f"api_key_file {settings.api_key_file}: {error}")
    try:
        limits = Thresholds.read(Path(settings.thresholds) if settings.thresholds else DEFAULT)
    except ConfigurationError as error:
        words.append(str(error))
    if words and not tolerant:
        raise ConfigurationError("; ".join(words))
    return key, limits, tuple(words)


def _observed(settings: NginxSettings, home: Path) -> NginxSettings:
    """The settings with the addresses of what runs, where no file that holds them can be read."""
    there = {colour: Colours(home / "colours").known(colour) for colour in COLOURS}
    found = {colour: side.address for colour, side in there.items() if side}
    with suppress(CsanmtError):
        listen = LocalNginx((home / "nginx").resolve()).listens() or settings.listen
        blue, green = found.get("blue", settings.blue), found.get("green", settings.green)
        settings = replace(settings, listen=listen, blue=blue, green=green)
    return settings


def _addressed(settings: NginxSettings, config: Path) -> NginxSettings:
    """The settings with the addresses of the configuration by which nginx runs, if it is whole."""
    with suppress(OSError, ValueError, ConfigurationError):
        text = config.read_text(encoding="utf-8")
        listen = re.search(r"^\s*listen (\S+?)[ ;]", text, re.MULTILINE)
        blue, green = (re.search(rf"upstream {c} {{\s*server (\S+) ", text) for c in COLOURS)
        if listen and blue and green:
            return replace(settings, listen=listen[1], blue=blue[1], green=green[1])
    return settings
