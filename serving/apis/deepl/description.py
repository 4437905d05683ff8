"""DeepL's API for texts and documents in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from serving.apis.deepl.glossary_description import GROUP, deepl_problems, glossary_paths
from serving.apis.deepl.translate import MODEL_TYPES, RESOURCES
from serving.http.fields import FORM
from serving.openapi.parts import (
    COUNT,
    DOCUMENT_WORDS,
    JSON,
    OBJECT,
    TEXT,
    Piece,
    Schema,
    answer,
    document_answer,
    document_limits,
    either,
    nullable,
    operation,
    record,
    request_body,
    upload_body,
)
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

DOCUMENT_PROBLEMS = {
    "_400": "A parameter is missing or not supported, or the file cannot be read.",
    "_403": "The key is missing, unknown or lacks the scope, or documents are off.",
    "_404": DOCUMENT_WORDS["_404"],
}
SWITCH = [True, False, "true", "false", "1", "0", 0, 1]
TAGS = "^[^<>/\"'=]{0,200}$"


def deepl_piece(settings: Settings, facts: TranslatorFacts) -> Piece:
    languages = _languages()
    return Piece(
        {
            "/v2/translate": {
                "post": _translate(settings, facts),
                "get": _translate_by_query(facts),
            },
            "/v2/languages": {
                "get": operation("languagesDeepL", **languages, query={"type": _kinds()}),
                "post": operation(
                    "languagesDeepLForm",
                    **languages,
                    body=request_body({FORM: record({}, {"type": _kinds()})}, required=False),
                ),
            },
            "/v3/languages": {"get": _languages_v3()},
            "/v2/usage": {
                "get": operation("usageDeepL", **_usage()),
                "post": operation("usageDeepLForm", **_usage()),
            },
            "/v2/document": {"post": _upload_document(settings, facts)},
            "/v2/document/{id}": {"post": _document_status()},
            "/v2/document/{id}/result": {"post": _document_result()},
            **glossary_paths(facts),
        },
        {"DeepLError": record({"message": TEXT})},
    )


def _translate(settings: Settings, facts: TranslatorFacts) -> dict[str, Any]:
    texts = {"type": "array", "items": TEXT, "minItems": 1}
    tag: Schema = TEXT | {"pattern": TAGS}
    tags = either(tag, {"type": "array", "items": tag})
    several = either(TEXT, texts) | {"description": f"At most {settings.max_texts} texts."}
    fields = record(
        {"text": several, "target_lang": {"enum": targets(facts)}},
        {
            "source_lang": {"enum": [facts.source_language.upper(), ""]},
            "show_billed_characters": {"enum": [True, False, "true", "false", "1", "0"]},
            "split_sentences": {"enum": ["0", "1", "nonewlines", "", 0, 1]},
            "glossary_id": TEXT | {"maxLength": 99},
            "tag_handling": {"enum": ["html", "xml", ""]},
            "outline_detection": {"enum": SWITCH},
            "splitting_tags": tags,
            "non_splitting_tags": tags,
            "ignore_tags": tags,
            "preserve_formatting": {"enum": [*SWITCH, ""]},
            "formality": {"enum": ["default", "prefer_more", "prefer_less", ""]},
            "model_type": {"enum": [*MODEL_TYPES, ""]},
        },
    )
    named = {"glossary_id": TEXT | {"minLength": 1}}
    source = {"source_lang": {"const": facts.source_language.upper()}}
    fields |= {
        "if": {"required": list(named), "properties": named},
        "then": {"required": list(source), "properties": source},
    }
    example = {"text": ["你好，世界。"], "target_lang": "EN-US"}
    return operation(
        "translateDeepL",
        "Translate as DeepL does.",
        answer("The translations, in order.", _rows())
        | deepl_problems("404", "413", "456", "503", "504"),
        group=GROUP,
        body=request_body({JSON: nullable(fields), FORM: fields}, example=example),
    )


def _translate_by_query(facts: TranslatorFacts) -> dict[str, Any]:
    return operation(
        "translateDeepLQuery",
        "The same with the fields in the query, as old clients send it.",
        answer("The translations, in order.", _rows()) | deepl_problems("413", "456", "503", "504"),
        group=GROUP,
        query={"text": TEXT, "target_lang": {"enum": targets(facts)}},
        required=("text", "target_lang"),
    )


def _rows() -> Schema:
    row = record(
        {"detected_source_language": TEXT, "text": TEXT},
        {"billed_characters": COUNT, "model_type_used": TEXT},
    )
    return record({"translations": {"type": "array", "items": row}})


def _languages() -> dict[str, Any]:
    one = record({"language": TEXT, "name": TEXT}, {"supports_formality": {"type": "boolean"}})
    return {
        "summary": "The languages from which, or to which, it translates.",
        "responses": answer("The languages.", {"type": "array", "items": one})
        | deepl_problems("413"),
        "group": GROUP,
    }


def _languages_v3() -> dict[str, Any]:
    yes = {"type": "boolean"}
    one = record(
        {"lang": TEXT, "name": TEXT, "status": TEXT, "usable_as_source": yes,
         "usable_as_target": yes, "features": OBJECT}
    )  # fmt: skip
    return operation(
        "languagesDeepL3",
        "The languages of a resource, and what each can do with it.",
        answer("The languages.", {"type": "array", "items": one}) | deepl_problems("404", "413"),
        group=GROUP,
        query={"resource": {"enum": list(RESOURCES)}},
        required=("resource",),
    )


def _usage() -> dict[str, Any]:
    counts = record({"character_count": COUNT, "character_limit": COUNT})
    return {
        "summary": "Characters translated today, and how many are allowed.",
        "responses": answer("The counts.", counts) | deepl_problems(),
        "group": GROUP,
    }


def _kinds() -> Schema:
    return {"enum": ["source", "target"]}


def targets(facts: TranslatorFacts) -> list[str]:
    """The target languages by the names that its clients have for them."""
    code = facts.target_language.upper()
    return [code, "EN-GB", "EN-US"] if code == "EN" else [code]


def _upload_document(settings: Settings, facts: TranslatorFacts) -> dict[str, Any]:
    optional = {
        "source_lang": {"enum": [facts.source_language.upper(), ""]},
        "filename": TEXT,
        "formality": {"enum": ["default", "prefer_more", "prefer_less"]},
        "output_format": TEXT,
        "glossary_id": TEXT | {"maxLength": 99},
    }
    return operation(
        "uploadDocumentDeepL",
        "Send a document to be translated, as DeepL does.",
        answer("Accepted.", record({"document_id": TEXT, "document_key": TEXT}))
        | _document_problems("404", "413", "415", "456"),
        group=GROUP,
        description=document_limits(settings),
        body=upload_body({"target_lang": {"enum": targets(facts)}}, optional),
    )


def _document_status() -> dict[str, Any]:
    states: Schema = {"enum": ["queued", "translating", "done", "error"]}
    optional = {"seconds_remaining": COUNT, "billed_characters": COUNT, "error_message": TEXT}
    responses = answer("The state.", record({"document_id": TEXT, "status": states}, optional))
    return operation(
        "documentStatusDeepL",
        "How far a document is.",
        responses | _document_problems("404", "413"),
        group=GROUP,
        body=_document_key(),
    )


def _document_result() -> dict[str, Any]:
    problems_ = _document_problems("404", "413", "503", _503="It is not translated yet.")
    return operation(
        "documentResultDeepL",
        "Fetch the translated document; once, then it is gone.",
        document_answer() | problems_,
        group=GROUP,
        body=_document_key(),
    )


def _document_problems(*statuses: str, **words: str) -> dict[str, Any]:
    return deepl_problems(*statuses, **DOCUMENT_PROBLEMS, **words)


def _document_key() -> dict[str, Any]:
    fields = record({"document_key": TEXT | {"minLength": 1}})
    return request_body({JSON: fields, FORM: fields})
