"""The API of this service itself. On ``/translate`` it answers what no other API claims."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import Route

from serving.apis.api import Api, Backend
from serving.apis.native.documents import DocumentRoutes
from serving.apis.native.glossaries import GlossaryRoutes
from serving.apis.native.translate import NativeShape


def native_api(backend: Backend) -> Api:
    service, glossaries = backend.service, backend.glossaries
    shape = NativeShape(service, glossaries)
    routes = [
        Route("/translate/stream", shape.stream, methods=["POST"]),
        *DocumentRoutes(backend.documents, glossaries).routes(),
        *GlossaryRoutes(glossaries, service).routes(),
    ]
    return Api(routes, Path(__file__).with_name("openapi.yaml"), shape=shape)
