"""Documents in the OpenAPI document: our routes, LibreTranslate's and DeepL's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csanmt.documents.formats import FORMATS, SUFFIXES
from serving.apis.deepl.description import deepl_problems, targets
from serving.http.fields import FORM, MULTIPART
from serving.openapi.parts import (
    ACCESS,
    COUNT,
    JSON,
    TEXT,
    Piece,
    Schema,
    answer,
    header_references,
    operation,
    problems,
    record,
    reference,
    request_body,
)
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

FILE: Schema = {"type": "string", "format": "binary"}
UPLOADING = ("400", "413", "415", "422")
MISSING = {"_404": "There is no such document, or it is no longer kept."}
OFF = {"_403": "The key lacks the scope, or documents are off."}
LIBRE_UPLOADING = ("400", "401", "403", "429", "503", "504")
DEEPL_WORDS = {
    "_400": "A parameter is missing or not supported, or the file cannot be read.",
    "_403": "The key is missing, unknown or lacks the scope, or documents are off.",
    "_404": MISSING["_404"],
}


def documents_piece(settings: Settings, facts: TranslatorFacts) -> Piece:
    one = "/documents/{id}"
    return Piece(
        {
            "/documents": {"post": _create(settings)},
            one: {"get": _show(), "delete": _cancel()},
            f"{one}/content": {"get": _content()},
            "/translate_file": {"post": _libre_upload(settings, facts)},
            "/download_file/{name}": {"get": _libre_download()},
            "/v2/document": {"post": _deepl_upload(settings, facts)},
            "/v2/document/{id}": {"post": _deepl_status()},
            "/v2/document/{id}/result": {"post": _deepl_result()},
        },
        {"Document": _document()},
    )


def _document() -> Schema:
    return record(
        {
            "id": TEXT,
            "name": TEXT | {"description": "File name of the translation."},
            "format": TEXT,
            "status": {"enum": ["queued", "translating", "done", "error"]},
            "characters": COUNT | {"description": "Of text in the document."},
            "progress": {"type": "number", "minimum": 0, "maximum": 1},
        },
        {"seconds_remaining": COUNT, "error": record({"code": TEXT, "message": TEXT})},
    )


def _create(settings: Settings) -> dict[str, Any]:
    return operation(
        "createDocument",
        "Send a document to be translated.",
        answer("Accepted; ask for it at its id.", reference("Document"), status="202")
        | problems((*UPLOADING, *ACCESS), None, **OFF),
        group="Documents",
        description=_formats(settings)
        + " The layout is kept. It is kept in memory until it is deleted or "
        f"{settings.document_keep:g} seconds after it is done.",
        body=_form({"file": FILE}),
    )


def _show() -> dict[str, Any]:
    found = answer("The document.", reference("Document"))
    responses = found | problems((*ACCESS, "404"), None, **MISSING)
    return operation("showDocument", "How far it is.", responses, group="Documents")


def _cancel() -> dict[str, Any]:
    done = {"204": {"description": "Gone.", "headers": header_references()}}
    responses = done | problems((*ACCESS, "404"), None, **MISSING)
    summary = "Stop translating a document and forget it."
    return operation("cancelDocument", summary, responses, group="Documents")


def _content() -> dict[str, Any]:
    responses = _file() | problems(
        (*ACCESS, "404", "409", "500", "504"), None, **MISSING, **_words()
    )
    summary = "The translated document."
    return operation("documentContent", summary, responses, group="Documents")


def _words() -> dict[str, str]:
    return {
        "_409": "It is not translated yet.",
        "_500": "It could not be translated.",
        "_504": "It took too long.",
    }


def _libre_upload(settings: Settings, facts: TranslatorFacts) -> dict[str, Any]:
    languages = {
        "source": {"enum": [facts.source_language, "auto"]},
        "target": {"enum": [facts.target_language]},
    }
    return operation(
        "translateFileLibreTranslate",
        "Translate a document as LibreTranslate does.",
        answer("Where it can be fetched.", record({"translatedFileUrl": TEXT}))
        | problems((*LIBRE_UPLOADING, "500"), reference("LibreTranslateError"), **OFF, **_words()),
        group="LibreTranslate",
        description=_formats(settings),
        body=_form({"file": FILE, **languages}, {"api_key": TEXT}),
    )


def _libre_download() -> dict[str, Any]:
    responses = _file() | problems(
        ("400", "404"), reference("LibreTranslateError"), **MISSING, _400="No such name."
    )
    summary = "A translated document, at the address that was told."
    described = operation(
        "downloadFileLibreTranslate", summary, responses, group="LibreTranslate", public=True
    )
    name = TEXT | {"pattern": r"^[0-9A-F]{32}\.[a-z]{2,8}$"}
    parameter = {"name": "name", "in": "path", "required": True, "schema": name}
    return described | {"parameters": [parameter]}


def _deepl_upload(settings: Settings, facts: TranslatorFacts) -> dict[str, Any]:
    optional = {
        "source_lang": {"enum": [facts.source_language.upper(), ""]},
        "filename": TEXT,
        "formality": {"enum": ["default", "prefer_more", "prefer_less"]},
        "output_format": TEXT,
    }
    return operation(
        "uploadDocumentDeepL",
        "Send a document to be translated, as DeepL does.",
        answer("Accepted.", record({"document_id": TEXT, "document_key": TEXT}))
        | _deepl_problems("413", "415", "456"),
        group="DeepL",
        description=_formats(settings),
        body=_form({"file": FILE, "target_lang": {"enum": targets(facts)}}, optional),
    )


def _deepl_status() -> dict[str, Any]:
    states: Schema = {"enum": ["queued", "translating", "done", "error"]}
    optional = {"seconds_remaining": COUNT, "billed_characters": COUNT, "error_message": TEXT}
    responses = answer("The state.", record({"document_id": TEXT, "status": states}, optional))
    return operation(
        "documentStatusDeepL",
        "How far a document is.",
        responses | _deepl_problems("404", "413"),
        group="DeepL",
        body=_key(),
    )


def _deepl_result() -> dict[str, Any]:
    problems_ = _deepl_problems("404", "413", "503", _503="It is not translated yet.")
    return operation(
        "documentResultDeepL",
        "Fetch the translated document; once, then it is gone.",
        _file() | problems_,
        group="DeepL",
        body=_key(),
    )


def _deepl_problems(*statuses: str, **words: str) -> dict[str, Any]:
    return deepl_problems(*statuses, **DEEPL_WORDS, **words)


def _key() -> dict[str, Any]:
    fields = record({"document_key": TEXT | {"minLength": 1}})
    return request_body({JSON: fields, FORM: fields})


def _form(required: Mapping[str, Schema], optional: Mapping[str, Schema] = {}) -> dict[str, Any]:
    return request_body({MULTIPART: record(required, optional)})


def _file() -> dict[str, Any]:
    kinds = [known.media_type.partition(";")[0] for known in FORMATS]
    described = answer("The file, in the format it came in.", FILE)
    described["200"]["content"] = {kind: {"schema": FILE} for kind in kinds}
    return described


def _formats(settings: Settings) -> str:
    megabytes = settings.max_document_bytes / (1 << 20)
    return (
        f"Files ending in {', '.join(SUFFIXES)}; at most {megabytes:g} MiB and "
        f"{settings.max_document_characters} characters of text."
    )
