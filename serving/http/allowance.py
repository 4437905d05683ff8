"""What a caller may still ask for: requests a minute and characters a day.

``charged`` is where a translation's characters are taken from the caller's day.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import Request

from csanmt.errors import CancelledError
from serving.http.errors import QuotaExceededError, RateLimitedError
from serving.http.keys import ApiKey

MOST_CALLERS = 10_000  # remembered
REFILL = 60.0  # seconds after which any bucket is full again, and forgetting it changes nothing
STRANGERS = "all others"  # share one bucket while so many callers were there a moment ago
DAY = 86_400.0


def remaining(limit: int, left: int, reset: int) -> dict[str, str]:
    """What the answer's headers say of requests and of seconds until all are there again."""
    values = {"Limit": limit, "Remaining": left, "Reset": reset}
    return {f"RateLimit-{name}": str(value) for name, value in values.items()}


class RequestRate:
    """A token bucket a caller: ``per_minute`` requests, all at once or spread.

    Args:
        clock: seconds that only grow; tests hand in their own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, per_minute: int) -> dict[str, str]:
        """Use one request of the caller's allowance; the headers that say what is left.

        Args:
            caller: a key's name or an address; all of an IPv6 network of 64 bits, which is what
                one customer gets, are one caller.

        Raises:
            RateLimitedError: none is left.
        """
        now, caller = self._clock(), _network(caller)
        if caller not in self._buckets and self._crowded(now):
            caller = STRANGERS
        rate = per_minute / 60
        tokens, at = self._buckets.pop(caller, (float(per_minute), now))
        tokens = min(per_minute, tokens + (now - at) * rate)
        allowed = tokens >= 1
        tokens -= allowed
        self._buckets[caller] = tokens, now  # newest last
        if not allowed:
            wait = max(1, math.ceil((1 - tokens) / rate))
            raise RateLimitedError(f"more than {per_minute} requests a minute", wait)
        return remaining(per_minute, int(tokens), math.ceil((per_minute - tokens) / rate))

    def _crowded(self, now: float) -> bool:
        """No room for one more, all having been there a moment ago; forgets those who were not."""
        while self._buckets and now - next(iter(self._buckets.values()))[1] >= REFILL:
            self._buckets.popitem(last=False)
        return len(self._buckets) >= MOST_CALLERS


@lru_cache(maxsize=1024)
def _network(caller: str) -> str:
    """The network of an IPv6 address; anything else as it is."""
    try:
        address = ipaddress.IPv6Address(caller.partition("%")[0])
    except ValueError:
        return caller
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False))


class CharacterQuota:
    """Characters a UTC day and caller; counted in memory, so a restart forgets them.

    A day that has begun is not left again: a clock that is set back gives no second quota. One
    that was days ahead for a moment is believed when it is back, with what was used counted.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._days: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._latest = 0

    def _today(self) -> int:
        today = int(self._clock() // DAY)
        if today > self._latest or today < self._latest - 1:
            self._latest = today
        return self._latest

    def used(self, caller: str) -> int:
        (day, characters), today = self._days.get(caller, (0, 0)), self._today()
        if day > today:  # the clock was ahead
            self._days[caller] = today, characters
        return characters if day >= today else 0

    def take(self, caller: str, characters: int, per_day: int = 0) -> None:
        """Use ``characters`` of the caller's day, which has ``per_day`` (0: no limit).

        Raises:
            QuotaExceededError: fewer are left; nothing is used.
        """
        used, today = self.used(caller), self._today()
        if per_day and used + characters > per_day:
            wait = math.ceil((today + 1) * DAY - self._clock())
            raise QuotaExceededError(f"more than {per_day} characters a day", wait)
        self._days[caller] = today, used + characters
        self._days.move_to_end(caller)
        if len(self._days) > MOST_CALLERS:
            self._days.popitem(last=False)

    def give_back(self, caller: str, characters: int) -> None:
        """Undo a ``take`` of today."""
        if used := self.used(caller):
            self._days[caller] = self._today(), max(0, used - characters)


@contextmanager
def charged(request: Request, characters: int) -> Iterator[None]:
    """Take ``characters`` for what is done within, and give them back if it raises.

    A client that goes away gets none back: it was worked for.

    Raises:
        QuotaExceededError: the caller's day is used up.
    """
    account = Account.of(request)
    account.take(characters)
    try:
        yield
    except CancelledError:
        raise
    except Exception:
        account.give_back(characters)
        raise


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks, and their day, also for work that outlives the request.

    Attributes:
        name: the key's, or an address.
        key: None where keys are off.
    """

    name: str
    quota: CharacterQuota
    key: ApiKey | None = None

    @classmethod
    def of(cls, request: Request) -> Account:
        """Whom the guard found behind this request."""
        account: Account = request.scope["state"]["account"]
        return account

    @property
    def per_day(self) -> int:
        """Characters a day; 0: no limit."""
        return self.key.characters_per_day if self.key else 0

    def take(self, characters: int) -> None:
        """Raises QuotaExceededError: the caller's day is used up."""
        self.quota.take(self.name, characters, self.per_day)

    def give_back(self, characters: int) -> None:
        self.quota.give_back(self.name, characters)
