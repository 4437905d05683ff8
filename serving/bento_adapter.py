"""Fits the application into a BentoML service: our HTTP in front of BentoML's own.

BentoML routes ``/livez /readyz /healthz /metrics /docs.json`` and a page at ``/``
that loads foreign scripts, before any mounted application. ``ApplicationInFront``
answers every request itself, so that one set of errors, keys and headers
holds for all of them; BentoML keeps its process model and its metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from _bentoml_sdk.service import Service
from bentoml._internal.server.http.traffic import TimeoutMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

REAL_PATH = "csanmt.path"
OTHER_PATH = "/other"


class ApplicationInFront:
    """ASGI middleware for ``Service.add_asgi_middleware`` that lets only the lifespan through."""

    def __init__(self, app: ASGIApp, application: ASGIApp) -> None:
        self._behind = app
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._behind(scope, receive, send)
            return
        real = scope.get(REAL_PATH, scope["path"])
        await self._application({**scope, "path": real}, receive, send)


class BoundedPaths:
    """Outermost: BentoML's metrics see the paths there are, and one name for all others.

    Its middleware makes a time series for every path that is asked for
    (bentoml 1.4.39, server/http/instruments.py), so a scanner would fill the memory.
    """

    def __init__(self, app: ASGIApp, known_paths: Callable[[], Collection[str]]) -> None:
        self._app = app
        self._known_paths = known_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            shown = path if path in self._known_paths() else OTHER_PATH
            scope = {**scope, "path": shown, REAL_PATH: path}
        await self._app(scope, receive, send)


class CsanmtBentoService(Service[Any]):
    """A BentoML service behind an application of ours; see ``install_application``."""

    known_paths: Callable[[], Collection[str]] = staticmethod(lambda: ())

    def to_asgi(self, *args: Any, **kwargs: Any) -> ASGIApp:
        app = super().to_asgi(*args, **kwargs)
        # Its timer keeps every request's context in memory until it fires, long after the
        # answer (bentoml 1.4.39, server/http/traffic.py); CSANMT_TIMEOUT is ours.
        app.user_middleware = [m for m in app.user_middleware if m.cls is not TimeoutMiddleware]
        return BoundedPaths(app, self.known_paths)


def install_application(
    service: Any, application: ASGIApp, known_paths: Callable[[], Collection[str]]
) -> None:
    """Let ``application`` answer every request of ``service`` (a CsanmtBentoService).

    Args:
        known_paths: the paths that BentoML's metrics may name.
    """
    service.known_paths = known_paths
    service.add_asgi_middleware(ApplicationInFront, application=application)
