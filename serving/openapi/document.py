"""Puts the pieces together, also where several describe the same operation in different shapes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from serving.openapi.parts import TEXT, Describe, Piece, Schema, headers, record
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

Operation = dict[str, Any]
API_VERSION = "1.0.0"
KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def openapi_document(
    settings: Settings, facts: TranslatorFacts, describe: Iterable[Describe]
) -> dict[str, Any]:
    """OpenAPI 3.1 for the service as configured.

    Raises:
        ValueError: two pieces contradict each other.
    """
    pieces = [piece(settings, facts) for piece in describe]
    keys: list[dict[str, list[str]]] = [{name: []} for name in KEYS]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "csanmt",
            "version": API_VERSION,
            "description": "Chinese to English translation with CSANMT. Every answer names the "
            "model version that made it, in its body or in X-Model-Version.",
        },
        "paths": merge_paths(pieces),
        "components": {
            "schemas": {**merge_schemas(pieces), "Error": _error()},
            "securitySchemes": KEYS,
            "headers": headers(),
        },
        "security": keys if settings.api_keys_file else [{}, *keys],
    }


def _error() -> Schema:
    return record({"error": record({"code": TEXT, "message": TEXT})})


def merge_paths(pieces: Iterable[Piece]) -> dict[str, dict[str, Operation]]:
    """All operations; the first piece that describes one names it."""
    paths: dict[str, dict[str, Operation]] = {}
    for piece in pieces:
        for path, methods in piece.paths.items():
            known = paths.setdefault(path, {})
            for method, operation in methods.items():
                placed = _placed(path, operation)
                known[method] = _merge(known[method], placed) if method in known else placed
    return paths


def _placed(path: str, operation: Operation) -> Operation:
    """The operation with every parameter of its path; what it does not describe is text."""
    described = list(operation.get("parameters", []))
    known = {parameter["name"] for parameter in described if parameter["in"] == "path"}
    missing = [name for name in re.findall(r"{(\w+)}", path) if name not in known]
    added = [{"name": n, "in": "path", "required": True, "schema": TEXT} for n in missing]
    return operation | ({"parameters": [*added, *described]} if added else {})


def merge_schemas(pieces: Iterable[Piece]) -> dict[str, Schema]:
    """All schemas by name. Raises ValueError if one name means two things."""
    schemas: dict[str, Schema] = {}
    for piece in pieces:
        for name, schema in piece.schemas.items():
            if schemas.setdefault(name, schema) != schema:
                raise ValueError(f"two different schemas are called {name}")
    return schemas


def _merge(first: Operation, second: Operation) -> Operation:
    """An operation that takes what either takes and answers as either answers."""
    merged = dict(first)
    texts = [o["description"] for o in (first, second) if "description" in o]
    if texts:
        merged["description"] = " ".join(texts)
    parameters = _parameters(first, second)
    if parameters:
        merged["parameters"] = parameters
    bodies = [o["requestBody"] for o in (first, second) if "requestBody" in o]
    if bodies:
        merged["requestBody"] = {
            "required": len(bodies) == 2 and all(b["required"] for b in bodies),
            "content": _contents([b["content"] for b in bodies]),
        }
    merged["responses"] = _responses(first["responses"], second["responses"])
    return merged


def _parameters(first: Operation, second: Operation) -> list[dict[str, Any]]:
    """Those of both; required only where both operations require it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for operation in (first, second):
        for parameter in operation.get("parameters", []):
            place = (parameter["in"], parameter["name"])
            if place in found:
                both = found[place]["required"] and parameter["required"]
                schema = _any_of([found[place]["schema"], parameter["schema"]])
                found[place] = parameter | {"required": both, "schema": schema}
            else:
                found[place] = parameter | {"required": parameter["in"] == "path"}
    return list(found.values())


def _responses(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    merged = first | second
    for status in first.keys() & second.keys():
        words = dict.fromkeys(r["description"] for r in (first[status], second[status]))
        merged[status] = first[status] | {
            "description": " ".join(words),
            "content": _contents([first[status]["content"], second[status]["content"]]),
        }
    return {status: merged[status] for status in sorted(merged)}


def _contents(contents: list[dict[str, Any]]) -> dict[str, Any]:
    """Media types of all; a type that several have takes the schemas of each."""
    merged: dict[str, Any] = {}
    for content in contents:
        for media, described in content.items():
            if media in merged:
                schema = _any_of([merged[media]["schema"], described["schema"]])
                merged[media] = described | merged[media] | {"schema": schema}
            else:
                merged[media] = described
    return merged


def _any_of(schemas: list[Schema]) -> Schema:
    branches: list[Schema] = []
    for schema in schemas:
        for branch in schema["anyOf"] if schema.keys() == {"anyOf"} else [schema]:
            if branch not in branches:
                branches.append(branch)
    return branches[0] if len(branches) == 1 else {"anyOf": branches}
