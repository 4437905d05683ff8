"""Our own API in the OpenAPI document: texts, the stream, documents, glossaries."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from csanmt.documents.leftovers import PARTS
from csanmt.glossary import MAX_TERM, TERM_PATTERN
from csanmt.protected.finder import LONGEST_LITERAL, MOST_LITERALS
from serving.apis.native.glossaries import GlossaryAnswer, GlossaryRequest
from serving.apis.native.schemas import TranslateRequest, TranslateResponse
from serving.glossaries.owner import INLINE_TERMS
from serving.openapi.parts import (
    ACCESS,
    COUNT,
    DOCUMENT_WORDS,
    DOCUMENTS_OFF,
    JSON,
    REFERENCE,
    TEXT,
    TRANSLATING,
    Piece,
    Schema,
    answer,
    document_answer,
    document_limits,
    header_references,
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

GROUP = "Translation"
LITERALS = TEXT | {
    "pattern": rf"^(?:[^\n]{{0,{LONGEST_LITERAL}}}\n){{0,{MOST_LITERALS - 1}}}"
    rf"[^\n]{{0,{LONGEST_LITERAL}}}$"
}
UPLOADING = ("400", "413", "415", "422")
EMPTY = {"204": {"description": "Done."}}
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
    one = "/documents/{id}"
    paths = {
        "/translate": {"post": translate},
        "/translate/stream": {"post": stream},
        "/documents": {"post": _create_document(settings)},
        one: {"get": _show_document(), "delete": _cancel_document()},
        f"{one}/content": {"get": _document_content()},
        **_glossaries(),
    }
    return Piece(paths, _schemas(settings) | {"Document": _document_schema()})


def _event() -> Schema:
    """One event; its data is JSON."""
    kinds = {"enum": ["start", "segment", "done", "error"]}
    return record({"event": kinds, "data": TEXT | {"contentMediaType": JSON}})


def _schemas(settings: Settings) -> dict[str, Any]:
    _, definitions = models_json_schema(
        [
            (TranslateRequest, "validation"),
            (TranslateResponse, "serialization"),
            (GlossaryRequest, "validation"),
            (GlossaryAnswer, "serialization"),
        ],
        ref_template=REFERENCE,
    )
    schemas: dict[str, Any] = definitions["$defs"]
    schemas["GlossaryRequest"]["properties"]["terms"] |= term_rules()
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
    schemas["TranslateRequest"] = nullable(schemas["TranslateRequest"])
    fields = schemas["TranslateRequest"]["properties"]
    text_only = {"enum": ["text", None]}  # markup is answered as a whole
    stream = schemas["TranslateRequest"] | {"properties": fields | {"format": text_only}}
    return schemas | {"StreamRequest": stream | {"title": "StreamRequest"}}


def _set_maximum(field: dict[str, Any], most: int) -> None:
    for branch in field.get("anyOf", [field]):
        if branch.get("type") == "integer":
            branch["maximum"] = most


def _document_schema() -> Schema:
    return record(
        {
            "id": TEXT,
            "name": TEXT | {"description": "File name of the translation."},
            "format": TEXT,
            "status": {"enum": ["queued", "translating", "done", "error"]},
            "characters": COUNT | {"description": "Of text in the document."},
            "progress": {"type": "number", "minimum": 0, "maximum": 1},
        },
        {
            "seconds_remaining": COUNT,
            "warnings": {
                "type": "array",
                "items": record({"part": {"enum": list(PARTS)}, "count": COUNT, "message": TEXT}),
                "description": "What of the document stays in Chinese.",
            },
            "error": record({"code": TEXT, "message": TEXT}),
        },
    )


def _create_document(settings: Settings) -> dict[str, Any]:
    return operation(
        "createDocument",
        "Send a document to be translated.",
        answer("Accepted; ask for it at its id.", reference("Document"), status="202")
        | problems((*UPLOADING, "404", *ACCESS), None, **DOCUMENTS_OFF),
        group="Documents",
        description=document_limits(settings)
        + " The layout is kept; `glossary` names a stored one, `protect` has a string that comes "
        "through untouched in each line. It is kept until "
        f"it is deleted or {settings.document_keep:g} seconds after it is done.",
        body=upload_body({}, {"glossary": TEXT, "protect": LITERALS}),
    )


def _show_document() -> dict[str, Any]:
    found = answer("The document.", reference("Document"))
    responses = found | problems((*ACCESS, "404"), None, **DOCUMENT_WORDS)
    return operation("showDocument", "How far it is.", responses, group="Documents")


def _cancel_document() -> dict[str, Any]:
    done = {"204": {"description": "Gone.", "headers": header_references()}}
    responses = done | problems((*ACCESS, "404"), None, **DOCUMENT_WORDS)
    summary = "Stop translating a document and forget it."
    return operation("cancelDocument", summary, responses, group="Documents")


def _document_content() -> dict[str, Any]:
    responses = document_answer() | problems(
        (*ACCESS, "404", "409", "500", "504"), None, **DOCUMENT_WORDS
    )
    summary = "The translated document."
    return operation("documentContent", summary, responses, group="Documents")


def term_rules() -> Schema:
    """What the keys and values of an object of terms must be."""
    term: Schema = {"type": "string", "pattern": TERM_PATTERN, "maxLength": MAX_TERM}
    names = {key: term[key] for key in ("pattern", "maxLength")}
    return {"propertyNames": names, "additionalProperties": term}


def _glossaries() -> dict[str, Any]:
    one = reference("GlossaryAnswer")
    several = record({"glossaries": {"type": "array", "items": one}})
    example = {"name": "produce", "terms": {"苹果": "apple"}}
    body = request_body({JSON: reference("GlossaryRequest")}, example=example)
    wrong = problems(("400", "413", "415", "422", *ACCESS))
    missing = problems(("404", *ACCESS))
    return {
        "/glossaries": {
            "get": operation(
                "listGlossaries",
                "The glossaries of this key.",
                answer("Without their terms.", several) | problems(ACCESS),
                group="Glossaries",
            ),
            "post": operation(
                "createGlossary",
                "Keep a glossary.",
                answer("It, and which terms lie within others.", one, status="201") | wrong,
                group="Glossaries",
                body=body,
            ),
        },
        "/glossaries/{id}": {
            "get": operation(
                "showGlossary",
                "A glossary, by id or name.",
                answer("The glossary.", one) | missing,
                group="Glossaries",
            ),
            "delete": operation(
                "deleteGlossary", "Forget a glossary.", EMPTY | missing, group="Glossaries"
            ),
        },
    }
