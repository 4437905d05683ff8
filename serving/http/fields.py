"""Fields of a request however the client sent them: query, form or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request

from serving.http.errors import BadRequestError
from serving.http.headers import media_type
from serving.http.json_body import parse_json_object, read_body, require_well_formed
from serving.settings import Settings

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
MAX_FIELDS = 5000


def form_fields(body: bytes, place: str = "form") -> dict[str, list[str]]:
    """A urlencoded body or query, every field with all its values.

    Raises:
        BadRequestError: invalid UTF-8, or absurdly many fields.
    """
    try:
        return parse_qs(
            body.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=MAX_FIELDS,
            errors="strict",
        )
    except UnicodeDecodeError:
        raise BadRequestError(f"the {place} is not valid UTF-8") from None
    except ValueError:
        raise BadRequestError(f"the {place} has more than {MAX_FIELDS} fields") from None


async def read_fields(request: Request, settings: Settings) -> dict[str, Any]:
    """``all_fields`` of a request whose body has yet to be read.

    Raises:
        TooLargeError, CancelledError: as ``read_body``.
        BadRequestError: the body cannot be parsed.
    """
    return await all_fields(request, await read_body(request, settings.max_body_bytes))


async def all_fields(request: Request, body: bytes) -> dict[str, Any]:
    """Query, then form or JSON over it; a repeated form field is a list, a null one not given.

    Raises:
        BadRequestError: query or body cannot be parsed.
        InvalidInputError: a string holds half of a surrogate pair.
    """
    fields: dict[str, Any] = _flatten(form_fields(request.scope["query_string"], "query"))
    kind = media_type(request)
    if kind == FORM:
        fields |= _flatten(form_fields(body))
    elif kind == MULTIPART:
        fields |= await _multipart(request, body)
    elif body.strip():
        fields |= given(parse_json_object(body))
    return fields


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without those that are null: typed clients send a null for what they do not set."""
    return {name: value for name, value in fields.items() if value is not None}


async def _multipart(request: Request, body: bytes) -> dict[str, Any]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    again = Request(request.scope, receive)
    try:
        async with again.form(max_fields=MAX_FIELDS) as form:
            texts = [(key, value) for key, value in form.multi_items() if isinstance(value, str)]
    except Exception as error:  # starlette and python-multipart raise several kinds
        raise BadRequestError(f"the form cannot be read: {type(error).__name__}") from None
    require_well_formed("".join(key + value for key, value in texts))  # UTF-7 can say them
    return _flatten(_lists(texts))


def _lists(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for key, value in pairs:
        fields.setdefault(key, []).append(value)
    return fields


def _flatten(fields: Mapping[str, list[str]]) -> dict[str, Any]:
    return {key: values if len(values) > 1 else values[0] for key, values in fields.items()}
