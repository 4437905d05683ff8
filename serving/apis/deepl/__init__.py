"""DeepL's API."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import JSONResponse

from csanmt.errors import CsanmtError
from serving.apis.api import Api, Backend
from serving.apis.deepl.documents import DeepLDocumentRoutes
from serving.apis.deepl.glossaries import DeepLGlossaryRoutes
from serving.apis.deepl.translate import DeepLRoutes
from serving.http.errors import QuotaExceededError, UnauthorizedError, error_response, reworded

WITH_KEY = ("/v2/translate", "/v2/languages", "/v2/usage")
WRITING = ("/v2/write/", "/v2/rephrase")


def deepl_api(backend: Backend) -> Api:
    service, glossaries = backend.service, backend.glossaries
    return Api(
        routes=[
            *DeepLRoutes(service, glossaries).routes(),
            *DeepLGlossaryRoutes(glossaries, service).routes(),
            *DeepLDocumentRoutes(backend.documents, service, glossaries).routes(),
        ],
        description=Path(__file__).with_name("openapi.yaml"),
        error=deepl_error,
        prefixes=("/v2/", "/v3/"),
        key_fields=dict.fromkeys(WITH_KEY, ("auth_key",)),
    )


def deepl_error(error: Exception, path: str) -> JSONResponse:
    """``{"message": …}`` with 400, 403 (no or an unknown key), 404, 413, 429, 456 (a used-up day).

    5xx and 429 are tried again by DeepL's clients, the others are not.
    """
    plain = error_response(error)
    status = plain.status_code
    if not isinstance(error, CsanmtError):  # no such path, a wrong method, a fault
        words = {404: "Not found", 405: "Method not allowed"}.get(status, "Internal error")
        if status == 404 and path.startswith(WRITING):
            words = "This server translates; it does not rephrase or correct texts."
    else:
        words = str(error)
    if isinstance(error, UnauthorizedError):
        status = 403
    elif isinstance(error, QuotaExceededError):
        status = 456
    elif status == 422:
        status = 400
    return reworded(plain, {"message": words}, status)
