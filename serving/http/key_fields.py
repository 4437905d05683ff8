"""Finds a key that a client puts into its query or body and hands it on as a header.

LibreTranslate's clients send ``api_key``, Apertium's ``key``, old clients of DeepL
``auth_key``. So that one layer, the guard, goes on deciding for every route.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from csanmt.errors import CsanmtError, OverloadedError
from serving.http.fields import all_fields
from serving.http.headers import declared_length, presented_key
from serving.http.json_body import read_body

LARGE = 1 << 20  # bytes of a body, from which few are read at once for the sake of a key
LARGE_AT_ONCE = 4
BODY = "body"  # in a request's state: its body, where it has been read before the endpoint


class KeyFields:
    """ASGI layer in front of the guard, for requests without a key in a header.

    Args:
        fields: by path, the fields that may hold a key; other paths are let through.
        limit: most bytes of a body that are read here; a longer one is refused.
        limits: by path, where they differ from that.
    """

    def __init__(
        self,
        app: ASGIApp,
        fields: Mapping[str, tuple[str, ...]],
        limit: int,
        limits: Mapping[str, int],
    ) -> None:
        self._app, self._fields = app, fields
        self._limit, self._limits = limit, limits
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = self._fields.get(scope["path"], ()) if scope["type"] == "http" else ()
        if names and presented_key(scope) is None:
            receive = await self._look(scope, receive, names)
        await self._app(scope, receive, send)

    async def _look(self, scope: Scope, receive: Receive, names: tuple[str, ...]) -> Receive:
        """Raises OverloadedError: too many large bodies are being looked at."""
        limit, declared = self._limits.get(scope["path"], self._limit), declared_length(scope)
        if limit <= LARGE or (declared is not None and declared <= LARGE):
            return await self._looked(scope, receive, names, limit)
        if self._large.locked():
            raise OverloadedError(
                "too many large bodies without a key in a header; try again later, "
                "or send the header 'Authorization: Bearer KEY'"
            )
        async with self._large:
            return await self._looked(scope, receive, names, limit)

    async def _looked(
        self, scope: Scope, receive: Receive, names: tuple[str, ...], limit: int
    ) -> Receive:
        body = await read_body(Request(scope, receive), limit)
        scope.setdefault("state", {})[BODY] = body
        try:
            fields = await all_fields(Request(scope, replayed(body, receive)), body)
        except CsanmtError:
            fields = dict(Request(scope).query_params)  # what is wrong, the endpoint says
        key = next((fields[name] for name in names if _usable(fields.get(name))), None)
        if key is not None:
            MutableHeaders(scope=scope)["x-api-key"] = key
        return replayed(body, receive)


def _usable(key: Any) -> bool:
    """A string that can be a header's value."""
    return isinstance(key, str) and key.isascii() and key.isprintable() and bool(key.strip())


def replayed(body: bytes, receive: Receive) -> Receive:
    """A receive that yields ``body`` once and then what really comes (a disconnect)."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
