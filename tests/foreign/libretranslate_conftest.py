"""Instead of LibreTranslate's own: a client like Flask's of the server at ``FOREIGN_URL``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import httpx
import pytest


class Answer:
    def __init__(self, response: httpx.Response) -> None:
        self.data, self.status_code = response.content, response.status_code
        self.json, self.headers = response.json(), response.headers


class Client:
    def __init__(self) -> None:
        self._client = httpx.Client(base_url=os.environ["FOREIGN_URL"], trust_env=False)

    def __getattr__(self, method: str) -> Callable[..., Answer]:
        def ask(path: str, data: Any = None, json: Any = None) -> Answer:
            more: dict[str, Any] = {"data": data} if data else {"json": json} if json else {}
            return Answer(self._client.request(method.upper(), path, **more))

        return ask


@pytest.fixture
def client() -> Client:
    return Client()
