"""Who is told how far a long judgement is."""

from __future__ import annotations


class Progress:
    """Told about every stage of a long judgement; this one says nothing."""

    def start(self, what: str, total: int) -> None: ...

    def advance(self, count: int) -> None: ...

    def finish(self) -> None: ...


SILENT = Progress()
