"""LibreTranslate's shape on ``/translate``: ``q``, ``source``, ``target``.

As JSON, form or query string (deep-translator sends the last), with that server's
answers and its error sentences, which clients match on.
Reference: LibreTranslate 1.6, ``libretranslate/app.py``.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from csanmt.documents.formats import PARSERS
from csanmt.errors import CsanmtError
from serving.apis.api import Incoming
from serving.http.errors import (
    BadRequestError,
    MissingKeyError,
    UnauthorizedError,
    error_response,
    reworded,
)
from serving.http.fields import FORM, MULTIPART, all_fields
from serving.http.headers import is_json
from serving.languages import LanguagePair, canonical, detect, name_of
from serving.texts import decoding, translated
from serving.translating import TranslationService

NEED_KEY = "Please contact the server operator to get an API key"
OWN_FIELDS = frozenset(("q", "source", "target"))


class LibreTranslateShape:
    """Claims JSON of its fields without our ``text``, such a query, and forms of any kind."""

    def __init__(self, service: TranslationService) -> None:
        self._service = service

    def claims(self, incoming: Incoming) -> bool:
        if incoming.media_type in (FORM, MULTIPART):
            return True
        query = incoming.request.scope["query_string"] and incoming.request.query_params
        in_query = not OWN_FIELDS.isdisjoint(query)
        try:
            fields = incoming.names if incoming.body.strip() else frozenset()
        except CsanmtError:
            return in_query
        return "text" not in fields and (in_query or not OWN_FIELDS.isdisjoint(fields))

    async def answer(self, incoming: Incoming) -> Response:
        service = self._service
        fields = await all_fields(incoming.request, incoming.body)
        if not is_json(incoming.media_type):
            fields["q"] = unix_lines(fields.get("q"))
        texts = texts_of(fields)
        source, target = str(_required(fields, "source")), str(_required(fields, "target"))
        most = _alternatives(fields.get("alternatives", 0), service)
        _check_direction(source, target, service.languages)
        if (form := fields.get("format", "")) not in ("", "text", "html"):
            raise BadRequestError(f"{form} format is not supported")
        check_limits(texts, service)
        options, parse = decoding(service, 1 + most), PARSERS["html"] if form == "html" else None
        found = texts  # nothing to translate: the texts themselves
        others: list[list[str]] = [[] for _ in texts]
        if canonical(source) != canonical(target):
            answers, _ = await translated(incoming.request, service, texts, options, parse=parse)
            found = [answer.text for answer in answers]
            others = [answer.alternatives(most) for answer in answers]
        body: dict[str, list[Any]] = {"translatedText": found}
        if source == "auto":
            body["detectedLanguage"] = [
                {"language": one.language, "confidence": round(100 * one.confidence)}
                for one in map(detect, texts)
            ]
        if most:
            body["alternatives"] = others
        if isinstance(fields["q"], list):
            return JSONResponse(body)
        return JSONResponse({name: values[0] for name, values in body.items()})


def libre_error(error: Exception, path: str) -> Response:
    """``{"error": "…"}``; what is 413, 415 or 422 with us is 400 there, 401 is 403."""
    plain = error_response(error)
    if isinstance(error, HTTPException):
        words = {405: "Method not allowed", 404: "Not found"}.get(error.status_code, error.detail)
        return JSONResponse({"error": words}, error.status_code, headers=error.headers)
    if not isinstance(error, CsanmtError):
        return plain
    status, words = plain.status_code, str(error)
    if status in (413, 415, 422):
        status = 400
    elif isinstance(error, UnauthorizedError):
        status, words = 403, NEED_KEY if isinstance(error, MissingKeyError) else "Invalid API key"
    elif status == 429:
        words = f"Slowdown: {words}"
    return reworded(plain, {"error": words}, status)


def _required(fields: dict[str, Any], name: str) -> Any:
    value = fields.get(name)
    if not value:
        raise BadRequestError(f"Invalid request: missing {name} parameter")
    return value


def texts_of(fields: dict[str, Any]) -> list[str]:
    """``q`` as a list. Raises BadRequestError: missing, empty, or not text."""
    q = _required(fields, "q")
    texts = q if isinstance(q, list) else [q]
    if not all(isinstance(text, str) for text in texts):
        raise BadRequestError("Invalid request: q parameter must be text or a list of texts")
    if not any(texts):
        raise BadRequestError("Invalid request: missing q parameter")
    return texts


def check_limits(texts: list[str], service: TranslationService) -> None:
    """Raises BadRequestError in LibreTranslate's words: too many texts or characters."""
    settings = service.settings
    if len(texts) > settings.max_texts:
        raise BadRequestError(
            f"Invalid request: request ({len(texts)}) exceeds text limit ({settings.max_texts})"
        )
    size = sum(map(len, texts))
    if size > settings.max_characters:
        raise BadRequestError(
            f"Invalid request: request ({size}) exceeds text limit ({settings.max_characters})"
        )


def _alternatives(value: Any, service: TranslationService) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    whole = number is not None and (isinstance(value, str) or number == value)
    if number is None or not whole or isinstance(value, bool):
        raise BadRequestError("Invalid request: alternatives parameter is not a number")
    most = service.settings.max_beam - 1
    if number > most:
        raise BadRequestError(f"Invalid request: alternatives parameter must be <= {most}")
    return max(0, number)


def _check_direction(source: str, target: str, pair: LanguagePair) -> None:
    """Both languages are known, and the second is the one that is translated into."""
    known = (pair.source, pair.target)
    for code in (source, target):
        if canonical(code) not in known and not (code == "auto" and code is source):
            raise BadRequestError(f"{code} is not supported")
    if canonical(target) != pair.target:
        one, other = ("auto" if source == "auto" else canonical(source)), canonical(target)
        raise BadRequestError(
            f"{name_of(other)} ({other}) is not available as a target language "
            f"from {name_of(one)} ({one})"
        )


def unix_lines(value: Any) -> Any:
    """Forms carry line ends as CR LF; texts count and come back with LF."""
    if isinstance(value, list):
        return [unix_lines(item) for item in value]
    return re.sub("\r\n?", "\n", value) if isinstance(value, str) else value
