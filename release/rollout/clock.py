"""Time as a seam, so that half an hour of watching takes a test no time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds; only differences mean anything."""
        ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(slots=True)
class FakeClock:
    """Jumps instead of waiting; ``on_sleep`` lets the world change meanwhile."""

    time: float = 0.0
    on_sleep: list[Callable[[float], None]] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        for hook in self.on_sleep:
            hook(self.time)
