"""What a request's headers say: of its body, of its key, of who sent it.

Read from the list as it came, for a look-up of starlette's decodes every header there is.
"""

from __future__ import annotations

from functools import lru_cache

from starlette.requests import Request
from starlette.types import Scope

from serving.http.errors import UnsupportedMediaTypeError


def header(scope: Scope, name: bytes, absent: str = "") -> str:
    """The first header of this name, which must be in lower case."""
    for known, value in scope["headers"]:
        if known == name:
            return str(value.decode("latin-1"))
    return absent


def declared_length(scope: Scope) -> int | None:
    """Bytes that the body has, as its sender says; None where it does not."""
    declared = header(scope, b"content-length")
    return int(declared) if declared.isdecimal() else None


def media_type(request: Request) -> str:
    """The body's media type in lower case, without parameters."""
    return _media_type(header(request.scope, b"content-type"))


@lru_cache(maxsize=64)
def _media_type(declared: str) -> str:
    return declared.partition(";")[0].strip().lower()


def is_json(declared: str) -> bool:
    """``declared`` is a media type (as ``media_type`` gives it) of JSON."""
    return declared == "application/json" or declared.endswith("+json")


def require_json(request: Request) -> None:
    """Raises UnsupportedMediaTypeError unless the body is declared as JSON in UTF-8."""
    if problem := _not_json(header(request.scope, b"content-type")):
        raise UnsupportedMediaTypeError(problem)
    if header(request.scope, b"content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaTypeError("compressed bodies are not accepted")


@lru_cache(maxsize=64)
def _not_json(declared: str) -> str:
    """What is wrong with a content type that should be JSON; empty where nothing is."""
    _, _, parameters = declared.partition(";")
    if not is_json(media := _media_type(declared)):
        given = f"not {media}" if media else "and none was given"
        return f"the content type must be application/json, {given}"
    name, _, charset = parameters.strip().lower().partition("=")
    if name == "charset" and charset.strip('"') not in ("utf-8", "utf8"):
        return "the charset of JSON must be utf-8"
    return ""


def presented_key(scope: Scope) -> str | None:
    """The secret a request carries: ``Authorization: Bearer …`` or ``X-API-Key: …``."""
    kind, _, value = header(scope, b"authorization").partition(" ")
    if kind.lower() in ("bearer", "deepl-auth-key") and value.strip():
        return value.strip()
    return header(scope, b"x-api-key") or None


def client_address(scope: Scope, trust_proxy: bool) -> str:
    """Who asks: the peer, or what a trusted proxy in front says.

    That is the last address of the last header: some proxies lengthen the header that came, some
    add one of their own, and whatever stands before is what the client made up.
    """
    if trust_proxy:
        found = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        if found and (forwarded := found[-1].decode("latin-1").rpartition(",")[2].strip()):
            return str(forwarded)
    return str((scope.get("client") or ("unknown",))[0])
