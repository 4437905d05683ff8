"""Puts the pieces together: one document, its schemas, its ways to show a key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from serving.openapi.merge import merge_paths, merge_schemas
from serving.openapi.parts import TEXT, Describe, Schema, headers, record
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

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
