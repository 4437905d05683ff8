"""A progress bar that appears only when somebody can see it and has waited two seconds,
and what long commands say of their progress through it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from benchmarks import subject
from cli.output import note

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 2.0  # seconds
REDRAW = 0.1  # seconds
EVERY = 30.0  # seconds between lines in a log


class ProgressBar:
    """Counts towards ``total``; draws on stderr once ``PATIENCE`` is over."""

    def __init__(self, title: str, total: int, *, shown: bool | None = None) -> None:
        """
        Args:
            total: bytes, lines, whatever ``advance`` counts.
            shown: None asks whether stderr is a terminal.
        """
        self.title, self.done, self._total = title, 0, total
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._started, self._drawn = time.monotonic(), 0.0
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._started

    def advance(self, amount: int) -> None:
        self.done += amount
        now = time.monotonic()
        waits = now - self._started < PATIENCE or now - self._drawn < REDRAW
        if self._shown and not waits:
            self._drawn = now
            self._bar = self._bar or self._start()
            self._bar.update(self._bar.task_ids[0], completed=self.done, refresh=True)

    def _start(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,  # no thread of its own: speed is measured under it
        )
        bar.add_task(self.title, total=self._total)
        bar.start()
        return bar


@contextmanager
def digesting(title: str, total: int) -> Iterator[None]:
    """A bar for what the store digests in the body, ``total`` bytes in all."""
    from model_store.digests import watching

    with ProgressBar(title, total) as bar, watching(bar.advance):
        yield


class StageProgress(subject.Progress):
    """A bar a stage of a judgement, and a line when it is done."""

    def start(self, what: str, total: int) -> None:
        self._bar = ProgressBar(what, total)

    def advance(self, count: int) -> None:
        self._bar.advance(count)

    def finish(self) -> None:
        self._bar.stop()
        note(f"{self._bar.title}: {self._bar.done} in {self._bar.seconds:.1f} s")


class BulkProgress(ProgressBar):
    """How far a bulk run is: a bar in a terminal, now and then a line in a log."""

    def __init__(self) -> None:
        super().__init__("translating", 0)
        self._said = self._started
        self._first: tuple[float, int] | None = None  # when the first were done, and how many

    def update(self, done: int, total: int) -> None:
        self._total = total
        self.advance(done - self.done)
        now = time.monotonic()
        since, before = self._first = self._first or (now, done)
        if not self._shown and now - self._said >= EVERY and done > before:
            self._said = now
            rate = (done - before) / (now - since)
            left = timedelta(seconds=round((total - done) / rate))
            words = f"{done:,} of {total:,} records ({100 * done // total} %)"
            note(f"{words}, {rate:,.0f} a second, {left} left")
