"""How DeepL's clients expect to be told that something is wrong.

``{"message": …}`` with the statuses 400, 403, 404, 413, 429 and 456. 5xx and 429 are
tried again by its clients, the others are not.
"""

from __future__ import annotations

from starlette.responses import JSONResponse

from csanmt.errors import CsanmtError
from serving.http.errors import QuotaExceededError, UnauthorizedError, error_response

WRITING = ("/v2/write/", "/v2/rephrase")


def deepl_error(error: Exception, path: str) -> JSONResponse:
    """403 for keys that are missing or unknown, 456 for a used-up day."""
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
    kept = {n: plain.headers[n] for n in ("retry-after", "allow") if n in plain.headers}
    return JSONResponse({"message": words}, status, headers=kept)
