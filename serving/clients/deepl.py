"""DeepL's API v2 for texts: ``/v2/translate``, ``/v2/languages``, ``/v2/usage``.

Its clients send JSON or forms, name languages in capitals, and read errors from
``{"message": …}`` with the statuses 400, 403, 413, 429 and 456.
Reference: DeepL's public OpenAPI document and deepl-python 1.32.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csanmt.errors import CsanmtError
from serving.body import read_body
from serving.clients.fields import all_fields
from serving.clients.languages import canonical, detect, name_of
from serving.clients.texts import Pair, translated
from serving.errors import (
    BadRequestError,
    RateLimitedError,
    TooLargeError,
    UnauthorizedError,
    error_response,
)
from serving.guard import Caller
from serving.translating import TranslationService

Endpoint = Callable[[Request], Awaitable[Response]]
PREFIX = "/v2/"
TARGETS = {"en": (("EN-GB", "English (British)"), ("EN-US", "English (American)"))}
UNLIMITED = 1_000_000_000_000


class DeepLRoutes:
    def __init__(self, service: TranslationService) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        both = ["GET", "POST"]
        return [
            Route("/v2/translate", _deepl(self.translate), methods=["POST"]),
            Route("/v2/languages", _deepl(self.languages), methods=both),
            Route("/v2/usage", _deepl(self.usage), methods=both),
        ]

    async def translate(self, request: Request) -> Response:
        fields = await self._fields(request)
        texts = _texts(fields, self._service)
        pair = Pair.of(self._service)
        _check_language(fields, "target_lang", pair.target, required=True)
        _check_language(fields, "source_lang", pair.source, required=False)
        if fields.get("tag_handling"):
            raise BadRequestError("Value for 'tag_handling' not supported.")
        billed = _switch(fields, "show_billed_characters")
        answers = await translated(request, self._service, texts)
        given = bool(fields.get("source_lang"))
        rows = []
        for text, answer in zip(texts, answers, strict=True):
            source = pair.source if given or not text.strip() else detect(text).language
            row: dict[str, Any] = {"detected_source_language": source.upper(), "text": answer.text}
            if billed:
                row["billed_characters"] = len(text)
            rows.append(row)
        return JSONResponse({"translations": rows})

    async def languages(self, request: Request) -> Response:
        """Also GET with a form body, as deepl-python sends it."""
        fields = await self._fields(request)
        kind = fields.get("type", "source")
        if kind not in ("source", "target"):
            raise BadRequestError("Value for 'type' not supported.")
        pair = Pair.of(self._service)
        if kind == "source":
            return JSONResponse([{"language": pair.source.upper(), "name": name_of(pair.source)}])
        variants = TARGETS.get(pair.target, ((pair.target.upper(), name_of(pair.target)),))
        return JSONResponse(
            [{"language": c, "name": n, "supports_formality": False} for c, n in variants]
        )

    async def usage(self, request: Request) -> Response:
        caller: Caller = request.state.caller
        limit = caller.key.characters_per_day if caller.key else 0
        used = request.state.quota.used(caller.name)
        return JSONResponse({"character_count": used, "character_limit": limit or UNLIMITED})

    async def _fields(self, request: Request) -> dict[str, Any]:
        return await all_fields(
            request, await read_body(request, self._service.settings.max_body_bytes)
        )


def deepl_error(error: CsanmtError) -> JSONResponse:
    """``{"message": …}`` with DeepL's statuses: 403 for keys, 456 for a used-up day."""
    plain = error_response(error)
    status = plain.status_code
    if isinstance(error, UnauthorizedError):
        status = 403
    elif isinstance(error, RateLimitedError) and "characters a day" in str(error):
        status = 456
    elif status == 422:
        status = 400
    kept = {n: plain.headers[n] for n in ("retry-after",) if n in plain.headers}
    return JSONResponse({"message": str(error)}, status, headers=kept)


def _deepl(endpoint: Endpoint) -> Endpoint:
    async def wrapped(request: Request) -> Response:
        try:
            return await endpoint(request)
        except CsanmtError as error:
            request.state.error_code = error.code
            return deepl_error(error)

    return wrapped


def _texts(fields: dict[str, Any], service: TranslationService) -> list[str]:
    value = fields.get("text")
    items = value if isinstance(value, list) else [value]
    texts = [item for item in items if isinstance(item, str)]
    if not texts or len(texts) != len(items):
        raise BadRequestError("Parameter 'text' not specified.")
    settings = service.settings
    if len(texts) > settings.max_texts:
        raise TooLargeError(f"at most {settings.max_texts} texts are allowed")
    if sum(map(len, texts)) > settings.max_characters:
        raise TooLargeError(f"at most {settings.max_characters} characters are allowed")
    return texts


def _check_language(fields: dict[str, Any], name: str, served: str, *, required: bool) -> None:
    value = fields.get(name, "")
    if value == "":
        if required:
            raise BadRequestError(f"Parameter '{name}' not specified.")
        return
    if not isinstance(value, str) or canonical(value) != served:
        raise BadRequestError(f"Value for '{name}' not supported.")


def _switch(fields: dict[str, Any], name: str) -> bool:
    """A boolean, or the words a form has for one; off if absent."""
    value = fields.get(name, False)
    word = value.lower() if isinstance(value, str) else value
    if not isinstance(word, bool) and word not in ("1", "0", "true", "false"):
        raise BadRequestError(f"Value for '{name}' not supported.")
    return word in (True, "1", "true")
