"""The layers around every route: request id, headers, counts, log lines; errors as responses.

Pure ASGI, so that streams stream. Every response carries the request id and the
model version, whatever made it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from csanmt.errors import CancelledError, CsanmtError
from serving import metric_names as names
from serving.http.errors import BodyTimeoutError, internal_error
from serving.http.headers import header
from serving.logs import log_event, log_fault
from serving.metrics import PROBE, Metrics

log = logging.getLogger("csanmt.requests")

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
OTHER_ENDPOINT = "other"
PROBE_ENDPOINT = "probe"
PROBE_HEADER = b"x-csanmt-probe"  # nginx takes it from whoever is not the release path's watcher
ENDPOINT = "endpoint"  # in a request's state: its route, where the path holds a parameter
OUTCOME = "outcome"  # in a request's state: the status to count, if its answer began as another
HEADERS = "headers"  # in a request's state: more headers for its answer, whatever that is
BODY_RATE = 16 * 1024  # bytes of a body that came, for which it gets a second more
QUIET = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})  # not logged when they succeed

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def request_id(scope: Scope) -> str:
    """The id of this request, the client's or ours."""
    return str(scope["state"]["request_id"])


class RequestMiddleware:
    """Outermost: gives a request its id, its answer its headers, and counts and logs both.

    Args:
        app: what answers.
        model: the version named in ``X-Model-Version``.
        endpoints: paths that metrics may name; all others count as ``other``, so that a
            scanner cannot make a time series for each path it tries.
    """

    def __init__(
        self, app: ASGIApp, *, model: str, metrics: Metrics, endpoints: Collection[str]
    ) -> None:
        self._app = app
        self._model = model
        self._metrics = metrics
        self._endpoints = endpoints
        self._headers = tuple(
            (name.lower().encode(), value.encode())
            for name, value in {"X-Model-Version": model, **SECURITY_HEADERS}.items()
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        path = scope["path"]
        endpoint = path if path in self._endpoints else OTHER_ENDPOINT
        if _is_probe(scope):
            PROBE.set(True)  # of this request's task
            endpoint = PROBE_ENDPOINT
        identity = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = identity
        headers = ((b"x-request-id", identity.encode()), *self._headers)
        answer = _Answer(send, headers, scope["state"])
        self._metrics.in_progress[endpoint] += 1
        try:
            await self._app(scope, receive, answer.send)
        finally:
            self._metrics.in_progress[endpoint] -= 1
            self._account(scope, endpoint, answer, time.monotonic() - started)

    def _account(self, scope: Scope, known: str, answer: _Answer, seconds: float) -> None:
        endpoint = scope["state"].get(ENDPOINT, known)
        sent = answer.status or 499  # the client went away before any answer
        status = scope["state"].get(OUTCOME, sent)
        self._metrics.count(names.REQUESTS, endpoint, str(status))
        self._metrics.observe(names.REQUEST_SECONDS, seconds, endpoint)
        code = scope["state"].get("error_code")
        if code == CancelledError.code:
            self._metrics.count(names.CANCELLED)
        elif code:
            self._metrics.count(names.ERRORS, code)
        if endpoint in QUIET and status < 400:
            return
        log_event(
            log,
            "request",
            request_id=request_id(scope),
            method=scope["method"],
            endpoint=endpoint,
            status=status,
            ms=round(seconds * 1000, 1),
        )


def _is_probe(scope: Scope) -> bool:
    """Whether a watcher on this machine asks, as nginx passes it on."""
    peer = (scope.get("client") or ("",))[0]
    return peer in ("127.0.0.1", "::1") and header(scope, PROBE_HEADER) == "1"


Respond = Callable[[Scope, Receive, Exception], Awaitable[Response]]


class TimelyBody:
    """``receive`` that waits for a body no longer than its bytes so far allow.

    Bodies being read are few. It raises BodyTimeoutError where the body is read.

    Args:
        seconds: for a body to come, and one more for every ``BODY_RATE`` bytes of it.
    """

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._complete = self._expired = False

    async def receive(self) -> Message:
        if self._complete:  # what comes now is the client going away, at any time
            return await self._receive()
        waiting = asyncio.current_task()
        assert waiting is not None
        # As asyncio.timeout does, at a fifth of its price: most bodies are there at once.
        timer = asyncio.get_running_loop().call_at(self._deadline, self._expire, waiting)
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            if not self._expired or waiting.uncancel():
                raise  # somebody else cancelled us
            raise BodyTimeoutError(
                f"the body came too slowly: {self._seconds:g} seconds are allowed, and more for "
                f"every {BODY_RATE // 1024} KiB"
            ) from None
        finally:
            timer.cancel()
        self._complete = not message.get("more_body", False)
        self._deadline += len(message.get("body", b"")) / BODY_RATE
        return message

    def _expire(self, waiting: asyncio.Task[Any]) -> None:
        self._expired = True
        waiting.cancel()


class ErrorMiddleware:
    """Turns what is raised inside into a response, unless one has begun.

    Args:
        respond: makes the response for an error, in the form that the client knows.
        seconds: that a body may take; see ``TimelyBody``.
    """

    def __init__(self, app: ASGIApp, respond: Respond, seconds: float) -> None:
        self._app = app
        self._respond = respond
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        def noting(message: Message) -> Awaitable[None]:
            nonlocal begun
            begun = True
            return send(message)

        try:
            await self._app(scope, TimelyBody(receive, self._seconds).receive, noting)
        except Exception as error:
            response = await self._response(scope, receive, error)
            scope["state"]["error_code"] = getattr(error, "code", f"http_{response.status_code}")
            if not isinstance(error, CsanmtError | HTTPException):
                log_fault(log, "unexpected error", error, request_id=request_id(scope))
            if begun:
                scope["state"][OUTCOME] = response.status_code
            else:
                await response(scope, receive, send)

    async def _response(self, scope: Scope, receive: Receive, error: Exception) -> Response:
        try:
            return await self._respond(scope, receive, error)
        except Exception as fault:
            log_fault(log, "error response failed", fault, request_id=request_id(scope))
            return internal_error()


def _request_id(scope: Scope) -> str:
    """The id that the client gave, if it is one; else a new one."""
    given = header(scope, b"x-request-id")
    return given if REQUEST_ID.fullmatch(given) else os.urandom(16).hex()


class _Answer:
    """Adds headers to the response's start, where it has none of that name, and remembers its
    status."""

    def __init__(
        self, send: Send, headers: Sequence[tuple[bytes, bytes]], state: Mapping[str, Any]
    ) -> None:
        self._send = send
        self._headers = headers
        self._state = state
        self.status: int | None = None

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            headers += [header for header in self._headers if header[0] not in present]
            for name, value in self._state.get(HEADERS, {}).items():
                if (encoded := name.lower().encode()) not in present:
                    headers.append((encoded, value.encode()))
            message["headers"] = headers
        return self._send(message)
