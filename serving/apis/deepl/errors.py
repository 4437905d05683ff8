"""How DeepL's clients expect to be told that something is wrong.

``{"message": …}`` with the statuses 400, 403, 404, 413, 429 and 456. 5xx and 429 are
tried again by its clients, the others are not.
"""

from __future__ import annotations

from starlette.responses import JSONResponse

from csanmt.errors import CsanmtError
from serving.http.errors import QuotaExceededError, UnauthorizedError, error_response

WRITING = ("/v2/write/", "/v2/rephrase")


def deepl_error(error: CsanmtError) -> JSONResponse:
    """403 for keys that are missing or unknown, 456 for a used-up day."""
    plain = error_response(error)
    status = plain.status_code
    if isinstance(error, UnauthorizedError):
        status = 403
    elif isinstance(error, QuotaExceededError):
        status = 456
    elif status == 422:
        status = 400
    kept = {n: plain.headers[n] for n in ("retry-after",) if n in plain.headers}
    return JSONResponse({"message": str(error)}, status, headers=kept)


def deepl_http_error(error: Exception, path: str) -> JSONResponse:
    """What is not of our tree: no such path, a wrong method, a fault."""
    plain = error_response(error)
    words = {404: "Not found", 405: "Method not allowed"}.get(plain.status_code, "Internal error")
    if plain.status_code == 404 and path.startswith(WRITING):
        words = "This server translates; it does not rephrase or correct texts."
    kept = {n: plain.headers[n] for n in ("allow",) if n in plain.headers}
    return JSONResponse({"message": words}, plain.status_code, headers=kept)
