"""Glossaries in the OpenAPI document: our routes and DeepL's."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from csanmt.glossary import MAX_TERM, TERM_PATTERN
from serving.apis.deepl.description import deepl_problems
from serving.apis.native.glossaries import GlossaryAnswer, GlossaryRequest
from serving.glossaries.store import MAX_NAME
from serving.openapi.parts import (
    ACCESS,
    COUNT,
    JSON,
    REFERENCE,
    TEXT,
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

GROUP = "Glossaries"
EMPTY = {"204": {"description": "Done."}}
MISSING = "There is no such glossary, or it is another key's."
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_NAME, "pattern": r"\S"}


def glossaries_piece(settings: Settings, facts: TranslatorFacts) -> Piece:
    _, definitions = models_json_schema(
        [(GlossaryRequest, "validation"), (GlossaryAnswer, "serialization")],
        ref_template=REFERENCE,
    )
    schemas: dict[str, Any] = definitions["$defs"]
    schemas["GlossaryRequest"]["properties"]["terms"] |= term_rules()
    return Piece({**_ours(), **_deepl_v2(facts), **_deepl_v3(facts)}, schemas)


def term_rules() -> Schema:
    """What the keys and values of an object of terms must be."""
    term: Schema = {"type": "string", "pattern": TERM_PATTERN, "maxLength": MAX_TERM}
    names = {key: term[key] for key in ("pattern", "maxLength")}
    return {"propertyNames": names, "additionalProperties": term}


def _ours() -> dict[str, Any]:
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
                group=GROUP,
            ),
            "post": operation(
                "createGlossary",
                "Keep a glossary.",
                answer("It, and which terms lie within others.", one, status="201") | wrong,
                group=GROUP,
                body=body,
            ),
        },
        "/glossaries/{id}": {
            "get": operation(
                "showGlossary",
                "A glossary, by id or name.",
                answer("The glossary.", one) | missing,
                group=GROUP,
            ),
            "delete": operation(
                "deleteGlossary", "Forget a glossary.", EMPTY | missing, group=GROUP
            ),
        },
    }


def _deepl_v2(facts: TranslatorFacts) -> dict[str, Any]:
    info = _info_v2()
    listed = record({"glossaries": {"type": "array", "items": info}})
    pairs = record({"supported_languages": {"type": "array", "items": record(_direction())}})
    one = "/v2/glossaries/{id}"
    return {
        "/v2/glossary-language-pairs": {
            "get": _operation("glossaryPairsDeepL", "Directions with an effect.", pairs)
        },
        "/v2/glossaries": {
            "get": _operation("listGlossariesDeepL", "The glossaries of one direction.", listed),
            "post": _operation(
                "createGlossaryDeepL", "Keep a glossary.", info, "201", _entries(facts, named=True)
            ),
        },
        one: {
            "get": _operation("showGlossaryDeepL", "A glossary.", info),
            "delete": _operation("deleteGlossaryDeepL", "Forget a glossary.", None),
        },
        f"{one}/entries": {
            "get": operation(
                "entriesGlossaryDeepL",
                "Its entries.",
                answer("One pair a line.", TEXT, media="text/tab-separated-values") | _problems(),
                group="DeepL",
            )
        },
    }


def _deepl_v3(facts: TranslatorFacts) -> dict[str, Any]:
    info = record(
        {"glossary_id": TEXT, "name": TEXT, "creation_time": TEXT,
         "dictionaries": {"type": "array", "items": _dictionary()}}
    )  # fmt: skip
    listed = record({"glossaries": {"type": "array", "items": info}})
    entries = record({**_direction(), "entries": TEXT, "entries_format": TEXT})
    found = record({"dictionaries": {"type": "array", "items": entries}})
    several = {"type": "array", "items": _entries(facts), "minItems": 1, "maxItems": 1}
    whole = record({"name": NAME, "dictionaries": several})
    one, direction = "/v3/glossaries/{id}", _query(facts)
    part = f"{one}/dictionaries"
    return {
        "/v3/glossaries": {
            "get": _operation("listGlossariesDeepL3", "All glossaries.", listed),
            "post": _operation("createGlossaryDeepL3", "Keep a glossary.", info, "201", whole),
        },
        one: {
            "get": _operation("showGlossaryDeepL3", "A glossary.", info),
            "patch": _operation(
                "changeGlossaryDeepL3", "Rename it, add entries.", info, "200",
                record({}, {"name": NAME, "dictionaries": several})
                | {"anyOf": [{"required": ["name"]}, {"required": ["dictionaries"]}]},
            ),
            "delete": _operation("deleteGlossaryDeepL3", "Forget a glossary.", None),
        },
        f"{one}/entries": {
            "get": _operation("entriesGlossaryDeepL3", "Entries.", found, query=direction)
        },
        part: {
            "put": _operation(
                "putDictionaryDeepL3", "Replace one direction.", _dictionary(), "200",
                _entries(facts),
            ),
            "delete": _operation(
                "deleteDictionaryDeepL3", "Forget one direction.", None, query=direction
            ),
        },
    }  # fmt: skip


def _operation(
    identity: str,
    summary: str,
    schema: Schema | None,
    status: str = "200",
    body: Schema | None = None,
    query: dict[str, Schema] | None = None,
) -> dict[str, Any]:
    done = EMPTY if schema is None else answer("It.", schema, status=status)
    return operation(
        identity,
        summary,
        done | _problems(*(("413",) if body else ())),
        group="DeepL",
        body=request_body({JSON: body}) if body else None,
        query=query,
        required=query or (),
    )


def _query(facts: TranslatorFacts) -> dict[str, Schema]:
    return {
        "source_lang": {"enum": [facts.source_language]},
        "target_lang": {"enum": [facts.target_language]},
    }


def _direction() -> dict[str, Schema]:
    return {"source_lang": TEXT, "target_lang": TEXT}


def _dictionary() -> Schema:
    return record({**_direction(), "entry_count": COUNT})


def _info_v2() -> Schema:
    head = {"glossary_id": TEXT, "name": TEXT, "ready": {"type": "boolean"}}
    return record({**head, "creation_time": TEXT, **_direction(), "entry_count": COUNT})


def _entries(facts: TranslatorFacts, *, named: bool = False) -> Schema:
    return record(
        {
            **({"name": NAME} if named else {}),
            **_query(facts),
            "entries": TEXT | {"pattern": "^[a-z]{1,9}\t[a-z]{1,9}$"},
        },
        {"entries_format": {"enum": ["tsv"]}},
    )


def _problems(*statuses: str) -> dict[str, Any]:
    return deepl_problems("404", *statuses, _404=MISSING)
