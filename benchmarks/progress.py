"""A progress bar for whoever watches; silence where nobody does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Protocol, TextIO


class Progress(Protocol):
    """Told about every stage of a long judgement."""

    def start(self, what: str, total: int) -> None: ...

    def advance(self, count: int) -> None: ...

    def finish(self) -> None: ...


class Silent:
    """Says nothing."""

    def start(self, what: str, total: int) -> None: ...

    def advance(self, count: int) -> None: ...

    def finish(self) -> None: ...


class Bar:
    """One line that fills, on a terminal; a line a stage where the output is a log."""

    def __init__(
        self, stream: TextIO = sys.stderr, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._live = stream.isatty()
        self._what, self._total, self._done = "", 0, 0
        self._began = self._drawn = 0.0

    def start(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._began = self._clock()
        self._drawn = 0.0
        self._draw()

    def advance(self, count: int) -> None:
        self._done += count
        if self._clock() - self._drawn > 0.1:
            self._draw()

    def finish(self) -> None:
        elapsed = self._clock() - self._began
        end = f"{self._what}: {self._done} in {elapsed:.1f} s"
        self._stream.write(f"\r\x1b[K{end}\n" if self._live else f"{end}\n")
        self._stream.flush()

    def _draw(self) -> None:
        if not self._live:
            return
        self._drawn = self._clock()
        share = self._done / self._total if self._total else 0.0
        elapsed = self._drawn - self._began
        left = f", {elapsed / share - elapsed:.0f} s left" if share > 0.02 else ""
        filled = "█" * int(share * 24)
        self._stream.write(f"\r\x1b[K{self._what} {filled:·<24} {self._done}/{self._total}{left}")
        self._stream.flush()
