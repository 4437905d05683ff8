"""Finds LibreTranslate's ``api_key`` in a query or body and hands it on as a header.

So that one layer, the guard, goes on deciding for every route.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from csanmt.errors import CsanmtError
from serving.body import read_body
from serving.clients.fields import all_fields
from serving.keys import presented_key

FIELD = "api_key"


class BodyKey:
    """ASGI layer in front of the guard; only for ``paths``, and only without a key header.

    Args:
        limit: most bytes of a body that are read here; a longer one is passed on unread,
            to be refused where all are refused.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str], limit: int) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        concerned = scope["type"] == "http" and scope["path"] in self._paths
        if concerned and presented_key(Headers(scope=scope)) is None:
            receive = await self._look(scope, receive)
        await self._app(scope, receive, send)

    async def _look(self, scope: Scope, receive: Receive) -> Receive:
        body = await read_body(Request(scope, receive), self._limit)
        try:
            key = (await all_fields(Request(scope, _replay(body, receive)), body)).get(FIELD)
        except CsanmtError:
            key = None  # whoever answers the request says what is wrong with it
        if isinstance(key, str) and key.isascii() and key.isprintable() and key:
            MutableHeaders(scope=scope)["x-api-key"] = key
        return _replay(body, receive)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that yields ``body`` once and then what really comes (a disconnect)."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
