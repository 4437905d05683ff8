"""The shapes in which clients ask for translations on ``/translate``.

A shape claims requests, answers them, and says errors in its own form. The
first one that claims a request gets it; the native shape stands last and claims
the rest. To add a shape: one module here and one entry where ``serving.app``
makes the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from csanmt.errors import CsanmtError
from serving.http.json_body import media_type, parse_json_object, parse_raw_object, read_body
from serving.translating import TranslationService


@dataclass(slots=True)
class Incoming:
    """A request whose body has been read (within the limit), parsed on demand and once."""

    request: Request
    body: bytes
    _json: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def media_type(self) -> str:
        return media_type(self.request)

    @property
    def names(self) -> frozenset[str]:
        """The names in the body's JSON object, whatever its values. Raises BadRequestError."""
        return frozenset(self._json or parse_raw_object(self.body))

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises BadRequestError, InvalidInputError."""
        if self._json is None:
            self._json = parse_json_object(self.body)
        return self._json


class Shape(Protocol):
    """One way of asking; see the module."""

    name: str

    def claims(self, incoming: Incoming) -> bool:
        """This request is meant for this shape. Must not raise."""
        ...

    async def answer(self, incoming: Incoming, service: TranslationService) -> Response:
        """Translate. Raises CsanmtError."""
        ...

    def error(self, error: CsanmtError) -> Response:
        """How this shape's clients expect to be told."""
        ...


async def dispatch(
    request: Request, shapes: Sequence[Shape], service: TranslationService
) -> Response:
    """Read the body and let the first shape that claims the request answer it."""
    incoming = Incoming(request, await read_body(request, service.settings.max_body_bytes))
    shape = next(shape for shape in shapes if shape.claims(incoming))
    try:
        return await shape.answer(incoming, service)
    except CsanmtError as error:
        request.state.error_code = error.code
        return shape.error(error)
