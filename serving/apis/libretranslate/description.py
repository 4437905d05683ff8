"""LibreTranslate's API in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from serving.apis.libretranslate.routes import MAX_SUGGESTION
from serving.http.fields import FORM, MULTIPART
from serving.openapi.parts import (
    ACCESS,
    DOCUMENT_WORDS,
    DOCUMENTS_OFF,
    JSON,
    TEXT,
    Piece,
    Schema,
    answer,
    document_answer,
    document_limits,
    either,
    nullable,
    operation,
    problems,
    record,
    reference,
    request_body,
    upload_body,
)
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

GROUP = "LibreTranslate"
SUGGESTED = {"q": "你好", "s": "Hi", "source": "zh", "target": "en"}
UPLOADING = ("400", "401", "403", "429", "503", "504")
NUMBER: Schema = {"type": "integer", "minimum": 0, "maximum": 100}


def libretranslate_piece(settings: Settings, facts: TranslatorFacts) -> Piece:
    return Piece(
        {
            "/translate": {"post": _translate()},
            "/detect": {"post": _detect()},
            "/suggest": {"post": _suggest()},
            "/languages": {"get": _languages()},
            "/frontend/settings": {"get": _settings()},
            "/spec": {"get": _spec()},
            "/health": {"get": _health()},
            "/translate_file": {"post": _translate_file(settings, facts)},
            "/download_file/{name}": {"get": _download_file()},
        },
        {
            "LibreTranslateRequest": nullable(_request(settings, facts)),
            "LibreTranslateForm": _request(settings, facts),
            "LibreTranslateResponse": _response(),
            "LibreTranslateError": record({"error": TEXT}),
        },
    )


def _translate() -> dict[str, Any]:
    return operation(
        "translateLibreTranslate",
        "Translate as LibreTranslate does.",
        answer("The translation.", reference("LibreTranslateResponse"))
        | _problems("400", "503", "504"),
        group=GROUP,
        description="With `q` instead of `text` it answers as LibreTranslate does; the same "
        "fields may stand in the query string of a POST without a body.",
        body=request_body(
            {
                JSON: reference("LibreTranslateRequest"),
                FORM: reference("LibreTranslateForm"),
                MULTIPART: reference("LibreTranslateForm"),
            },
            example={"q": "你好", "source": "zh", "target": "en"},
        ),
    )


def _detect() -> dict[str, Any]:
    found = record({"confidence": NUMBER, "language": TEXT})
    return operation(
        "detectLanguage",
        "Which language a text is in.",
        answer("The languages, the likeliest first.", {"type": "array", "items": found})
        | _problems("400"),
        group=GROUP,
        body=_body(record({"q": _texts()}, {"api_key": TEXT}), {"q": "你好"}),
    )


def _suggest() -> dict[str, Any]:
    given = {"type": "string", "pattern": r"[^\s\x1c-\x1f\x85]", "maxLength": MAX_SUGGESTION}
    fields = dict.fromkeys(("q", "s", "source", "target"), given)
    stored = record({"success": {"const": True}})
    return operation(
        "suggestTranslation",
        "Offer a better translation `s` of `q`.",
        answer("It is kept.", stored)
        | _problems("400", _403="Suggestions are off, or the API key lacks the scope."),
        group=GROUP,
        body=_body(record(fields, {"api_key": TEXT}), SUGGESTED),
    )


def _languages() -> dict[str, Any]:
    targets = {"type": "array", "items": TEXT}
    one = record({"code": TEXT, "name": TEXT, "targets": targets})
    return operation(
        "listLanguages",
        "The languages there are.",
        answer("The languages.", {"type": "array", "items": one}) | _problems("403"),
        group=GROUP,
        public=True,
    )


def _settings() -> dict[str, Any]:
    return operation(
        "frontendSettings",
        "What a LibreTranslate front end asks first.",
        answer("The settings.", record({"charLimit": {"type": "integer"}})) | _problems("403"),
        group=GROUP,
        public=True,
    )


def _spec() -> dict[str, Any]:
    return operation(
        "spec",
        "This part of the API as Swagger 2.0, where LibreTranslate has it.",
        answer("The description.", record({"swagger": TEXT})) | _problems("403"),
        group=GROUP,
        public=True,
    )


def _health() -> dict[str, Any]:
    status = record({"status": TEXT})
    return operation(
        "health",
        "Ready, as LibreTranslate says it.",
        answer("Ready.", status) | answer("Not ready; see Retry-After.", status, status="503"),
        group=GROUP,
        public=True,
    )


def _body(schema: Schema, example: dict[str, str]) -> dict[str, Any]:
    return request_body({JSON: nullable(schema), FORM: schema, MULTIPART: schema}, example=example)


def _problems(*statuses: str, **words: str) -> dict[str, Any]:
    """Its own error, or ours where a layer in front refuses (keys, rates, bytes)."""
    return problems((*statuses, *ACCESS, "413"), either(_error(), reference("Error")), **words)


def _error() -> Schema:
    return reference("LibreTranslateError")


def _texts() -> Schema:
    """A text or several, not nothing."""
    one: Schema = {"type": "string", "minLength": 1}
    return either(one, {"type": "array", "items": TEXT, "contains": one})


def _request(settings: Settings, facts: TranslatorFacts) -> Schema:
    return record(
        {
            "q": _texts() | {"description": f"At most {settings.max_texts} texts."},
            "source": {"enum": ["auto", facts.source_language, facts.target_language]},
            "target": {"enum": [facts.target_language]},
        },
        {
            "format": {"enum": ["text", "html", ""]},
            "alternatives": {"type": "integer", "maximum": settings.max_beam - 1},
            "api_key": TEXT,
        },
    )


def _response() -> Schema:
    texts = {"type": "array", "items": TEXT}
    found = record({"confidence": NUMBER, "language": TEXT})
    return record(
        {"translatedText": either(TEXT, texts)},
        {
            "detectedLanguage": either(found, {"type": "array", "items": found}),
            "alternatives": either(texts, {"type": "array", "items": texts}),
        },
    )


def _translate_file(settings: Settings, facts: TranslatorFacts) -> dict[str, Any]:
    languages = {
        "source": {"enum": [facts.source_language, "auto"]},
        "target": {"enum": [facts.target_language]},
    }
    return operation(
        "translateFileLibreTranslate",
        "Translate a document as LibreTranslate does.",
        answer("Where it can be fetched.", record({"translatedFileUrl": TEXT}))
        | problems(
            (*UPLOADING, "500"), reference("LibreTranslateError"), **DOCUMENTS_OFF, **DOCUMENT_WORDS
        ),
        group=GROUP,
        description=document_limits(settings),
        body=upload_body(languages, {"api_key": TEXT}),
    )


def _download_file() -> dict[str, Any]:
    responses = document_answer() | problems(
        ("400", "404"), _error(), **DOCUMENT_WORDS, _400="No such name."
    )
    summary = "A translated document, at the address that was told."
    described = operation(
        "downloadFileLibreTranslate", summary, responses, group=GROUP, public=True
    )
    name = TEXT | {"pattern": r"^[0-9A-F]{32}\.[a-z]{2,8}$"}
    parameter = {"name": "name", "in": "path", "required": True, "schema": name}
    return described | {"parameters": [parameter]}
