"""OpenAI's chat API, off unless ``CSANMT_OPENAI=1``."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import Route

from serving.apis.api import Api, Backend
from serving.apis.openai.chat import ChatRoutes, openai_error
from serving.openapi.document import Description


def openai_api(backend: Backend) -> Api:
    chat = ChatRoutes(backend.service)
    return Api(
        routes=[
            Route("/v1/models", chat.models),
            Route("/v1/models/{id}", chat.model),
            Route("/v1/chat/completions", chat.complete, methods=["POST"]),
        ],
        description=Description(Path(__file__).with_name("openapi.yaml")),
        error=openai_error,
        prefixes=("/v1/",),
    )
