"""HTTP to this site's own services: always direct, whatever proxy the environment names."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException

from csanmt.errors import ConfigurationError, UnavailableError
from release.rollout.load import authorization

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
REFUSALS = (401, 403, 429)


def ask(
    url: str, *, timeout: float, api_key: str = "", body: Mapping[str, object] | None = None
) -> str:
    """What a service answers to a GET, or to a POST of ``body`` as JSON.

    Args:
        timeout: seconds.

    Raises:
        ConfigurationError: it refuses us: no key, a wrong one, or one that may too little.
        UnavailableError: it does not answer, or answers with another failure.
    """
    headers = authorization(api_key)
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    try:
        request = urllib.request.Request(url, data, headers)
        with OPENER.open(request, timeout=timeout) as response:
            text: bytes = response.read()
            return text.decode("utf-8")
    except urllib.error.HTTPError as error:
        answered = f"{url} answered {error.code}: {_words(error)}"
        if error.code in REFUSALS:
            raise ConfigurationError(
                f"{answered} (api_key_file in rollout.toml: a key with the scopes translate and "
                "metrics, without an allowance)"
            ) from None
        raise UnavailableError(answered) from None
    except (OSError, HTTPException, ValueError) as error:
        raise UnavailableError(f"{url}: {error}") from None


def _words(error: urllib.error.HTTPError) -> str:
    """The message in the answer, or else its beginning."""
    try:
        text = error.read(10_000).decode("utf-8", "replace")
    except (OSError, HTTPException):
        return error.reason
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return " ".join(text[:200].split()) or error.reason


def listens(address: str) -> bool:
    """Whether somebody accepts connections on ``host:port``."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=0.5):
            return True
    except OSError:
        return False
