"""OpenAI's chat API in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from serving.openapi.parts import (
    ACCESS,
    JSON,
    TEXT,
    TRANSLATING,
    Piece,
    answer,
    nullable,
    operation,
    problems,
    record,
    reference,
    request_body,
)
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

GROUP = "OpenAI"
EXAMPLE = {"messages": [{"role": "user", "content": "你好，世界。"}]}


def openai_piece(settings: Settings, facts: TranslatorFacts) -> Piece:
    model = record({"id": TEXT, "object": {"const": "model"}})
    several = record({"data": {"type": "array", "items": model}})
    return Piece(
        {
            "/v1/models": {
                "get": operation(
                    "listModelsOpenAI",
                    "The model that is served.",
                    answer("One model.", several) | _problems(*ACCESS),
                    group=GROUP,
                )
            },
            "/v1/models/{id}": {
                "get": operation(
                    "showModelOpenAI",
                    "The model.",
                    answer("It.", model) | _problems("404", *ACCESS),
                    group=GROUP,
                )
            },
            "/v1/chat/completions": {"post": _chat()},
        },
        {"OpenAIError": record({"error": record({"message": TEXT, "type": TEXT})})},
    )


def _chat() -> dict[str, Any]:
    message = record({"role": TEXT, "content": TEXT})
    fields = record(
        {"messages": {"type": "array", "items": message, "minItems": 1}},
        {"model": TEXT, "stream": {"type": "boolean"}},
    )
    choices = {"type": "array", "items": record({"message": message})}
    answered = answer("The translation.", record({"choices": choices}))
    answered["200"]["content"]["text/event-stream"] = {"schema": record({"data": TEXT})}
    return operation(
        "chatOpenAI",
        "Translate the last user message of a chat.",
        answered | _problems("400", *ACCESS, *TRANSLATING),
        group=GROUP,
        description="Or the text between the markers of the prompts that docs/clients.md lists; "
        "other instructions are refused. With `stream` it comes sentence by sentence.",
        body=request_body(
            {JSON: nullable(fields)},
            example={"messages": [{"role": "user", "content": "你好，世界。"}]},
        ),
    )


def _problems(*statuses: str) -> dict[str, Any]:
    return problems(sorted(set(statuses)), reference("OpenAIError"))
