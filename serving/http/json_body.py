"""Reads a request's body within limits and parses it as JSON, strictly.

The size is checked before and while the bytes come in, so that a large body is
refused without being held. What JSON allows and no client means (NaN, a key
twice, a thousand nested lists, half of a surrogate pair) is refused with a sentence
instead of a guess.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from csanmt.errors import CancelledError, InvalidInputError
from csanmt.surrogates import lone_surrogate
from serving.http.errors import BadRequestError, TooLargeError
from serving.http.headers import declared_length

MAX_DEPTH = 32


async def read_body(request: Request, limit: int) -> bytes:
    """At most ``limit`` bytes.

    Raises:
        TooLargeError: the body is longer, by its Content-Length or by what arrives.
        CancelledError: the client went away while sending it.
    """
    if (declared := declared_length(request.scope) or 0) > limit:
        raise TooLargeError(f"the body has {declared} bytes; allowed is {limit}")
    received = bytearray()
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise CancelledError("the client went away while sending the request")
        received += message.get("body", b"")
        if len(received) > limit:
            raise TooLargeError(f"the body has more than {limit} bytes")
        more = message.get("more_body", False)
    return bytes(received)


def parse_json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``.

    Raises:
        BadRequestError: as ``parse_raw_object``.
        InvalidInputError: a string holds half of a surrogate pair.
    """
    return whole_pairs(parse_raw_object(body), body)


def whole_pairs(value: dict[str, Any], body: bytes) -> dict[str, Any]:
    """``value``, parsed from ``body``. Raises InvalidInputError: half of a surrogate pair."""
    if b"\\u" in body:  # nothing else makes one
        require_well_formed(json.dumps(value, ensure_ascii=False))
    return value


def require_well_formed(text: str) -> None:
    """Raises InvalidInputError: the text holds half of a surrogate pair."""
    if lone_surrogate(text) is not None:
        raise InvalidInputError("a string holds half of a surrogate pair")


def parse_raw_object(body: bytes) -> dict[str, Any]:
    """The same of an object whose strings may hold anything.

    Raises:
        BadRequestError: invalid UTF-8, not JSON, not an object, nested too deep, a key twice.
    """
    try:
        text = body.decode("utf-8-sig")  # RFC 8259, section 8.1: a BOM may be ignored
    except UnicodeDecodeError as error:
        raise BadRequestError(f"the body is not valid UTF-8 at byte {error.start}") from None
    if not text.strip():
        raise BadRequestError("the body is empty")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise BadRequestError(f"JSON nested deeper than {MAX_DEPTH}") from None
    except json.JSONDecodeError as error:
        raise BadRequestError(f"not JSON: {error.msg} at character {error.pos}") from None
    except ValueError as error:  # from the hooks, or a number with thousands of digits
        raise BadRequestError(f"not acceptable JSON: {str(error).partition(';')[0]}") from None
    if not isinstance(value, dict):
        raise BadRequestError("the body must be a JSON object")
    _check_depth(value)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has the same key twice")
    return result


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_unique)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise BadRequestError(f"JSON nested deeper than {MAX_DEPTH}")
