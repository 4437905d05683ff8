"""Apertium's ``GET /translate`` in the OpenAPI document."""

from __future__ import annotations

from serving.openapi.parts import (
    ACCESS,
    TEXT,
    TRANSLATING,
    Piece,
    answer,
    either,
    operation,
    problems,
    record,
    reference,
)
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings


def apertium_piece(settings: Settings, facts: TranslatorFacts) -> Piece:
    """Its errors carry the same facts as ours under other names; a key's are ours."""
    own = either(reference("ApertiumError"), reference("Error"))
    translation = record({"responseData": record({"translatedText": TEXT})})
    direction = {"const": f"{facts.source_language}|{facts.target_language}"}
    get = operation(
        "translateApertium",
        "Translate a text, asked for as Apertium's clients do.",
        answer("The translation.", reference("ApertiumResponse"))
        | problems(sorted({"400", *ACCESS, *TRANSLATING}), own),
        group="Apertium",
        query={"q": TEXT, "langpair": direction},
        required=("q", "langpair"),
    )
    error = record(
        {
            "responseStatus": {"type": "integer"},
            "responseDetails": TEXT,
            "status": {"const": "error"},
            "code": {"type": "integer"},
            "message": TEXT,
            "explanation": TEXT,
        }
    )
    schemas = {"ApertiumResponse": translation, "ApertiumError": error}
    pair = record({"sourceLanguage": TEXT, "targetLanguage": TEXT})
    pairs = operation(
        "listPairsApertium",
        "The pairs of languages, as Apertium's clients ask for them.",
        answer("The pairs.", record({"responseData": {"type": "array", "items": pair}}))
        | problems(ACCESS, own),
        group="Apertium",
    )
    return Piece({"/translate": {"get": get}, "/listPairs": {"get": pairs}}, schemas)
