"""Says errors as the client expects that asked: those an endpoint raises, and those before it.

A refused key, a used-up rate, a path that is not there: these are known before any
endpoint runs. Whose client asked follows from the path; on ``/translate``, which
several APIs share, from the request itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope

from csanmt.errors import CsanmtError
from serving.apis import Incoming, Shape
from serving.apis.deepl.errors import deepl_error, deepl_http_error
from serving.apis.libretranslate.documents import DOWNLOADS, UPLOAD
from serving.apis.libretranslate.translate import libre_error
from serving.http.errors import error_response
from serving.http.fields import FORM, MULTIPART
from serving.http.guard import REFUSED
from serving.http.json_body import read_body
from serving.http.key_fields import BODY

LOOK_AT_MOST = 65_536  # bytes of a refused request that are read to learn whose client asked

DEEPL_PREFIXES = ("/v2/", "/v3/")
LIBRE_PATHS = frozenset(
    ("/detect", "/suggest", "/languages", "/spec", "/frontend/settings", UPLOAD)
)
SHARED = "/translate"


class Wording:
    """Makes the response for an error.

    Args:
        shapes: who shares ``/translate``, the native shape last.
    """

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self._shapes = shapes

    async def __call__(self, scope: Scope, receive: Receive, error: Exception) -> Response:
        path = scope["path"]
        if path.startswith(DEEPL_PREFIXES):
            return _of_deepl(error, path)
        if path in LIBRE_PATHS or path.startswith(DOWNLOADS):
            return _of_libretranslate(error)
        if path == SHARED and isinstance(error, CsanmtError):
            return (await self._shape(scope, receive)).error(error)
        return error_response(error)

    async def _shape(self, scope: Scope, receive: Receive) -> Shape:
        request = Request(scope, receive)
        incoming = Incoming(request, await _body(request))
        return next(shape for shape in self._shapes if shape.claims(incoming))


async def _body(request: Request) -> bytes:
    """The body if a layer has it, or if it is short and still there; else nothing."""
    state = request.scope.get("state", {})
    if BODY in state:
        return bytes(state[BODY])
    length = request.headers.get("content-length", "")
    form = request.headers.get("content-type", "").startswith((FORM, MULTIPART))
    short = length.isdigit() and int(length) <= LOOK_AT_MOST
    if not state.get(REFUSED) or form or not short:
        return b""
    try:
        return await read_body(request, LOOK_AT_MOST)
    except (CsanmtError, ClientDisconnect):
        return b""


def _of_deepl(error: Exception, path: str) -> Response:
    if isinstance(error, CsanmtError):
        return deepl_error(error)
    return deepl_http_error(error, path)


def _of_libretranslate(error: Exception) -> Response:
    if isinstance(error, CsanmtError):
        return libre_error(error)
    plain = error_response(error)
    if not isinstance(error, HTTPException):
        return plain
    words = {405: "Method not allowed", 404: "Not found"}.get(error.status_code, error.detail)
    return JSONResponse({"error": words}, error.status_code, headers=error.headers)
