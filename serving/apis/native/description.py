"""The schemas that the OpenAPI document takes from our own models."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from csanmt.glossary import MAX_TERM, TERM_PATTERN
from serving.apis.native.glossaries import GlossaryRequest
from serving.apis.native.schemas import TranslateRequest
from serving.glossaries.owner import INLINE_TERMS
from serving.openapi.document import Schema, nullable
from serving.settings import Settings


def native_schemas(settings: Settings) -> dict[str, Schema]:
    """By name; limits of the settings are those of the fields."""
    _, definitions = models_json_schema(
        [(TranslateRequest, "validation"), (GlossaryRequest, "validation")],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = definitions["$defs"]
    schemas["GlossaryRequest"]["properties"]["terms"] |= _term_rules()
    fields = schemas["TranslateRequest"]["properties"]
    fields["text"]["description"] += (
        f" At most {settings.max_texts} texts and {settings.max_characters} characters in all;"
        " more is 413."
    )
    if not settings.memory_file:
        fields["memory"] = fields["memory"] | {"enum": ["off"]}
    for branch in fields["glossary"]["anyOf"]:
        if branch.get("type") == "object":
            branch |= _term_rules() | {"maxProperties": INLINE_TERMS}
    for name, most in (
        ("beam", settings.max_beam),
        ("n_best", settings.max_beam),
        ("alternatives", settings.max_beam - 1),
        ("max_length", settings.max_length),
    ):
        _set_maximum(fields[name], most)
    request = schemas["TranslateRequest"] = nullable(schemas["TranslateRequest"])
    text_only = {"enum": ["text", None]}  # markup is answered as a whole
    stream = {"title": "StreamRequest", "properties": request["properties"] | {"format": text_only}}
    return schemas | {"StreamRequest": request | stream}


def _set_maximum(field: dict[str, Any], most: int) -> None:
    for branch in field.get("anyOf", [field]):
        if branch.get("type") == "integer":
            branch["maximum"] = most


def _term_rules() -> Schema:
    """What the keys and values of an object of terms must be."""
    names = {"pattern": TERM_PATTERN, "maxLength": MAX_TERM}
    return {"propertyNames": names, "additionalProperties": {"type": "string", **names}}
