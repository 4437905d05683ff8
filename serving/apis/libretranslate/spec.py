"""What ``/spec`` answers: LibreTranslate's part of the API in Swagger 2.0, as it has it there."""

from __future__ import annotations

from typing import Any

from serving.translating import TranslationService

VERSION = "1.6.0"  # of LibreTranslate's API
TEXT, WHOLE = {"type": "string"}, {"type": "integer"}


def libretranslate_spec(service: TranslationService) -> dict[str, Any]:
    """The document; its limits are the server's."""
    settings = service.settings
    texts = {"oneOf": [TEXT, {"type": "array", "maxItems": settings.max_texts}]}
    source = _field("source", TEXT, "Source language code, or auto")
    target = _field("target", TEXT, "Target language code")
    key = _field("api_key", TEXT, "API key", required=False)
    most = settings.max_beam - 1
    translate = [
        _field("q", texts, f"Text(s) to translate, {settings.max_characters} characters at most"),
        source,
        target,
        _field("format", {**TEXT, "enum": ["text", "html"]}, "Format of the text", required=False),
        _field("alternatives", WHOLE, f"Other translations, {most} at most", required=False),
        key,
    ]
    suggest = [_field("q", TEXT, "Original text"), _field("s", TEXT, "Suggested translation")]
    return {
        "swagger": "2.0",
        "info": {"title": "LibreTranslate", "version": VERSION},
        "paths": {
            "/translate": {"post": _operation("Translate text", "Translated text", translate)},
            "/detect": {"post": _operation("Detect the language of a text", "Detections",
                                           [_field("q", texts, "Text to detect"), key])},
            "/suggest": {"post": _operation("Submit a better translation", "Success",
                                            [*suggest, source, target, key])},
            "/languages": {"get": _operation("Supported languages", "List of languages", [])},
            "/frontend/settings": {"get": _operation("Settings for pages", "The settings", [])},
            "/health": {"get": _operation("The service takes requests", "It does", [])},
        },
        "definitions": {"error-response": {"type": "object", "properties": {"error": TEXT}}},
    }  # fmt: skip


def _field(
    name: str, schema: dict[str, Any], description: str, *, required: bool = True
) -> dict[str, Any]:
    return {
        "in": "formData",
        "name": name,
        "schema": schema,
        "required": required,
        "description": description,
    }


def _operation(summary: str, answer: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    problems = {400: "Invalid request", 403: "No, or a wrong, API key", 429: "Slow down"}
    schema = {"$ref": "#/definitions/error-response"}
    failures = {str(n): {"description": d, "schema": schema} for n, d in problems.items()}
    operation = {"summary": summary, "responses": {"200": {"description": answer}, **failures}}
    return operation | ({"parameters": fields} if fields else {})
