"""The APIs of desktop programs in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from serving.apis.desktop.dialects import PATHS, Answered, Dialect
from serving.openapi.parts import (
    ACCESS,
    JSON,
    TEXT,
    TRANSLATING,
    Piece,
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
from serving.settings import Settings

STATUSES = sorted({"400", "422", *ACCESS, *TRANSLATING})
MARKUP: dict[str, Schema] = {
    "html": {"type": "boolean"},
    "tag_handling": {"enum": ["html", "xml", ""]},
}


def desktop_piece(settings: Settings, facts: TranslatorFacts) -> Piece:
    wrong = either(reference("DesktopError"), reference("Error"))
    paths: dict[str, Any] = {}
    for path, dialects in PATHS.items():
        names = " or ".join(dict.fromkeys(dialect.name for dialect in dialects))
        described = operation(
            "translateDesktop" + path.title().replace("/", ""),
            f"Translate as {names} asks.",
            answer("The translation.", either(*(_example(d) for d in dialects)))
            | problems(STATUSES, wrong),
            group="Desktop",
            body=request_body({JSON: either(*(_request(d, facts) for d in dialects))}),
        )
        paths[path] = {"post": described}
    error = record({"code": {"type": "integer"}, "message": TEXT, "error": TEXT})
    return Piece(paths, {"DesktopError": error})


def _request(dialect: Dialect, facts: TranslatorFacts) -> Schema:
    text: Schema = {"type": "array", "items": TEXT} if dialect.several else TEXT
    source = {"enum": [facts.source_language, facts.target_language, "auto", ""]}
    optional: dict[str, Schema] = {dialect.source: source}
    if dialect.markup:
        optional[dialect.markup] = MARKUP[dialect.markup]
    fields = record({dialect.text: text, dialect.target: {"enum": [facts.target_language]}},
                    optional)  # fmt: skip
    return nullable(fields) | {"additionalProperties": False}


def _example(dialect: Dialect) -> Schema:
    """The answer's fields, as the dialect itself makes them."""
    made = dialect.answer([Answered("", (), "")], "")
    return record({name: _schema(value) for name, value in made.items()})


def _schema(value: Any) -> Schema:
    if isinstance(value, str):
        return TEXT
    return {"type": "array"} if isinstance(value, list) else {"type": "integer"}
