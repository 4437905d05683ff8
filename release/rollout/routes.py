"""The files by which nginx decides which colour a request goes to.

For every request nginx looks at a few names below ``active``, a symbolic link to one folder a
generation of the traffic. A switch makes a folder and replaces the link by one rename. Folders
that give everything to one colour, by a rollback and by a promotion, lie ready with their links,
for the day on which the disk has no room for another.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path

from csanmt.errors import StorageError
from release.rollout.traffic import (
    COLOURS,
    GENERATION_METRIC,
    SHARE_METRIC,
    Colour,
    Traffic,
    other,
)

READY = ("rollback", "promotion")
KEPT = 3  # folders of the newest generations that stay


def routes_of(directory: Path, user: str) -> Path:
    """Where the routes lie: below the run directory, if nginx's workers can look in there.

    Workers of a root's nginx are another user, who may not enter, say, root's home.
    """
    above = [part for part in (directory, *directory.parents) if part.exists()]
    closed = any(not part.stat().st_mode & 0o001 for part in above)
    if os.geteuid() != 0 or user == "root" or not closed:
        return directory / "routes"
    name = hashlib.sha256(str(directory).encode()).hexdigest()[:12]
    return Path("/run") / f"csanmt-{name}"


def routes_in(config: Path) -> Path | None:
    """Where a rendered configuration looks for the routes."""
    with suppress(OSError, UnicodeDecodeError):
        if found := re.search(r"-f (\S+)/last-green", config.read_text(encoding="utf-8")):
            return Path(found[1])
    return None


class Routes:
    """The folders below ``path``, and the link that says which applies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record = path / "active" / "traffic.json"

    def lay_ready(self) -> None:
        """Make the whole routes that need no room later."""
        if self.path.exists() and not self.path.is_dir():
            self.path.unlink()
        for colour, purpose in product(COLOURS, READY):
            name = _ready(colour, purpose)
            if not (self.path / f"{name}.link").is_symlink():
                with suppress(OSError):
                    write_route(self.path / name, Traffic.of(colour, purpose=purpose))
                    (self.path / f"{name}.link").symlink_to(name)

    def newest(self) -> int:
        """The highest generation of which a folder is left."""
        with suppress(OSError):
            return max((int(p.name) for p in self.path.iterdir() if p.name.isdigit()), default=0)
        return 0

    def follow(self, traffic: Traffic) -> Traffic:
        """Have requests follow ``traffic`` from now on; returns what they really follow.

        Raises:
            StorageError: it cannot be written, and is none of those that lie ready.
        """
        folder = self.path / str(traffic.generation)
        link = self.path / f".active.{os.getpid()}"
        try:
            write_route(folder, traffic)
            link.unlink(missing_ok=True)
            link.symlink_to(folder.name)
            active = self.path / "active"
            if active.is_dir() and not active.is_symlink():  # somebody's copy of the link
                shutil.rmtree(active)
            link.replace(active)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            purpose = "rollback" if traffic.purpose == "rollback" else "promotion"
            ready = self.path / f"{_ready(traffic.major, purpose)}.link"
            if traffic.mixed or not ready.is_symlink():
                raise StorageError(f"{folder}: {error.strerror}") from None
            ready.replace(self.path / "active")
            traffic = replace(Traffic.of(traffic.major, purpose=purpose), generation=0)
        with suppress(OSError):
            last = self.path / "last-green"
            last.touch() if traffic.major == "green" else last.unlink(missing_ok=True)
            self._forget(traffic.generation - KEPT)
        return traffic

    def _forget(self, newest: int) -> None:
        for path in self.path.iterdir():
            if path.name.isdigit() and int(path.name) <= newest:
                shutil.rmtree(path, ignore_errors=True)


def _ready(colour: Colour, purpose: str) -> str:
    return colour if purpose == "rollback" else f"{colour}-{purpose}"


def write_route(folder: Path, traffic: Traffic) -> None:
    """One folder that nginx's ``if (-f …)`` reads as this traffic."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.parent.chmod(0o755)
    minor: Colour = other(traffic.major)
    for name in (traffic.major, *(["sticky"] if traffic.sticky else [])):
        (folder / name).touch()
    for name, share in ((f"to-{minor}", traffic.share(minor)), ("shadow", traffic.shadow)):
        (folder / name).mkdir()
        for part in range(math.ceil(share)):  # of the hundred parts of the requests
            (folder / name / str(part)).touch()
    (folder / "metrics").write_text(_metrics(traffic))
    (folder / "traffic.json").write_text(traffic.to_json())
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _metrics(traffic: Traffic) -> str:
    """The traffic in Prometheus' text format."""
    lines = [f"# TYPE {SHARE_METRIC} gauge"]
    lines += [f'{SHARE_METRIC}{{colour="{c}"}} {traffic.share(c):g}' for c in COLOURS]
    lines += [f"# TYPE {GENERATION_METRIC} counter", f"{GENERATION_METRIC} {traffic.generation}"]
    return "".join(f"{line}\n" for line in lines)
