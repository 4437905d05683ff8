"""Fits the application into a BentoML service: our HTTP in front of BentoML's own.

BentoML routes ``/livez /readyz /healthz /metrics /docs.json`` and a page at ``/``
that loads foreign scripts, before any mounted application, behind layers that take
as much of the processor as all of ours (tracing without an exporter, metrics, a
timer a request that keeps the request's context until it fires; bentoml 1.4.39,
server/http/{instruments,traffic}.py). Ours answers every request itself, so that
one set of errors, keys and headers holds for all of them. BentoML keeps its process
model, its start and stop, and its tracing where an exporter is set.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from _bentoml_sdk.service import Service
from bentoml._internal.configuration.containers import BentoMLContainer
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import HTTP_PROTOCOLS

from serving.http.connections import BoundedHttp


class CsanmtBentoService(Service[Any]):
    """A BentoML service behind an application of ours; which gets every request."""

    application: ASGIApp

    def to_asgi(self, *args: Any, **kwargs: Any) -> ASGIApp:
        HTTP_PROTOCOLS["auto"] = f"{BoundedHttp.__module__}:{BoundedHttp.__name__}"
        bentomls, ours = super().to_asgi(*args, **kwargs), traced(self.application)

        async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
            await (bentomls if scope["type"] == "lifespan" else ours)(scope, receive, send)

        return chosen


def traced(application: ASGIApp) -> ASGIApp:
    """``application`` under BentoML's tracing if its configuration names an exporter."""
    if not BentoMLContainer.tracing.exporter_type.get():
        return application
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    return OpenTelemetryMiddleware(
        application,
        excluded_urls=BentoMLContainer.tracing_excluded_urls.get(),
        tracer_provider=BentoMLContainer.tracer_provider.get(),
    )


def end_with_supervisor() -> None:
    """End this worker, requests first, when the process that started it is gone.

    BentoML's supervisor takes its workers with it unless it is killed; then they would serve
    on, holding the port, with nobody to restart or stop them (bentoml 1.4.39).
    """
    supervisor = os.getppid()

    def watch() -> None:
        while os.getppid() == supervisor:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="supervisor", daemon=True).start()
