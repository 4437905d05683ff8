"""What runs on blue and on green: one record a colour, and the seam to what runs it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Protocol

from csanmt.durable import replace_text
from csanmt.errors import IntegrityError, NotFoundError
from release.rollout.traffic import COLOURS, Colour


@dataclass(frozen=True, slots=True)
class Deployment:
    """One version running on one colour.

    Attributes:
        release: image tag, ``v1.2.0-abc1234``.
        bento: tag in the bento store, or the image's name for a container.
        model: model tag that it said it serves when it became ready.
        digest: digest of the model, as it said.
        kind: ``process`` or ``container``.
        handle: process id, or container id.
        address: ``host:port`` of the service.
        started_at: UTC, ISO 8601.
        ending: it is being stopped for another one, and is no way back any more.
    """

    colour: Colour
    release: str
    bento: str
    kind: str
    handle: str
    address: str
    started_at: str
    model: str = ""
    digest: str = ""
    ending: bool = False

    @property
    def url(self) -> str:
        return f"http://{self.address}"


_FIELDS = {field.name for field in fields(Deployment)}


class Launcher(Protocol):
    """Starts and stops a version. What it started outlives the process that asked."""

    @property
    def kind(self) -> str:
        """``process`` or ``container``."""
        ...

    def require(self, bento: str) -> None:
        """See that there is something to start, before anything is stopped for it.

        Raises:
            NotFoundError: there is no such bento or image.
        """
        ...

    def start(self, bento: str, colour: Colour, address: str) -> str:
        """Start it and return its handle; readiness is the caller's to await.

        Raises:
            NotFoundError: there is no such bento or image.
            UnavailableError: it could not be started.
        """
        ...

    def adopt(self, colour: Colour, address: str) -> str:
        """The handle of what already runs for a colour, started by other means.

        Raises:
            NotFoundError: nothing does, or it cannot be told.
        """
        ...

    def alive(self, handle: str) -> bool: ...

    def stop(self, handle: str, deadline_seconds: float = 60.0) -> None:
        """Let running requests finish, then end it; ended already is fine."""
        ...


@dataclass(slots=True)
class StubLauncher:
    """Pretends to run things; ``running`` holds the handles that are alive.

    ``missing`` are bentos that are not there.
    """

    kind: str = "process"
    running: dict[str, tuple[str, str]] = field(default_factory=dict)
    count: int = 0
    missing: set[str] = field(default_factory=set)

    def require(self, bento: str) -> None:
        if bento in self.missing:
            raise NotFoundError(f"bento {bento} is not there")

    def start(self, bento: str, colour: Colour, address: str) -> str:
        self.count += 1
        self.running[f"h{self.count}"] = (bento, address)
        return f"h{self.count}"

    def adopt(self, colour: Colour, address: str) -> str:
        for handle, (_, where) in self.running.items():
            if where == address:
                return handle
        raise NotFoundError(f"nothing runs at {address}")

    def alive(self, handle: str) -> bool:
        return handle in self.running

    def stop(self, handle: str, deadline_seconds: float = 60.0) -> None:
        self.running.pop(handle, None)


class Colours:
    """The two records, JSON files under ``directory``, each replaced by rename."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def get(self, colour: Colour) -> Deployment | None:
        """What was deployed on ``colour``, or None. Fields of newer versions are passed over.

        Raises:
            IntegrityError: the record is not readable.
        """
        path = self._path(colour)
        try:
            record = dict(json.loads(path.read_text(encoding="utf-8")))
            return Deployment(**{key: record[key] for key in _FIELDS & record.keys()})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise IntegrityError(f"{path} is damaged ({error}); deploy {colour} again") from None

    def known(self, colour: Colour) -> Deployment | None:
        """What was deployed on ``colour``, or None: also where the record is not readable."""
        try:
            return self.get(colour)
        except IntegrityError:
            return None

    def usable(self, colour: Colour) -> Deployment | None:
        """What is known on ``colour`` and may be given traffic: not what is being stopped."""
        found = self.known(colour)
        return found if found and not found.ending else None

    def put(self, deployment: Deployment) -> None:
        text = json.dumps(asdict(deployment), indent=2) + "\n"
        replace_text(self._path(deployment.colour), text)

    def clear(self, colour: Colour) -> None:
        self._path(colour).unlink(missing_ok=True)

    def running(self, release: str) -> Deployment:
        """The colour that ``release`` was put on.

        Raises:
            NotFoundError: it is on neither; names what is.
        """
        present = [found for colour in COLOURS if (found := self.usable(colour))]
        for deployment in present:
            if deployment.release == release:
                return deployment
        have = ", ".join(f"{d.colour}: {d.release}" for d in present) or "nothing"
        raise NotFoundError(f"{release} is not deployed (deployed is {have})")

    def _path(self, colour: Colour) -> Path:
        return self.directory / f"{colour}.json"
