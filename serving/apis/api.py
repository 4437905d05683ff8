"""What an API is to the rest of the service, and which API a request is meant for.

Most requests tell by their path. ``/translate`` is shared: there the first API whose shape
claims the request answers it, and our own answers the rest. Errors are told as the client of
that API knows them, also those from before any endpoint: a refused key, a path that is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope

from csanmt.errors import CsanmtError
from serving.documents.jobs import DocumentJobs
from serving.glossaries.owner import Glossaries
from serving.http.errors import error_response
from serving.http.fields import FORM, MULTIPART
from serving.http.guard import REFUSED
from serving.http.headers import declared_length, media_type
from serving.http.json_body import parse_raw_object, read_body, whole_pairs
from serving.http.key_fields import BODY
from serving.translating import TranslationService

SHARED = "/translate"
LOOK_SECONDS = 1.0  # for the body of a refused request to come
LOOK_AT_MOST = 65_536  # bytes of a refused request that are read to learn whose client asked


@dataclass
class Incoming:
    """A request whose body has been read (within the limit), parsed on demand and once."""

    request: Request
    body: bytes

    @classmethod
    async def read(cls, request: Request, service: TranslationService) -> Incoming:
        return cls(request, await read_body(request, service.settings.max_body_bytes))

    @cached_property
    def media_type(self) -> str:
        return media_type(self.request)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names in the body's JSON object, whatever its values. Raises BadRequestError."""
        return frozenset(self._object)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises BadRequestError, InvalidInputError."""
        return whole_pairs(self._object, self.body)

    @cached_property
    def _object(self) -> dict[str, Any]:
        return parse_raw_object(self.body)


@dataclass(frozen=True, slots=True)
class Backend:
    """What APIs are made of."""

    service: TranslationService
    glossaries: Glossaries
    documents: DocumentJobs
    keys_required: bool = False


class Shape(Protocol):
    """One way of asking on ``/translate``."""

    def claims(self, incoming: Incoming) -> bool:
        """This request is meant for this shape. Must not raise."""
        ...

    async def answer(self, incoming: Incoming) -> Response:
        """Translate. Raises CsanmtError."""
        ...


def _plain_error(error: Exception, path: str) -> Response:
    return error_response(error)


@dataclass(frozen=True, slots=True)
class Api:
    """One API.

    Attributes:
        error: the response for an error (also a 404 or 405 of starlette's) on a path of this API.
        shape: how it asks on ``/translate``, if it does.
        prefixes: whatever lies below is this API's, also what is not there.
        public: paths that need no key.
        probes: the same, and whoever asks from wherever.
        secret_folders: what lies below needs no key either: its name is a secret itself.
        scopes: path to the scope that a key needs there, where that is not ``translate``.
        key_fields: path to the fields of query or body that may hold a key.
        body_limits: path to the most bytes of a body, where that is not the service's.
    """

    routes: Sequence[Route]
    description: Path
    error: Callable[[Exception, str], Response] = _plain_error
    shape: Shape | None = None
    prefixes: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    secret_folders: tuple[str, ...] = ()
    scopes: Mapping[str, str] = field(default_factory=dict)
    key_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body_limits: Mapping[str, int] = field(default_factory=dict)

    def owns(self, path: str) -> bool:
        return path.startswith(self.prefixes) or any(route.path == path for route in self.routes)


class Dispatcher:
    """Finds the API that a request is meant for; ``native`` takes what no other claims."""

    def __init__(self, service: TranslationService, clients: Sequence[Api], native: Api) -> None:
        self._service = service
        self._clients = clients
        self._shaped = [api for api in clients if api.shape]
        self._native = native

    async def translate(self, request: Request) -> Response:
        """``/translate`` as the client means it."""
        incoming = await Incoming.read(request, self._service)
        api = self._claiming(incoming)
        assert api.shape is not None
        try:
            return await api.shape.answer(incoming)
        except CsanmtError as error:
            request.state.error_code = error.code
            return api.error(error, SHARED)

    async def error_response(self, scope: Scope, receive: Receive, error: Exception) -> Response:
        path = scope["path"]
        if path == SHARED and isinstance(error, CsanmtError):
            request = Request(scope, receive)
            api = self._claiming(Incoming(request, await _body(request)))
        else:
            api = next((api for api in self._clients if api.owns(path)), self._native)
        return api.error(error, path)

    def _claiming(self, incoming: Incoming) -> Api:
        for api in self._shaped:
            if api.shape and api.shape.claims(incoming):
                return api
        return self._native


async def _body(request: Request) -> bytes:
    """The body if a layer has it, or if it is short and still there; else nothing."""
    state = request.scope.get("state", {})
    if BODY in state:
        return bytes(state[BODY])
    length = declared_length(request.scope)
    form = media_type(request) in (FORM, MULTIPART)
    if not state.get(REFUSED) or form or length is None or length > LOOK_AT_MOST:
        return b""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await read_body(request, LOOK_AT_MOST)
    except (CsanmtError, ClientDisconnect, TimeoutError):
        return b""
