"""DeepL's glossaries in the OpenAPI document, and how all of its API tells errors there."""

from __future__ import annotations

from typing import Any

from serving.glossaries.store import MAX_NAME
from serving.openapi.parts import (
    COUNT,
    JSON,
    TEXT,
    Schema,
    answer,
    either,
    nullable,
    operation,
    problems,
    record,
    reference,
    request_body,
)
from serving.runners.translators import TranslatorFacts

GROUP = "DeepL"
EMPTY = {"204": {"description": "Done."}}
MISSING = "There is no such glossary, or it is another key's."
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_NAME, "pattern": r"\S"}
WORDS = {
    "_400": "A parameter is missing or has a value that is not supported.",
    "_403": "The key is missing, unknown or lacks the scope.",
    "_456": "The key's characters of the day are used up.",
}


def deepl_problems(*statuses: str, **words: str) -> dict[str, Any]:
    """``problems`` in DeepL's shape: those any request may meet, and ``statuses``."""
    met = sorted({"400", "403", "429", *statuses})
    return problems(met, reference("DeepLError"), **WORDS | words)


def glossary_paths(facts: TranslatorFacts) -> dict[str, Any]:
    return {**_glossaries_v2(facts), **_glossaries_v3(facts)}


def _glossaries_v2(facts: TranslatorFacts) -> dict[str, Any]:
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
                group=GROUP,
            )
        },
    }


def _glossaries_v3(facts: TranslatorFacts) -> dict[str, Any]:
    info = record(
        {"glossary_id": TEXT, "name": TEXT, "creation_time": TEXT,
         "dictionaries": {"type": "array", "items": _dictionary()}}
    )  # fmt: skip
    listed = record({"glossaries": {"type": "array", "items": info}})
    entries = record({**_direction(), "entries": TEXT, "entries_format": TEXT})
    found = record({"dictionaries": {"type": "array", "items": entries}})
    several = {"type": "array", "items": _entries(facts), "maxItems": 1}
    whole = nullable(record({"name": NAME}, {"dictionaries": several}))
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
                _change(several),
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


def _change(dictionaries: Schema) -> Schema:
    """One of both, which is not null."""
    fields = {"name": NAME, "dictionaries": dictionaries}
    given = [{"required": [n], "properties": {n: schema}} for n, schema in fields.items()]
    return nullable(record({}, fields)) | either(*given)


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
        group=GROUP,
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
    fields = record(
        {
            **({"name": NAME} if named else {}),
            **_query(facts),
            "entries": TEXT | {"pattern": "^[a-z]{1,9}\t[a-z]{1,9}$"},
        },
        {"entries_format": {"enum": ["tsv"]}},
    )
    return nullable(fields)


def _problems(*statuses: str) -> dict[str, Any]:
    return deepl_problems("404", *statuses, _404=MISSING)
