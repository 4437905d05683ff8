"""A progress bar that appears only when somebody can see it and has waited two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE = 2.0  # seconds


class ProgressBar:
    """Counts towards ``total``; draws on stderr once ``PATIENCE`` is over."""

    def __init__(
        self,
        title: str,
        total: int,
        *,
        shown: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            total: bytes, lines, whatever ``advance`` counts.
            shown: None asks whether stderr is a terminal.
            clock: seconds from any start.
        """
        self._title, self._total, self._done = title, total, 0
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._clock, self._started = clock, clock()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, amount: int) -> None:
        self._done += amount
        if not self._shown:
            return
        if self._bar is None and self._clock() - self._started >= PATIENCE:
            self._start()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(self._title, total=self._total)
        self._bar.start()


@contextmanager
def digesting(title: str, total: int) -> Iterator[None]:
    """A bar for what the store digests in the body, ``total`` bytes in all."""
    from model_store.digests import watching

    with ProgressBar(title, total) as bar, watching(bar.advance):
        yield


def directory_size(directory: Path) -> int:
    """Bytes of all files below ``directory``; 0 if there is none."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
