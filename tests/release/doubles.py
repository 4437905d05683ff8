"""The seams of a rollout without anything behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from csanmt.errors import NotFoundError, UnavailableError
from release.rollout.front import Answer
from release.rollout.metrics import DOWN, Clock, Sample
from release.rollout.traffic import Colour, Traffic, require_generation
from release.running.launchers import Place
from release.running.service import Identity


@dataclass
class StubService:
    """A service that is what it was told to be."""

    url: str = "http://127.0.0.1:1"
    up: bool = True
    listening: bool = False
    identity: Identity = field(default_factory=Identity)
    answer: Callable[[str], str] = lambda text: f"English of {text}"
    text: str = ""

    def listens(self) -> bool:
        return self.listening

    def ready(self, timeout: float = 2.0) -> bool:
        return self.up

    def identify(self, timeout: float = 5.0) -> Identity:
        if not self.up:
            raise UnavailableError(f"{self.url} does not answer")
        return self.identity

    def translate(self, texts: Sequence[str], timeout: float = 30.0) -> list[str]:
        return [self.answer(text) for text in texts]

    def metrics(self, timeout: float = 2.0) -> str:
        return self.text


@dataclass(slots=True)
class StubLauncher:
    """Pretends to run things; ``running`` holds what lives where, by handle.

    ``missing`` are bentos that are not there.
    """

    kind: str = "process"
    running: dict[str, tuple[str, str]] = field(default_factory=dict)
    count: int = 0
    missing: set[str] = field(default_factory=set)
    started: Callable[[str, Place], None] = lambda bento, place: None

    def require(self, bento: str) -> None:
        if bento in self.missing:
            raise NotFoundError(f"bento {bento} is not there")

    def start(self, bento: str, place: Place) -> str:
        self.count += 1
        self.running[f"h{self.count}"] = (bento, place.address)
        self.started(bento, place)
        return f"h{self.count}"

    def alive(self, handle: str) -> bool:
        return handle in self.running

    def runs(self, place: Place) -> bool:
        return any(where == place.address for _, where in self.running.values())

    def stop(self, place: Place, deadline_seconds: float = 60.0) -> int | None:
        for handle in [h for h, (_, where) in self.running.items() if where == place.address]:
            del self.running[handle]
        return 0

    def forget(self, place: Place) -> None: ...

    def log(self, place: Place) -> str:
        return f"{place.name}.log"

    def last_words(self, place: Place) -> str:
        return ""


@dataclass(slots=True)
class StubRouter:
    """A Router without a server, which keeps every state it was switched to."""

    history: list[Traffic] = field(default_factory=lambda: [Traffic(100, 0)])
    up: bool = True
    starts: int = 0
    shadow_socket: Path = Path("/nonexistent")

    def live(self) -> Traffic | None:
        return self.history[-1] if self.up and self.history else None

    def written(self) -> Traffic | None:
        return self.history[-1] if self.history else None

    def state(self) -> Traffic | None:
        return self.live() or self.written()

    def configure(self) -> None: ...

    def start(self) -> None:
        self.starts += 1
        self.up = True

    def stop(self) -> None:
        self.up = False

    def ill(self) -> str:
        return "" if self.up else "the front does not run"

    def switch(self, traffic: Traffic, *, expected: int | None = None) -> Traffic:
        before = self.history[-1].generation if self.history else 0
        require_generation(before, expected)
        applied = replace(traffic, generation=before + 1)
        self.history.append(applied)
        self.up = True
        return applied


@dataclass
class StubFront:
    """Answers probes as ``status`` says."""

    status: Callable[[Colour], int] = lambda colour: 200
    seconds: float = 0.2
    users: list[Answer] = field(default_factory=list)

    def probe(self, colour: Colour) -> Answer:
        return Answer(self.status(colour), self.seconds, colour)

    def served(self, colour: Colour) -> list[Answer]:
        return self.users


@dataclass(slots=True)
class StubAlert:
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def send(self, subject: str, detail: dict[str, Any]) -> None:
        self.sent.append((subject, detail))


@dataclass(slots=True)
class FakeClock(Clock):
    """Jumps instead of waiting; ``on_sleep`` lets the world change meanwhile."""

    time: float = 0.0
    on_sleep: list[Callable[[float], None]] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        for hook in self.on_sleep:
            hook(self.time)


@dataclass(slots=True)
class ScriptedMetrics:
    """Each colour's sample is what its function returns now."""

    samples: dict[Colour, Callable[[], Sample]] = field(default_factory=dict)

    def sample(self, colour: Colour) -> Sample:
        return self.samples.get(colour, lambda: DOWN)()
