"""LibreTranslate's shape on ``/translate``: ``q``, ``source``, ``target``.

As JSON, form or query string (deep-translator sends the last), with that server's
answers and its error sentences, which clients match on.
Reference: LibreTranslate 1.6, ``libretranslate/app.py``.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from csanmt.errors import CsanmtError
from serving.clients.fields import FORM, MULTIPART, libre_fields
from serving.clients.languages import Detected, canonical, detect
from serving.clients.texts import Pair, translated
from serving.errors import BadRequestError, error_response
from serving.shapes import Incoming
from serving.translating import TextAnswer, TranslationService


class LibreTranslateShape:
    """Claims POSTs that carry ``q`` and no JSON ``text``, and forms of any kind."""

    name = "libretranslate"

    def claims(self, incoming: Incoming) -> bool:
        if incoming.media_type in (FORM, MULTIPART):
            return True
        in_query = "q" in incoming.request.query_params
        try:
            fields = incoming.json() if incoming.body.strip() else {}
        except CsanmtError:
            return in_query
        return "text" not in fields and ("q" in fields or in_query)

    async def answer(self, incoming: Incoming, service: TranslationService) -> Response:
        fields = await libre_fields(incoming.request, incoming.body)
        query = _Query.of(fields, service)
        found = [detect(text) for text in query.texts] if query.automatic else []
        answers = await translated(incoming.request, service, query.texts, 1 + query.alternatives)
        return JSONResponse(_body(query, answers, found))

    def error(self, error: CsanmtError) -> Response:
        return libre_error(error)


def libre_error(error: CsanmtError) -> JSONResponse:
    """``{"error": "…"}``; what is 422 with us is 400 there."""
    plain = error_response(error)
    status = 400 if plain.status_code in (413, 415, 422) else plain.status_code
    kept = ("retry-after", "www-authenticate")
    headers = {name: plain.headers[name] for name in kept if name in plain.headers}
    return JSONResponse({"error": str(error)}, status, headers=headers)


class _Query:
    """A parsed request; ``single`` says that one text, not a list, was asked."""

    def __init__(self, texts: list[str], single: bool, automatic: bool, alternatives: int) -> None:
        self.texts = texts
        self.single = single
        self.automatic = automatic
        self.alternatives = alternatives

    @classmethod
    def of(cls, fields: dict[str, Any], service: TranslationService) -> _Query:
        q = _required(fields, "q")
        source, target = str(_required(fields, "source")), str(_required(fields, "target"))
        pair = Pair.of(service)
        if source != "auto" and canonical(source) != pair.source:
            raise BadRequestError(f"{source} is not supported")
        if canonical(target) != pair.target:
            raise BadRequestError(f"{target} is not supported")
        if (form := fields.get("format", "")) not in ("", "text", "html"):
            raise BadRequestError(f"{form} format is not supported")
        texts = q if isinstance(q, list) else [q]
        if not all(isinstance(text, str) for text in texts):
            raise BadRequestError("Invalid request: q parameter must be text or a list of texts")
        _check_limits(texts, service)
        alternatives = _alternatives(fields.get("alternatives", 0))
        return cls(texts, not isinstance(q, list), source == "auto", alternatives)


def _required(fields: dict[str, Any], name: str) -> Any:
    value = fields.get(name)
    if value is None or (value == "" and name != "q"):
        raise BadRequestError(f"Invalid request: missing {name} parameter")
    return value


def _check_limits(texts: list[str], service: TranslationService) -> None:
    settings = service.settings
    if len(texts) > settings.max_texts:
        raise BadRequestError(
            f"Invalid request: request ({len(texts)}) exceeds batch limit ({settings.max_texts})"
        )
    size = sum(map(len, texts))
    if size > settings.max_characters:
        raise BadRequestError(
            f"Invalid request: request ({size}) exceeds text limit ({settings.max_characters})"
        )


def _alternatives(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    whole = number is not None and (isinstance(value, str) or number == value)
    if number is None or not whole or isinstance(value, bool):
        raise BadRequestError("Invalid request: alternatives parameter is not a number")
    if number < 0:
        raise BadRequestError("Invalid request: alternatives parameter must be >= 0")
    return number


def _body(query: _Query, answers: list[TextAnswer], found: list[Detected]) -> dict[str, Any]:
    def shaped(values: list[Any]) -> Any:
        return values[0] if query.single else values

    body: dict[str, Any] = {"translatedText": shaped([answer.text for answer in answers])}
    if found:
        body["detectedLanguage"] = shaped(
            [{"language": d.language, "confidence": round(100 * d.confidence)} for d in found]
        )
    if query.alternatives:
        ranks = range(1, 1 + query.alternatives)
        others = [
            [text for text in dict.fromkeys(a.alternative(r) for r in ranks) if text != a.text]
            for a in answers
        ]
        body["alternatives"] = shaped(others)
    return body
