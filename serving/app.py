"""The HTTP application: routes, and the layers around them.

From the outside in: ``RequestMiddleware`` (headers, counts, log), CORS if origins are allowed,
``ErrorMiddleware``, ``KeyFields``, ``Guard`` (keys, rates), routes. ``build`` makes it of
settings and runners; it needs no BentoML, so tests drive it in-process.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import REGISTRY, CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from csanmt.texts import CountTokens
from csanmt.version import PACKED_WEIGHTS
from serving.apis.apertium import apertium_api
from serving.apis.api import SHARED, Api, Backend, Dispatcher
from serving.apis.deepl import deepl_api
from serving.apis.desktop import desktop_api
from serving.apis.libretranslate import libretranslate_api
from serving.apis.native import native_api
from serving.apis.openai import openai_api
from serving.docs_page import render_docs
from serving.documents.jobs import DocumentJobs
from serving.glossaries.owner import Glossaries
from serving.glossaries.store import GlossaryStore
from serving.http.guard import Guard
from serving.http.key_fields import KeyFields
from serving.http.keys import KeyRing
from serving.http.middleware import ENDPOINT, ErrorMiddleware, RequestMiddleware
from serving.memory import Recall
from serving.metrics import Metrics
from serving.openapi.document import openapi_document
from serving.operations import Operations
from serving.provenance import Provenance
from serving.runners.batching import BatchLimits, BatchQueue
from serving.runners.pool import RunnerPool, WeightsFile
from serving.runners.remote import Runner
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings
from serving.translating import TranslationService

if TYPE_CHECKING:
    from csanmt.memory.store import TranslationMemory

log = logging.getLogger("csanmt.server")

# The APIs beside ours, in the order in which they are asked whether they claim a request.
CLIENTS: tuple[Callable[[Backend], Api], ...] = (
    apertium_api,
    desktop_api,
    libretranslate_api,
    deepl_api,
)
Endpoint = Callable[[Request], Awaitable[Response]]
EXPOSED_HEADERS = ("X-Request-ID", "X-Model-Version", "Retry-After")


@dataclass(frozen=True, slots=True)
class Application:
    """The ASGI application and what must be started and stopped with the server."""

    asgi: ASGIApp
    pool: RunnerPool
    documents: DocumentJobs
    service: TranslationService
    queue: BatchQueue
    metrics: Metrics
    routes: tuple[Route, ...]
    paths: frozenset[str]


def build(
    settings: Settings,
    make_runner: Callable[[], Runner],
    *,
    provenance: Provenance,
    count_tokens: CountTokens,
    keys: KeyRing | None = None,
    page: Path | None = None,
    registry: CollectorRegistry = REGISTRY,
    memory: TranslationMemory | None = None,
    bento_schema: Callable[[], dict[str, Any]] | None = None,
) -> Application:
    """Put the service together.

    Args:
        make_runner: makes one more runner; called for every start of one.
        count_tokens: source tokens of a text, as the model's tokenizer counts them.
        page: directory of the page's static files, served at ``/``; None serves no page.
        memory: what persons have translated; None keeps no memory.
        bento_schema: makes what BentoML's clients read at ``/schema.json``.
    """
    metrics = Metrics(settings.model, registry)
    limits = BatchLimits(
        settings.batch_sentences,
        settings.batch_seconds,
        settings.queue_sentences,
        settings.queue_seconds,
    )
    queue = BatchQueue(limits, settings.runner_count)
    weights = Path(settings.model_directory) / PACKED_WEIGHTS
    pool = RunnerPool(
        queue,
        make_runner,
        settings.runner_count,
        metrics,
        batch_deadline=settings.batch_deadline,
        weights=WeightsFile(weights) if weights.is_file() else None,
    )
    recall = Recall(memory, metrics)
    service = TranslationService(queue, pool, metrics, settings, count_tokens, recall)
    store = GlossaryStore(settings.glossaries_file, settings.glossary_bytes)
    documents = DocumentJobs(service)
    backend = Backend(service, Glossaries(store, service), documents, keys_required=bool(keys))
    native = native_api(backend)
    makers = (*CLIENTS, openai_api) if settings.openai else CLIENTS
    clients = [make(backend) for make in makers]
    operations = Operations(service, provenance).api()
    apis = [native, *clients, operations]
    dispatcher = Dispatcher(service, clients, native)
    files = [*_documents(service, [api.description for api in apis]), *_page_routes(page)]
    if bento_schema:
        files.append(Route("/schema.json", lambda request: JSONResponse(bento_schema())))
    routes = (
        Route(SHARED, dispatcher.translate, methods=["GET", "POST"]),
        *(route for api in apis for route in api.routes),
        *files,
    )
    router = _Routes(routes)
    public = [route.path for route in files]
    asgi = _layers(router, settings, keys or KeyRing(), apis, public, dispatcher)
    paths = frozenset(route.path for route in routes)
    outermost = RequestMiddleware(asgi, model=settings.model, metrics=metrics, endpoints=paths)
    return Application(outermost, pool, documents, service, queue, metrics, routes, paths)


def _documents(service: TranslationService, parts: Sequence[Path]) -> list[Route]:
    @lru_cache(maxsize=1)
    def document(facts: TranslatorFacts) -> dict[str, Any]:
        return openapi_document(service.settings, facts, parts)

    async def openapi(request: Request) -> Response:
        return JSONResponse(document(service.facts))

    async def docs(request: Request) -> Response:
        return HTMLResponse(render_docs(document(service.facts), str(request.base_url)))

    return [Route("/openapi.json", openapi), Route("/docs", docs)]


def _page_routes(page: Path | None) -> list[Route]:
    """One route a file, so that nothing else of the disk can be asked for."""
    routes: list[Route] = []
    if page is None:
        return routes
    for path in sorted(p for p in page.rglob("*") if p.is_file() and not p.is_symlink()):
        url = "/" + path.relative_to(page).as_posix()
        routes.append(Route("/" if url == "/index.html" else url, partial(_file, path)))
    return routes


def _file(path: Path, request: Request) -> Response:
    return FileResponse(path, headers={"Cache-Control": "no-cache"})


class _Routes(Router):
    """Routes that raise what they cannot answer, so that one place tells all errors."""

    def __init__(self, routes: Sequence[Route]) -> None:
        super().__init__(routes, redirect_slashes=False)
        self._paths = frozenset(route.path for route in routes)
        self._direct: dict[tuple[str, str], Endpoint] = {}
        for route in routes:
            if "{" not in route.path and iscoroutinefunction(route.endpoint):
                for method in route.methods or ():
                    self._direct.setdefault((route.path, method), route.endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._direct.get((scope["path"], scope["method"]))
        if endpoint is not None:  # nothing to match, and our layers see to errors
            response = await endpoint(Request(scope, receive, send))
            await response(scope, receive, send)
            return
        scope["app"] = self  # starlette's router raises 404 and 405 only inside an "app"
        if scope["path"] not in self._paths:  # metrics and logs name the route, not the document
            found = next((r for r in self._here(scope)), None)
            if found is not None:
                scope["state"][ENDPOINT] = found.path
        try:
            await super().__call__(scope, receive, send)
        except HTTPException as error:
            if error.status_code != 405:
                raise
            allowed = {"Allow": self._allowed(scope)}
            if scope["method"] != "OPTIONS":
                raise HTTPException(405, headers=allowed) from None
            await Response(status_code=204, headers=allowed)(scope, receive, send)

    def _allowed(self, scope: Scope) -> str:
        """The methods of all routes at this path; starlette names the first one's only."""
        methods = {m for route in self._here(scope) for m in route.methods or ()}
        return ", ".join(sorted(methods | {"OPTIONS"}))

    def _here(self, scope: Scope) -> list[Route]:
        """The routes at this path, whatever their methods."""
        known = [r for r in self.routes if isinstance(r, Route)]
        return [route for route in known if route.matches(scope)[0] is not Match.NONE]


def _layers(
    app: ASGIApp,
    settings: Settings,
    keys: KeyRing,
    apis: Sequence[Api],
    public: Collection[str],
    dispatcher: Dispatcher,
) -> ASGIApp:
    app = Guard(app, settings, keys, apis, public)
    if keys:
        fields: dict[str, tuple[str, ...]] = {}
        for api in apis:
            for path, names in api.key_fields.items():
                fields[path] = fields.get(path, ()) + names
        limits = {path: most for api in apis for path, most in api.body_limits.items()}
        app = KeyFields(app, fields, settings.max_body_bytes, limits)
    app = ErrorMiddleware(app, dispatcher.error_response, settings.body_seconds)
    if settings.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
            expose_headers=EXPOSED_HEADERS,
            allow_private_network=True,  # Chrome asks before a public page reaches this machine
        )
    return app
