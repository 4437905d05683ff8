"""Apertium's shape, which OmegaT's connector speaks: ``GET /translate?q=…&langpair=zh|en``.

Reference: apertium-apy, ``responseData.translatedText`` and ``responseStatus``.
"""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from csanmt.errors import CsanmtError
from serving.clients.languages import canonical
from serving.clients.texts import Pair, translated
from serving.errors import BadRequestError, TooLargeError, error_response
from serving.shapes import Incoming
from serving.translating import TranslationService


class ApertiumShape:
    """Claims every GET of ``/translate``."""

    name = "apertium"

    def claims(self, incoming: Incoming) -> bool:
        return incoming.request.method in ("GET", "HEAD")

    async def answer(self, incoming: Incoming, service: TranslationService) -> Response:
        query = incoming.request.query_params
        text, direction = query.get("q"), query.get("langpair")
        if text is None or not direction:
            raise BadRequestError("the parameters q and langpair are required")
        pair = Pair.of(service)
        source, _, target = direction.partition("|")
        if (canonical(source), canonical(target)) != (pair.source, pair.target):
            raise BadRequestError(f"{direction} is not supported; {pair.source}|{pair.target} is")
        if len(text) > service.settings.max_characters:
            raise TooLargeError(f"the text is longer than {service.settings.max_characters}")
        answers = await translated(incoming.request, service, [text])
        return JSONResponse(
            {
                "responseData": {"translatedText": answers[0].text},
                "responseDetails": None,
                "responseStatus": 200,
            }
        )

    def error(self, error: CsanmtError) -> Response:
        plain = error_response(error)
        body = {
            "status": "error",
            "code": plain.status_code,
            "message": error.code,
            "explanation": str(error),
        }
        kept = ("retry-after", "www-authenticate")
        headers = {name: plain.headers[name] for name in kept if name in plain.headers}
        return JSONResponse(body, plain.status_code, headers=headers)
