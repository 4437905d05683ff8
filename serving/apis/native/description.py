"""Our own API in the OpenAPI document: ``/translate`` with ``text``, and the stream."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from serving.apis.native.schemas import TranslateRequest, TranslateResponse
from serving.glossaries.owner import INLINE_TERMS
from serving.openapi.glossaries import term_rules
from serving.openapi.parts import (
    ACCESS,
    JSON,
    REFERENCE,
    TEXT,
    TRANSLATING,
    Piece,
    Schema,
    answer,
    operation,
    problems,
    record,
    reference,
    request_body,
)
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

GROUP = "Translation"
EXAMPLE = {"text": "你好，世界。"}
STATUSES = sorted({"400", "404", "415", "422", *ACCESS, *TRANSLATING})


def native_piece(settings: Settings, facts: TranslatorFacts) -> Piece:
    body = request_body({JSON: reference("TranslateRequest")}, example=EXAMPLE)
    translate = operation(
        "translate",
        "Translate a text or a list of texts.",
        answer("The translation.", reference("TranslateResponse")) | problems(STATUSES),
        group=GROUP,
        description="Line breaks and paragraphs come back as they went in. "
        "The answer to a text does not depend on what else is translated at the time.",
        body=body,
    )
    stream = operation(
        "translateStream",
        "Translate sentence by sentence, as server-sent events.",
        answer("The events.", _event(), media="text/event-stream") | problems(STATUSES),
        group=GROUP,
        description="Events: `start` {request_id, model, segments}; `segment` for each sentence "
        "in order {text_index, index, before, after, source, translation, source_span, "
        "target_span, …}, where `before` and `after` are the layout around it; then `done` with "
        "the whole answer as `/translate` gives it, or `error` in the usual shape.",
        body=request_body({JSON: reference("StreamRequest")}, example=EXAMPLE),
    )
    paths = {"/translate": {"post": translate}, "/translate/stream": {"post": stream}}
    return Piece(paths, _schemas(settings))


def _event() -> Schema:
    """One event; its data is JSON."""
    kinds = {"enum": ["start", "segment", "done", "error"]}
    return record({"event": kinds, "data": TEXT | {"contentMediaType": JSON}})


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
    if not settings.memory_file:
        fields["memory"] = fields["memory"] | {"enum": ["off"]}
    for branch in fields["glossary"]["anyOf"]:
        if branch.get("type") == "object":
            branch |= term_rules() | {"maxProperties": INLINE_TERMS}
    for name, most in (
        ("beam", settings.max_beam),
        ("n_best", settings.max_beam),
        ("alternatives", settings.max_beam - 1),
        ("max_length", settings.max_length),
    ):
        _set_maximum(fields[name], most)
    text_only = fields["format"] | {"enum": ["text"]}  # markup is answered as a whole
    stream = schemas["TranslateRequest"] | {"properties": fields | {"format": text_only}}
    return schemas | {"StreamRequest": stream | {"title": "StreamRequest"}}


def _set_maximum(field: dict[str, Any], most: int) -> None:
    for branch in field.get("anyOf", [field]):
        if branch.get("type") == "integer":
            branch["maximum"] = most
