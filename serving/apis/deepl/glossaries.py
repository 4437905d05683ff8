"""DeepL's glossaries: ``/v2/glossaries`` (one direction) and ``/v3/glossaries`` (several).

Any pair of languages can be stored; a translation takes only that of the served model.
Reference: DeepL's public OpenAPI document and deepl-python 1.32.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csanmt.errors import NotFoundError
from csanmt.glossary import Term, as_tsv, parse_entries
from serving.apis.deepl.errors import missing, unsupported
from serving.glossaries.owner import Glossaries
from serving.glossaries.store import NO_DICTIONARY, Glossary, Languages
from serving.http.errors import BadRequestError
from serving.http.fields import read_fields
from serving.languages import NAMES, canonical
from serving.translating import TranslationService

Endpoint = Callable[[Request], Awaitable[Response]]
ONE2, ONE3 = "/v2/glossaries/{id}", "/v3/glossaries/{id}"
_INDEXED = re.compile(r"dictionaries\[([0-9]{1,4})\]\.([a-z_]{1,40})")
TSV = "text/tab-separated-values"


class DeepLGlossaryRoutes:
    def __init__(self, glossaries: Glossaries, service: TranslationService) -> None:
        self._store, self._kept = glossaries.store, glossaries.kept
        self._service = service

    def routes(self) -> list[Route]:
        two, three = "/v2/glossaries", "/v3/glossaries"
        return [
            Route("/v2/glossary-language-pairs", self.pairs),
            _route(two, GET=self.list_v2, POST=self.create_v2),
            _route(ONE2, GET=self.get_v2, DELETE=self.delete),
            _route(f"{ONE2}/entries", GET=self.entries_v2),
            _route(three, GET=self.list_v3, POST=self.create_v3),
            _route(ONE3, GET=self.get_v3, PATCH=self.patch_v3, DELETE=self.delete),
            _route(f"{ONE3}/entries", GET=self.entries_v3),
            _route(f"{ONE3}/dictionaries", PUT=self.put_v3, DELETE=self.drop_v3),
        ]

    async def pairs(self, request: Request) -> Response:
        pair = self._service.languages
        languages = {"source_lang": pair.source, "target_lang": pair.target}
        return JSONResponse({"supported_languages": [languages]})

    # -- v2 ----------------------------------------------------------------------------

    async def create_v2(self, request: Request) -> Response:
        fields = await self._fields(request)
        languages, pairs = await asyncio.to_thread(_dictionary, fields)
        created = await self._kept(self._store.create, request, _name(fields), {languages: pairs})
        return JSONResponse(_info_v2(created), 201)

    async def list_v2(self, request: Request) -> Response:
        found = await self._kept(self._store.all, request)
        shown = [_info_v2(glossary) for glossary in found if glossary.counts]
        return JSONResponse({"glossaries": shown})

    async def get_v2(self, request: Request) -> Response:
        glossary = await self._one(request)
        if not glossary.counts:
            raise NotFoundError(NO_DICTIONARY)
        return JSONResponse(_info_v2(glossary))

    async def entries_v2(self, request: Request) -> Response:
        glossary = await self._one(request)
        languages = next(iter(glossary.counts), None)
        entries = await self._entries(request, languages) if languages else ""
        return Response(entries, media_type=TSV)

    async def delete(self, request: Request) -> Response:
        await self._kept(self._store.delete, request, request.path_params["id"])
        return Response(status_code=204)

    # -- v3 ----------------------------------------------------------------------------

    async def create_v3(self, request: Request) -> Response:
        fields = await self._fields(request)
        dictionaries = await asyncio.to_thread(_dictionaries, fields)
        created = await self._kept(self._store.create, request, _name(fields), dictionaries)
        return JSONResponse(_info_v3(created), 201)

    async def list_v3(self, request: Request) -> Response:
        found = await self._kept(self._store.all, request)
        return JSONResponse({"glossaries": [_info_v3(glossary) for glossary in found]})

    async def get_v3(self, request: Request) -> Response:
        return JSONResponse(_info_v3(await self._one(request)))

    async def patch_v3(self, request: Request) -> Response:
        """A new name, and dictionaries whose entries are added to those there are."""
        fields = await self._fields(request)
        if "name" not in fields and "dictionaries" not in fields:
            raise BadRequestError(
                "Parameter 'name' or 'dictionaries' not specified: send what is to change."
            )
        name = _name(fields) if "name" in fields else None
        additions = await asyncio.to_thread(_dictionaries, fields)
        identity = request.path_params["id"]
        changed = await self._kept(self._store.change, request, identity, name, additions)
        return JSONResponse(_info_v3(changed))

    async def entries_v3(self, request: Request) -> Response:
        languages = _languages(request.query_params)
        await self._one(request)
        entries = await self._entries(request, languages)
        source, target = languages
        entry = {"source_lang": source, "target_lang": target, "entries": entries}
        return JSONResponse({"dictionaries": [entry | {"entries_format": "tsv"}]})

    async def put_v3(self, request: Request) -> Response:
        languages, pairs = await asyncio.to_thread(_dictionary, await self._fields(request))
        change = partial(self._store.change, replace=True)
        identity = request.path_params["id"]
        await self._kept(change, request, identity, None, {languages: pairs})
        return JSONResponse(_dictionary_info(languages, len(pairs)))

    async def drop_v3(self, request: Request) -> Response:
        languages = _languages(request.query_params)
        await self._kept(self._store.drop, request, request.path_params["id"], languages)
        return Response(status_code=204)

    async def _fields(self, request: Request) -> dict[str, Any]:
        """With ``dictionaries[0].entries``, as deepl-node's forms have it, within a list."""
        fields = await read_fields(request, self._service.settings)
        found: dict[int, dict[str, Any]] = {}
        for name in list(fields):
            if indexed := _INDEXED.fullmatch(name):
                found.setdefault(int(indexed[1]), {})[indexed[2]] = fields.pop(name)
        listed = {"dictionaries": [found[index] for index in sorted(found)]} if found else {}
        return listed | fields

    async def _one(self, request: Request) -> Glossary:
        by_id = partial(self._store.get, by_name=False)
        return await self._kept(by_id, request, request.path_params["id"])

    async def _entries(self, request: Request, languages: Languages) -> str:
        """Of one direction as TSV. Raises NotFoundError: there is none."""
        identity = request.path_params["id"]
        pairs = await self._kept(self._store.pairs, request, identity, languages)
        if pairs is None:
            raise NotFoundError(NO_DICTIONARY)
        return as_tsv(pairs)


