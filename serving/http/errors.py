"""Errors that only HTTP knows, and how every error is said over HTTP.

One shape: ``{"error": {"code": "too_large", "message": "…"}}``. Codes are stable,
messages are for people. Nothing of the user's text appears in either.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from csanmt.documents.limits import DocumentTooLargeError, UnsupportedDocumentError
from csanmt.errors import (
    CancelledError,
    ConflictError,
    CsanmtError,
    DeadlineExceededError,
    InvalidInputError,
    NotFoundError,
    OverloadedError,
    StorageError,
    UnavailableError,
)

Model = TypeVar("Model", bound=BaseModel)


class BadRequestError(InvalidInputError):
    """The body or the query cannot be parsed at all."""

    code = "bad_request"


class UnauthorizedError(CsanmtError):
    """A key is required and none that we know was given."""

    code = "unauthorized"


class MissingKeyError(UnauthorizedError):
    """No key was given at all."""


class ForbiddenError(CsanmtError):
    """The key, or the place the request came from, does not allow this."""

    code = "forbidden"


class BodyTimeoutError(InvalidInputError):
    """The body came too slowly."""

    code = "body_timeout"


class TooLargeError(InvalidInputError):
    """More bytes, characters, texts or sentences than the limit."""

    code = "too_large"


class UnsupportedMediaTypeError(InvalidInputError):
    """The body is not of a type this path accepts."""

    code = "unsupported_media_type"


class CrashedError(UnavailableError):
    """The text took its runners with it, twice: asked again it would do the same."""


class RateLimitedError(OverloadedError):
    """This caller's own allowance is used up."""

    code = "rate_limited"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QuotaExceededError(RateLimitedError):
    """The characters of this caller's day are used up."""


# The nearest class that an error is of counts.
STATUSES: dict[type[CsanmtError], int] = {
    BadRequestError: 400,
    UnauthorizedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    BodyTimeoutError: 408,
    ConflictError: 409,
    TooLargeError: 413,
    DocumentTooLargeError: 413,
    UnsupportedMediaTypeError: 415,
    UnsupportedDocumentError: 415,
    InvalidInputError: 422,
    OverloadedError: 429,
    CancelledError: 499,
    CsanmtError: 500,
    UnavailableError: 503,
    DeadlineExceededError: 504,
    StorageError: 507,
}
# Of errors of starlette's own, by the first class above that has the status.
STATUS_CODES = {status: kind.code for kind, status in reversed(STATUSES.items())} | {
    405: "method_not_allowed"
}


def status_of(error: CsanmtError) -> int:
    """The HTTP status that says an error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def error_body(code: str, message: str) -> dict[str, dict[str, str]]:
    sayable = message.encode("utf-8", "replace").decode()
    return {"error": {"code": code, "message": sayable}}


def error_response(error: Exception) -> JSONResponse:
    """The response for any error; what is not ours becomes a 500 that says nothing."""
    if isinstance(error, HTTPException):
        code = STATUS_CODES.get(error.status_code, "http_error")
        message = _http_message(error)
        return JSONResponse(error_body(code, message), error.status_code, headers=error.headers)
    if isinstance(error, CsanmtError):
        return JSONResponse(
            error_body(error.code, str(error)), status_of(error), headers=_headers(error)
        )
    return internal_error()


def reworded(plain: Response, body: dict[str, Any], status: int = 0) -> JSONResponse:
    """``plain`` with the body and status that another API has for it."""
    kept = ("retry-after", "www-authenticate", "allow")
    headers = {name: plain.headers[name] for name in kept if name in plain.headers}
    return JSONResponse(body, status or plain.status_code, headers=headers)


def internal_error() -> JSONResponse:
    return JSONResponse(error_body("internal", "internal error"), 500)


def _http_message(error: HTTPException) -> str:
    if error.status_code == 404:
        return "there is nothing at this path"
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return f"this path allows {allowed}" if allowed else "this method is not allowed here"
    return error.detail or HTTPStatus(error.status_code).phrase


def _headers(error: CsanmtError) -> dict[str, str]:
    if isinstance(error, BodyTimeoutError):
        return {"Connection": "close"}  # the rest may still come
    if isinstance(error, UnauthorizedError):
        return {"WWW-Authenticate": 'Bearer realm="csanmt"'}
    if isinstance(error, OverloadedError | UnavailableError):
        return {"Retry-After": str(getattr(error, "retry_after", 1))}
    return {}


def validated(model: type[Model], data: dict[str, Any]) -> Model:
    """``data`` as ``model``.

    Raises:
        InvalidInputError: a field is unknown, missing, of the wrong type or out of range.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _invalid_fields(error) from None


def _invalid_fields(error: ValidationError) -> InvalidInputError:
    """A sentence that names the first wrong field; never its value, which may be text."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"] if not _is_union_branch(part))
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        reason = "unknown field"
    return InvalidInputError(f"{place}: {reason}" if place else reason)


def _is_union_branch(part: int | str) -> bool:
    return isinstance(part, str) and (part in ("str", "int") or part.startswith("list["))
