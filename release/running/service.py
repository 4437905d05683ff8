"""HTTP to one service of this site: always direct, whatever proxy the environment names."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from benchmarks.service_process import DIRECT, answers
from csanmt.errors import ConfigurationError, UnavailableError

REFUSALS = (401, 403, 429)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a service says it is; empty where it says nothing."""

    model: str = ""
    digest: str = ""
    bento: str = ""


@dataclass(frozen=True, slots=True)
class HttpService:
    """The service at ``url``, asked with ``key``, an API key, where there is one."""

    url: str
    key: str = field(default="", repr=False)

    def listens(self) -> bool:
        """Whether somebody accepts connections at its address."""
        host, _, port = self.url.rpartition("//")[2].rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=0.5):
                return True
        except OSError:
            return False

    def ready(self, timeout: float = 2.0) -> bool:
        """Whether it says that it can translate, within ``timeout`` seconds."""
        return answers(self.url, timeout)

    def identify(self, timeout: float = 5.0) -> Identity:
        """What it says it is.

        Raises:
            ConfigurationError: it refuses the API key.
            UnavailableError: it does not answer, or with something else.
        """
        said = _object(self._ask("/version", timeout), f"{self.url}/version")
        model = said.get("model") or ""
        if not isinstance(model, dict):
            model = {"tag": model, "digest": said.get("digest")}
        found = (model.get("tag"), model.get("digest"), said.get("bento"))
        return Identity(*(str(value or "") for value in found))

    def translate(self, texts: Sequence[str], timeout: float = 30.0) -> list[str]:
        """Its translations, as many as texts; raises as ``identify``."""
        body = {"text": list(texts)}
        answer = _object(self._ask("/translate", timeout, body), f"{self.url}/translate")
        translations = answer.get("translation")
        if not isinstance(translations, list) or len(translations) != len(texts):
            raise UnavailableError(f"{self.url}/translate answered {str(answer)[:200]}")
        return [str(translation) for translation in translations]

    def metrics(self, timeout: float = 2.0) -> str:
        """Its metrics in Prometheus' text format; raises as ``identify``."""
        return self._ask("/metrics", timeout)

    def _ask(self, path: str, timeout: float, body: Mapping[str, object] | None = None) -> str:
        """What is answered to a GET, or to a POST of ``body`` as JSON, within ``timeout`` seconds.

        Raises:
            ConfigurationError: we are refused: no key, a wrong one, or one that may too little.
            UnavailableError: there is no answer, or another failure.
        """
        url, headers = self.url + path, authorization(self.key)
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        try:
            request = urllib.request.Request(url, data, headers)
            with DIRECT.open(request, timeout=timeout) as response:
                text: bytes = response.read()
                return text.decode("utf-8")
        except urllib.error.HTTPError as error:
            answered = f"{url} answered {error.code}: {_words(error)}"
            if error.code in REFUSALS:
                raise ConfigurationError(
                    f"{answered} (api_key_file in rollout.toml: a key with the scopes "
                    "translate and metrics, without an allowance)"
                ) from None
            raise UnavailableError(answered) from None
        except (OSError, HTTPException, ValueError) as error:
            raise UnavailableError(f"{url}: {error}") from None


def authorization(api_key: str) -> dict[str, str]:
    """The header that carries an API key; none without a key."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


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


def _object(text: str, url: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UnavailableError(f"{url} answered {text[:200]!r}, which is no JSON object")
    return answer
