"""LibreTranslate's other routes: languages, detection, settings, health, suggestions."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csanmt.documents.formats import SUFFIXES
from csanmt.memory import entries as memory
from serving.apis.libretranslate.translate import check_limits, texts_of, unix_lines
from serving.http.allowance import Account, charged
from serving.http.errors import BadRequestError, ForbiddenError
from serving.http.fields import read_fields
from serving.languages import canonical, detect, name_of
from serving.openapi.document import limits_and_facts, read_yaml
from serving.suggestions import Suggestion, SuggestionFile
from serving.translating import TranslationService

SPEC = Path(__file__).with_name("spec.yaml")
MAX_SUGGESTION = 5000


class LibreTranslateRoutes:
    """``/languages /detect /health /spec /frontend/settings /suggest``.

    Args:
        keys_required: what front ends are told.
    """

    def __init__(self, service: TranslationService, keys_required: bool) -> None:
        self._service = service
        self._keys_required = keys_required
        suggestions = service.settings.suggestions_file
        self._suggestions = SuggestionFile(suggestions) if suggestions else None
        # A thread of its own: another process may hold the file for long.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="suggestions")

    def routes(self) -> list[Route]:
        return [
            Route("/languages", self.languages),
            Route("/frontend/settings", self.settings),
            Route("/spec", self.spec),
            Route("/health", self.health),
            Route("/detect", self.detect, methods=["POST"]),
            Route("/suggest", self.suggest, methods=["POST"]),
        ]

    async def languages(self, request: Request) -> Response:
        pair = self._service.languages
        source = {"code": pair.source, "name": name_of(pair.source), "targets": [pair.target]}
        target = {"code": pair.target, "name": name_of(pair.target), "targets": [pair.target]}
        return JSONResponse([source, target])

    async def detect(self, request: Request) -> Response:
        fields = await self._fields(request)
        texts = texts_of(fields)
        check_limits(texts, self._service)
        Account.of(request).take(sum(map(len, texts)))
        found = [(detect(text), len(text)) for text in texts]
        found.sort(
            key=lambda one: -one[0].confidence * one[1]
        )  # what is surest of most comes first
        sure = {one.language: one.confidence for one, _ in reversed(found)}
        ranked = dict.fromkeys(one.language for one, _ in found)
        rows = [{"confidence": round(100 * sure[code]), "language": code} for code in ranked]
        return JSONResponse(rows)

    async def health(self, request: Request) -> Response:
        if self._service.ready:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "starting"}, 503, headers={"Retry-After": "1"})

    async def settings(self, request: Request) -> Response:
        pair, settings = self._service.languages, self._service.settings
        return JSONResponse(
            {
                "apiKeys": self._keys_required,
                "charLimit": settings.max_characters,
                "frontendTimeout": 500,
                "keyRequired": self._keys_required,
                "language": {
                    "source": {"code": "auto", "name": "Auto Detect"},
                    "target": {"code": pair.target, "name": name_of(pair.target)},
                },
                "suggestions": self._suggestions is not None,
                "filesTranslation": bool(settings.max_document_bytes),
                "supportedFilesFormat": list(SUFFIXES) if settings.max_document_bytes else [],
            }
        )

    async def spec(self, request: Request) -> Response:
        """The API's description, where LibreTranslate has it; clients read its version."""
        service = self._service
        document = read_yaml(SPEC, limits_and_facts(service.settings, service.facts))
        return JSONResponse(document)

    async def suggest(self, request: Request) -> Response:
        """Keep a better translation that a user offers; see ``docs/clients.md`` for its use."""
        if self._suggestions is None:
            raise ForbiddenError("Suggestions are disabled on this server.")
        fields = await self._fields(request)
        entry: dict[str, str] = {}
        for name in ("q", "s", "source", "target"):
            value = unix_lines(fields.get(name))
            if not isinstance(value, str) or not value.strip():
                raise BadRequestError(f"Invalid request: missing {name} parameter")
            if len(value) > MAX_SUGGESTION:
                raise BadRequestError(f"Invalid request: {name} is too long")
            entry[name] = value
        at, model = round(time.time(), 3), self._service.facts.model
        with charged(request, len(entry["q"]) + len(entry["s"])):
            await self._remember(entry)  # before the file: asked again, it only replaces
            offered, loop = Suggestion(at, model, **entry), asyncio.get_running_loop()
            await loop.run_in_executor(self._writer, self._suggestions.add, offered)
        return JSONResponse({"success": True})

    async def _remember(self, entry: dict[str, str]) -> None:
        """Into the translation memory too, if there is one and this is its direction."""
        pair, settings = self._service.languages, self._service.settings
        direction = (canonical(entry["source"]), canonical(entry["target"]))
        if settings.memory_suggestions and direction == (pair.source, pair.target):
            suggested = memory.TranslationUnit(entry["q"], entry["s"], "suggestion")
            await self._service.recall.remember(suggested, self._service.facts)

    async def _fields(self, request: Request) -> dict[str, Any]:
        return await read_fields(request, self._service.settings)
