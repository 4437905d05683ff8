"""Who is next: turns that owners take one after the other, however much one of them wants."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

MOST_REMEMBERED = 10_000  # owners whose last turn is known; the oldest are forgotten first


@dataclass(slots=True, eq=False)
class _Waiter:
    owner: str
    rank: int
    ready: asyncio.Future[None] = field(default_factory=asyncio.Future)


class FairTurns:
    """At most ``slots`` turns at once, each to the owner who has had none for longest.

    Among the turns that one owner waits for, the lowest rank comes first.

    Args:
        each: turns of one owner at once; so many slots less stay free for others.
    """

    def __init__(self, slots: int, each: int | None = None) -> None:
        self._free, self._each = slots, each or slots
        self._waiting: list[_Waiter] = []
        self._running: Counter[str] = Counter()
        self._last: dict[str, int] = {}
        self._count = count(1)

    @asynccontextmanager
    async def turn(self, owner: str, rank: int = 0) -> AsyncIterator[None]:
        """Wait for a turn and hold it within."""
        waiter = _Waiter(owner, rank)
        self._waiting.append(waiter)
        self._grant()
        try:
            await waiter.ready
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            else:
                self._release(owner)  # granted in the same moment
            raise
        try:
            yield
        finally:
            self._release(owner)

    def _release(self, owner: str) -> None:
        self._free += 1
        self._running[owner] -= 1
        if not self._running[owner]:
            del self._running[owner]
        self._grant()

    def _grant(self) -> None:
        while self._free:
            allowed = [w for w in self._waiting if self._running[w.owner] < self._each]
            if not allowed:
                return
            first = min(allowed, key=self._urgency)
            self._waiting.remove(first)
            self._free -= 1
            self._running[first.owner] += 1
            self._last.pop(first.owner, None)
            self._last[first.owner] = next(self._count)
            if len(self._last) > MOST_REMEMBERED:
                del self._last[next(iter(self._last))]
            first.ready.set_result(None)

    def _urgency(self, waiter: _Waiter) -> tuple[int, int, int]:
        return self._running[waiter.owner], self._last.get(waiter.owner, 0), waiter.rank
