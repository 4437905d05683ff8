"""The operator's routes in the OpenAPI document: probes, metrics, version."""

from __future__ import annotations

from typing import Any

from serving.openapi.parts import ACCESS, OBJECT, TEXT, Piece, answer, operation, problems
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

GROUP = "Operation"


def operations_piece(settings: Settings, facts: TranslatorFacts) -> Piece:
    metrics = answer("The metrics.", TEXT, media="text/plain")
    described = {
        "/version": ("What exactly is running.", answer("It.") | problems(ACCESS), False),
        "/metrics": ("Metrics in Prometheus' text format.", metrics | problems(ACCESS), False),
        "/healthz": ("Ready, and how busy.", answer("Ready.") | _not_ready(), True),
        "/readyz": ("Takes requests.", answer("Ready.") | _not_ready(), True),
        "/livez": ("The process answers.", answer("It does."), True),
    }
    return Piece(
        {
            path: {"get": operation(path[1:], summary, responses, group=GROUP, public=public)}
            for path, (summary, responses, public) in described.items()
        }
    )


def _not_ready() -> dict[str, Any]:
    return answer("Not ready; see Retry-After.", OBJECT, status="503")
