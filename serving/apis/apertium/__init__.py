"""Apertium's API, which OmegaT's connector speaks: ``GET /translate?q=…&langpair=zh|en``.

Reference: apertium-apy, ``responseData.translatedText`` and ``responseStatus``; OmegaT's
connector reads the latter in every answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csanmt.errors import CsanmtError
from serving.apis.api import Api, Backend, Incoming
from serving.http.errors import BadRequestError, error_response, reworded
from serving.http.fields import FORM, all_fields
from serving.languages import canonical
from serving.texts import check_texts, decoding, translated
from serving.translating import TranslationService


class ApertiumShape:
    """Claims every GET of ``/translate``, and forms with ``langpair``."""

    def __init__(self, service: TranslationService) -> None:
        self._service = service

    def claims(self, incoming: Incoming) -> bool:
        if incoming.request.method in ("GET", "HEAD"):
            return True
        return _is_form(incoming) and b"langpair=" in incoming.body

    async def answer(self, incoming: Incoming) -> Response:
        service = self._service
        fields = await all_fields(incoming.request, incoming.body if _is_form(incoming) else b"")
        text, direction = fields.get("q"), fields.get("langpair")
        if not isinstance(text, str) or not isinstance(direction, str) or not direction:
            raise BadRequestError("the parameters q and langpair are required")
        pair = service.languages
        source, _, target = direction.partition("|")
        if (canonical(source), canonical(target)) != (pair.source, pair.target):
            raise BadRequestError(f"{direction} is not supported; {pair.source}|{pair.target} is")
        check_texts([text], service.settings)
        answers, _ = await translated(incoming.request, service, [text], decoding(service))
        return JSONResponse(_answered({"translatedText": answers[0].text}))


def _answered(data: Any) -> dict[str, Any]:
    return {"responseData": data, "responseDetails": None, "responseStatus": 200}


def apertium_error(error: Exception, path: str) -> Response:
    """The same facts as ours under other names; what is not of our tree as we say it."""
    plain = error_response(error)
    if not isinstance(error, CsanmtError):
        return plain
    body = {
        "responseData": None,
        "responseDetails": str(error),
        "responseStatus": plain.status_code,
        "status": "error",
        "code": plain.status_code,
        "message": error.code,
        "explanation": str(error),
    }
    return reworded(plain, body)


def _is_form(incoming: Incoming) -> bool:
    return incoming.request.method == "POST" and incoming.media_type == FORM


def apertium_api(backend: Backend) -> Api:
    async def pairs(request: Request) -> Response:
        pair = backend.service.languages
        offered = {"sourceLanguage": pair.source, "targetLanguage": pair.target}
        return JSONResponse(_answered([offered]))

    return Api(
        routes=[Route("/listPairs", pairs)],
        description=Path(__file__).with_name("openapi.yaml"),
        error=apertium_error,
        shape=ApertiumShape(backend.service),
        key_fields={"/translate": ("key",), "/listPairs": ("key",)},
    )
