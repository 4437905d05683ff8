"""Characters of a caller's day: taken for a translation, given back where none comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from csanmt.errors import CancelledError
from serving.http.guard import Caller, charge


@contextmanager
def charged(request: Request, characters: int) -> Iterator[None]:
    """Take ``characters`` for what is done within, and give them back if it raises.

    A client that goes away gets none back: it was worked for.

    Raises:
        RateLimitedError: the caller's day is used up.
    """
    charge(request, characters)
    try:
        yield
    except CancelledError:
        raise
    except Exception:
        caller: Caller = request.state.caller
        request.state.quota.give_back(caller.name, characters)
        raise
