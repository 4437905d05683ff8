"""Apertium's API, which OmegaT's connector speaks."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.apis.apertium.translate import ApertiumShape, apertium_error, list_pairs
from serving.apis.api import Api, Backend
from serving.openapi.document import Description


def apertium_api(backend: Backend) -> Api:
    async def pairs(request: Request) -> Response:
        return list_pairs(backend.service)

    return Api(
        routes=[Route("/listPairs", pairs)],
        description=Description(Path(__file__).with_name("openapi.yaml")),
        error=apertium_error,
        shape=ApertiumShape(backend.service),
        key_fields={"/translate": ("key",), "/listPairs": ("key",)},
    )
