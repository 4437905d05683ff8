"""Apertium's API, which OmegaT's connector speaks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.apis.apertium.description import apertium_piece
from serving.apis.apertium.translate import ApertiumShape, apertium_error, list_pairs
from serving.apis.api import Api, Backend


def apertium_api(backend: Backend) -> Api:
    async def pairs(request: Request) -> Response:
        return list_pairs(backend.service)

    return Api(
        routes=[Route("/listPairs", pairs)],
        describe=apertium_piece,
        error=apertium_error,
        shape=ApertiumShape(backend.service),
        key_fields={"/translate": ("key",), "/listPairs": ("key",)},
    )
