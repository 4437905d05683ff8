"""The OpenAPI document, made of the schemas and the settings' limits."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from serving.schemas import TranslateRequest, TranslateResponse
from serving.settings import Settings

API_VERSION = "1.0.0"
REFERENCE = "#/components/schemas/{model}"

PROBLEMS = {
    "400": "The body is not valid UTF-8 or JSON, is nested too deep, or repeats a key.",
    "401": "An API key is required, and none that is known was given.",
    "403": "The API key lacks the scope, or keys are off and the caller is not on this machine.",
    "413": "Too many bytes, characters, texts or sentences.",
    "415": "The content type is not application/json.",
    "422": "A field is missing, unknown, of the wrong type or out of range.",
    "429": "The queue is full or the caller's allowance is used up; see Retry-After.",
    "503": "No runner is available; see Retry-After.",
    "504": "Not finished within the time a request may take.",
}
POST_PROBLEMS = tuple(PROBLEMS)
GET_PROBLEMS = ("401", "403", "429")
EXAMPLE = {"text": "你好，世界。"}


def openapi_document(settings: Settings) -> dict[str, Any]:
    """OpenAPI 3.1 for the service as configured."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "csanmt",
            "version": API_VERSION,
            "description": "Chinese to English translation with CSANMT. Every answer names the "
            "model version that made it, in its body and in X-Model-Version.",
        },
        "paths": {
            "/translate": {"post": _translate(), "get": _translate_get()},
            "/translate/stream": {"post": _stream()},
            "/version": {"get": _get("What exactly is running.", "version")},
            "/healthz": {"get": _get("Ready, and how busy.", "healthz", probe=True)},
            "/readyz": {"get": _get("Takes requests.", "readyz", probe=True)},
            "/livez": {"get": _get("The process answers.", "livez", probe=True, failing=False)},
            "/metrics": {"get": _text("Metrics in Prometheus' text format.", "metrics")},
        },
        "components": {
            "schemas": {**_schemas(settings), "Error": _error_schema()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "headers": _headers(),
        },
        "security": [{}, {"key": []}],
    }


def _translate() -> dict[str, Any]:
    return {
        "operationId": "translate",
        "summary": "Translate a text or a list of texts.",
        "description": "Line breaks and paragraphs come back as they went in. "
        "The answer to a text does not depend on what else is translated at the time.",
        "requestBody": _request_body(),
        "responses": {
            "200": {
                "description": "The translation.",
                "headers": _header_references(),
                "content": {"application/json": {"schema": _reference("TranslateResponse")}},
            },
            **_problems(POST_PROBLEMS),
        },
    }


def _translate_get() -> dict[str, Any]:
    """Apertium's shape, whose errors carry the same facts under other names."""
    schema = {
        "type": "object",
        "required": ["status", "code", "message", "explanation"],
        "properties": {
            "status": {"const": "error"},
            "code": {"type": "integer"},
            "message": {"type": "string"},
            "explanation": {"type": "string"},
        },
    }
    problems = _problems(("400", "413", "422", "429", "503", "504"))
    for problem in problems.values():
        answers = [schema, _reference("Error")]
        problem["content"]["application/json"]["schema"] = {"anyOf": answers}
    parameters = {"q": "你好，世界。", "langpair": "zh|en"}
    return {
        "operationId": "translateApertium",
        "summary": "Translate a text, asked for as Apertium's clients do.",
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": True,
                "schema": {"type": "string"} | ({} if name == "q" else {"const": example}),
                "example": example,
            }
            for name, example in parameters.items()
        ],
        "responses": {
            "200": {
                "description": "The translation, as `responseData.translatedText`.",
                "headers": _header_references(),
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            **_problems(("401", "403")),
            **problems,
        },
    }


def _stream() -> dict[str, Any]:
    return {
        "operationId": "translateStream",
        "summary": "Translate sentence by sentence, as server-sent events.",
        "description": "Events: `start` {request_id, model, segments}; `segment` for each sentence "
        "in order {text_index, index, before, after, source, translation, source_span, "
        "target_span, …}, where `before` and `after` are the layout around it; then `done` with "
        "the whole answer as `/translate` gives it, or `error` in the usual shape.",
        "requestBody": _request_body(),
        "responses": {
            "200": {
                "description": "The events.",
                "headers": _header_references(),
                "content": {"text/event-stream": {"schema": _event_schema()}},
            },
            **_problems(POST_PROBLEMS),
        },
    }


def _event_schema() -> dict[str, Any]:
    """One event; its data is JSON."""
    return {
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": {"enum": ["start", "segment", "done", "error"]},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
    }


def _get(summary: str, name: str, *, probe: bool = False, failing: bool = True) -> dict[str, Any]:
    schema = {"type": "object"}
    responses: dict[str, Any] = {
        "200": {
            "description": summary,
            "headers": _header_references(),
            "content": {"application/json": {"schema": schema}},
        }
    }
    if probe and failing:
        responses["503"] = {
            "description": "Not ready.",
            "content": {"application/json": {"schema": schema}},
        }
    if not probe:
        responses |= _problems(GET_PROBLEMS)
    operation: dict[str, Any] = {"operationId": name, "summary": summary, "responses": responses}
    return operation | ({"security": []} if probe else {})


def _text(summary: str, name: str) -> dict[str, Any]:
    operation = _get(summary, name)
    operation["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    return operation


def _request_body() -> dict[str, Any]:
    schema = _reference("TranslateRequest")
    return {
        "required": True,
        "content": {"application/json": {"schema": schema, "example": EXAMPLE}},
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=name)}


def _problems(statuses: tuple[str, ...]) -> dict[str, Any]:
    return {
        status: {
            "description": PROBLEMS[status],
            "headers": _header_references(),
            "content": {"application/json": {"schema": _reference("Error")}},
        }
        for status in statuses
    }


def _headers() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "X-Request-ID": {"description": "The id sent, or a new one.", "schema": text},
        "X-Model-Version": {"description": "The model version that answers.", "schema": text},
    }


def _header_references() -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in _headers()}


def _error_schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {"code": text, "message": text},
            }
        },
    }


def _schemas(settings: Settings) -> dict[str, Any]:
    _, definitions = models_json_schema(
        [(TranslateRequest, "validation"), (TranslateResponse, "serialization")],
        ref_template=REFERENCE,
    )
    schemas: dict[str, Any] = definitions["$defs"]
    fields = schemas["TranslateRequest"]["properties"]
    fields["text"]["description"] += (
        f" At most {settings.max_texts} texts and {settings.max_characters} characters in all;"
        " more is 413."
    )
    for name, most in (
        ("beam", settings.max_beam),
        ("n_best", settings.max_beam),
        ("alternatives", settings.max_beam - 1),
        ("max_length", settings.max_length),
    ):
        _set_maximum(fields[name], most)
    return schemas


def _set_maximum(field: dict[str, Any], most: int) -> None:
    for branch in field.get("anyOf", [field]):
        if branch.get("type") == "integer":
            branch["maximum"] = most
