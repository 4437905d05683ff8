"""Who is told how far a long judgement is."""

from __future__ import annotations

from typing import Protocol


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


SILENT = Silent()
