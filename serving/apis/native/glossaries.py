"""Our own glossaries: ``/glossaries`` and ``/glossaries/{id}``, for the page and scripts."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csanmt.glossary import Term, checked, overlaps
from serving.glossaries.owner import Glossaries
from serving.glossaries.store import MAX_NAME, Glossary, Languages
from serving.http.errors import validated
from serving.http.headers import require_json
from serving.http.json_body import parse_json_object, read_body
from serving.translating import TranslationService

ALL, ONE = "/glossaries", "/glossaries/{id}"


class GlossaryRequest(BaseModel):
    """A glossary to keep."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=r"\S")]
    terms: Annotated[
        dict[str, str], Field(min_length=1, description="Source terms and their targets.")
    ]


class GlossaryRoutes:
    def __init__(self, glossaries: Glossaries, service: TranslationService) -> None:
        self._store, self._kept = glossaries.store, glossaries.kept
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route(ALL, self.all, methods=["GET", "POST"]),
            Route(ONE, self.one, methods=["GET", "DELETE"]),
        ]

    async def all(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._create(request)
        found = await self._kept(self._store.all, request)
        return JSONResponse({"glossaries": [self._answer(glossary) for glossary in found]})

    async def one(self, request: Request) -> Response:
        identity = request.path_params["id"]
        if request.method == "DELETE":
            await self._kept(self._store.delete, request, identity)
            return Response(status_code=204)
        glossary = await self._kept(self._store.get, request, identity)
        pairs = await self._kept(self._store.pairs, request, glossary.identity, self._direction)
        return await self._full(glossary, pairs or (), 200)

    async def _create(self, request: Request) -> Response:
        require_json(request)
        body = await read_body(request, self._service.settings.max_body_bytes)
        wanted = validated(GlossaryRequest, parse_json_object(body))
        pairs = await asyncio.to_thread(checked, wanted.terms.items())
        created = await self._kept(
            self._store.create, request, wanted.name, {self._direction: pairs}
        )
        return await self._full(created, pairs, 201)

    @property
    def _direction(self) -> Languages:
        return self._service.languages

    def _answer(self, glossary: Glossary) -> dict[str, Any]:
        return {
            "id": glossary.identity,
            "name": glossary.name,
            "created": glossary.created_at,
            "term_count": glossary.counts.get(self._direction, 0),
        }

    async def _full(self, glossary: Glossary, pairs: tuple[Term, ...], status: int) -> Response:
        """With its terms and their overlaps, which are found beside the event loop."""
        inner = await asyncio.to_thread(lambda: [str(overlap) for overlap in overlaps(pairs)])
        body = self._answer(glossary) | {"terms": dict(pairs), "overlaps": inner}
        return JSONResponse(body, status)
