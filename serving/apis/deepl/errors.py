"""DeepL's words for what is wrong with a request's parameter, and after them what to do."""

from __future__ import annotations

from collections.abc import Iterable

from serving.http.errors import BadRequestError


def missing(name: str, wanted: str) -> BadRequestError:
    """Args: wanted: what should stand there."""
    return BadRequestError(f"Parameter '{name}' not specified: {wanted}.")


def unsupported(name: str, instead: str) -> BadRequestError:
    """Args: instead: what is supported, as a clause."""
    return BadRequestError(f"Value for '{name}' not supported: {instead}.")


def either(names: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *head, last = names
    return f"{', '.join(head)} or {last}" if head else last