def _route(path: str, **methods: Endpoint) -> Route:
    async def endpoint(request: Request) -> Response:
        return await methods["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, endpoint, methods=list(methods))


def _name(fields: Mapping[str, Any]) -> str:
    name = fields.get("name")
    if not isinstance(name, str) or not name.strip():
        raise missing("name", "the glossary's name")
    return name


def _languages(fields: Mapping[str, Any]) -> Languages:
    found = []
    for field in ("source_lang", "target_lang"):
        value = fields.get(field)
        if not value:
            raise missing(field, "a code such as EN")
        if not isinstance(value, str) or canonical(value) not in NAMES:
            raise unsupported(field, f"known are {', '.join(NAMES)}")
        found.append(canonical(value))
    if found[0] == found[1]:
        raise unsupported("target_lang", "it must differ from source_lang")
    return found[0], found[1]


def _dictionary(fields: Mapping[str, Any]) -> tuple[Languages, tuple[Term, ...]]:
    languages = _languages(fields)
    entries = fields.get("entries")
    if not isinstance(entries, str) or not entries.strip():
        raise missing("entries", "a source, a tab and a target a line")
    form = fields.get("entries_format")
    pairs = parse_entries(entries, "tsv" if form is None else str(form))
    return languages, pairs


def _dictionaries(fields: Mapping[str, Any]) -> dict[Languages, tuple[Term, ...]]:
    items = fields.get("dictionaries", [])  # without any, a glossary is named and empty
    if not isinstance(items, list):
        raise missing("dictionaries", "a list of objects")
    if len(items) > len(NAMES) ** 2 or not all(isinstance(item, dict) for item in items):
        raise unsupported("dictionaries", "one object a pair of languages is")
    found = [_dictionary(item) for item in items]
    if len(dict(found)) != len(found):
        raise BadRequestError(
            "Value for 'dictionaries' holds a pair of languages twice: send it once."
        )
    return dict(found)


def _info_v2(glossary: Glossary) -> dict[str, Any]:
    """Of its first direction, the only one that v2 knows."""
    languages, count = next(iter(glossary.counts.items()))
    head = {"glossary_id": glossary.identity, "name": glossary.name, "ready": True}
    rest = {"creation_time": glossary.created_at, **_dictionary_info(languages, count)}
    return head | rest


def _info_v3(glossary: Glossary) -> dict[str, Any]:
    return {
        "glossary_id": glossary.identity,
        "name": glossary.name,
        "creation_time": glossary.created_at,
        "dictionaries": [_dictionary_info(*direction) for direction in glossary.counts.items()],
    }


def _dictionary_info(languages: Languages, count: int) -> dict[str, Any]:
    source, target = languages
    return {"source_lang": source, "target_lang": target, "entry_count": count}
