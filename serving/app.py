"""The HTTP application: routes, and the layers around them.

From the outside in: ``Edge`` (headers, counts, log), CORS if origins are allowed,
``ErrorAnswers``, ``Guard`` (keys, rates), routes. ``build`` makes it of settings and
runners; it needs no BentoML, so tests drive it in-process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import REGISTRY, CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from csanmt.documents.formats import SUFFIXES
from serving.apis import Incoming, Shape, dispatch
from serving.apis.apertium.description import apertium_piece
from serving.apis.apertium.translate import ApertiumShape, list_pairs
from serving.apis.deepl.description import deepl_piece
from serving.apis.deepl.documents import DeepLDocumentRoutes
from serving.apis.deepl.glossaries import DeepLGlossaryRoutes
from serving.apis.deepl.translate import DeepLRoutes
from serving.apis.libretranslate.description import libretranslate_piece
from serving.apis.libretranslate.documents import DOWNLOADS, UPLOAD, LibreTranslateDocumentRoutes
from serving.apis.libretranslate.routes import LibreTranslateRoutes
from serving.apis.libretranslate.translate import LibreTranslateShape
from serving.apis.native.description import native_piece
from serving.apis.native.documents import DocumentRoutes
from serving.apis.native.glossaries import GlossaryRoutes
from serving.apis.native.translate import NativeShape, answer_stream
from serving.docs_page import render_docs
from serving.documents.jobs import DocumentJobs
from serving.documents.upload import most_bytes
from serving.glossaries.owner import Glossaries
from serving.glossaries.store import GlossaryStore
from serving.http.guard import Guard
from serving.http.json_body import read_body
from serving.http.key_fields import BodyKey
from serving.http.keys import KeyRing
from serving.http.middleware import Edge, ErrorAnswers
from serving.layout import CountTokens
from serving.memory import Recall
from serving.metrics import Metrics
from serving.openapi import Describe, openapi_document
from serving.openapi.documents import documents_piece
from serving.openapi.glossaries import glossaries_piece
from serving.openapi.operations import operations_piece
from serving.operations import Operations
from serving.provenance import Provenance
from serving.runners.batching import BatchLimits, BatchQueue
from serving.runners.pool import RunnerPool
from serving.runners.remote import Runner
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings
from serving.translating import TranslationService
from serving.wording import Wording

if TYPE_CHECKING:
    from csanmt.memory.store import TranslationMemory

log = logging.getLogger("csanmt.server")

# What /openapi.json says: one piece for each group of routes below.
DESCRIBED: tuple[Describe, ...] = (
    native_piece, documents_piece, libretranslate_piece, deepl_piece, apertium_piece,
    glossaries_piece, operations_piece,
)  # fmt: skip
EXPOSED_HEADERS = ("X-Request-ID", "X-Model-Version", "Retry-After")
SHAPES: tuple[Shape, ...] = (ApertiumShape(), LibreTranslateShape(), NativeShape())


@dataclass(frozen=True, slots=True)
class Application:
    """The ASGI application and what must be started and stopped with the server."""

    asgi: ASGIApp
    pool: RunnerPool
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
) -> Application:
    """Put the service together.

    Args:
        make_runner: makes one more runner; called for every start of one.
        count_tokens: source tokens of a text, as the model's tokenizer counts them.
        page: directory of the page's static files, served at ``/``; None serves no page.
        memory: what persons have translated; None keeps no memory.
    """
    metrics = Metrics(settings.model, registry)
    limits = BatchLimits(
        settings.batch_sentences,
        settings.batch_seconds,
        settings.queue_sentences,
        settings.queue_seconds,
    )
    queue = BatchQueue(limits, settings.runner_count)
    pool = RunnerPool(
        queue, make_runner, settings.runner_count, metrics, batch_deadline=settings.batch_deadline
    )
    recall = Recall(memory, metrics)
    service = TranslationService(queue, pool, metrics, settings, count_tokens, recall)
    operations = Operations(settings, service, pool, queue, metrics, provenance)
    documents = _documents(settings, service)
    files = _page_routes(page) if page else []
    libre = LibreTranslateRoutes(
        service,
        keys_required=bool(keys),
        suggestions=settings.suggestions_file,
        file_formats=SUFFIXES if settings.max_document_bytes else (),
    )
    store = GlossaryStore(settings.glossaries_file, settings.glossary_bytes)
    glossaries = Glossaries(store, service)
    clients = [
        *libre.routes(), *DeepLRoutes(service, glossaries).routes(), *_document_routes(service),
        *GlossaryRoutes(store, service).routes(), *DeepLGlossaryRoutes(store, service).routes(),
    ]  # fmt: skip
    translation = _translation_routes(service, glossaries)
    routes = (*translation, *clients, *operations.routes(), *documents, *files)
    router = _Routes(routes, redirect_slashes=False)
    public = [route.path for route in (*libre.public(), *documents, *files)]
    asgi = _layers(router, settings, keys or KeyRing(), public)
    paths = frozenset(route.path for route in routes)
    edge = Edge(asgi, model=settings.model, metrics=metrics, endpoints=paths)
    return Application(edge, pool, service, queue, metrics, routes, paths)


def _translation_routes(service: TranslationService, glossaries: Glossaries) -> list[Route]:
    shapes = (*SHAPES[:-1], NativeShape(glossaries))

    async def translate(request: Request) -> Response:
        return await dispatch(request, shapes, service)

    async def translate_stream(request: Request) -> Response:
        body = await read_body(request, service.settings.max_body_bytes)
        return await answer_stream(Incoming(request, body), service, glossaries)

    async def list_language_pairs(request: Request) -> Response:
        return list_pairs(service)

    return [
        Route("/translate", translate, methods=["GET", "POST"]),
        Route("/translate/stream", translate_stream, methods=["POST"]),
        Route("/listPairs", list_language_pairs),
    ]


def _document_routes(service: TranslationService) -> list[Route]:
    jobs = DocumentJobs(service)
    return [
        *DocumentRoutes(jobs, service.settings).routes(),
        *LibreTranslateDocumentRoutes(jobs, service).routes(),
        *DeepLDocumentRoutes(jobs, service).routes(),
    ]


def _documents(settings: Settings, service: TranslationService) -> list[Route]:
    @lru_cache(maxsize=1)
    def document(facts: TranslatorFacts) -> dict[str, Any]:
        return openapi_document(settings, facts, DESCRIBED)

    async def openapi(request: Request) -> Response:
        return JSONResponse(document(service.facts))

    async def docs(request: Request) -> Response:
        return HTMLResponse(render_docs(document(service.facts), str(request.base_url)))

    return [Route("/openapi.json", openapi), Route("/docs", docs)]


def _page_routes(page: Path) -> list[Route]:
    """One route a file, so that nothing else of the disk can be asked for."""
    routes = []
    for path in sorted(p for p in page.rglob("*") if p.is_file() and not p.is_symlink()):
        url = "/" + path.relative_to(page).as_posix()
        routes.append(Route("/" if url == "/index.html" else url, _file_endpoint(path)))
    return routes


def _file_endpoint(path: Path) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    return endpoint


class _Routes(Router):
    """Routes that raise what they cannot answer, so that one place words all errors."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # starlette's router raises 404 and 405 only inside an "app"
        try:
            await super().__call__(scope, receive, send)
        except HTTPException as error:
            if error.status_code != 405:
                raise
            raise HTTPException(405, headers={"Allow": self._allowed(scope)}) from None

    def _allowed(self, scope: Scope) -> str:
        """The methods of all routes at this path; starlette names the first one's only."""
        here = [r for r in self.routes if isinstance(r, Route)]
        here = [route for route in here if route.matches(scope)[0] is not Match.NONE]
        return ", ".join(sorted({method for route in here for method in route.methods or ()}))


def _layers(
    app: ASGIApp,
    settings: Settings,
    keys: KeyRing,
    public: Collection[str],
) -> ASGIApp:
    app = Guard(
        app,
        settings=settings,
        keys=keys,
        public=public,
        scopes={"/metrics": "metrics"},
        secret_folders=[DOWNLOADS],
    )
    if keys:
        app = BodyKey(app, settings.max_body_bytes, {UPLOAD: most_bytes(settings)})
    app = ErrorAnswers(app, Wording(SHAPES))
    if settings.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-ID"],
            expose_headers=EXPOSED_HEADERS,
        )
    return app
