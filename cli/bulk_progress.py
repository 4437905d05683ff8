"""How far a bulk run is: a bar in a terminal, now and then a line in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

from cli.output import note
from cli.progress import ProgressBar

EVERY = 30.0  # seconds between lines


class BulkProgress:
    """Told of records done; says how many a second, and how long the rest will take.

    Args:
        silent: say nothing.
        clock: seconds from any start.
    """

    def __init__(self, silent: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._silent, self._clock = silent, clock
        self._started = self._said = clock()
        self._first: tuple[float, int] | None = None  # when the first were done, and how many
        self._bar: ProgressBar | None = None
        self._done = 0

    @property
    def seconds(self) -> float:
        return self._clock() - self._started

    def __enter__(self) -> BulkProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def update(self, done: int, total: int) -> None:
        if self._silent:
            return
        if sys.stderr.isatty():
            self._bar = self._bar or ProgressBar("translating", total)
            self._bar.advance(done - self._done)
        self._done = done
        now = self._clock()
        self._first = self._first or (now, done)
        if self._bar is None and now - self._said >= EVERY:
            self._said = now
            note(self.line(done, total))

    def line(self, done: int, total: int) -> str:
        """``12,000 of 96,000 records (12 %), 340 a second, 4 min 7 s left``."""
        percent = 100 * done // max(1, total)
        text = f"{done:,} of {total:,} records ({percent} %)"
        since, before = self._first or (self._started, 0)
        elapsed = self._clock() - since
        if done > before and elapsed > 0:
            rate = (done - before) / elapsed
            text += f", {rate:,.0f} a second, {_duration((total - done) / rate)} left"
        return text


def _duration(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
