"""A translation service by URL: this product's ``POST /translate``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import httpx

from benchmarks.subject import Subject
from csanmt.errors import DeadlineExceededError, InvalidInputError, UnavailableError

RETRIED = frozenset({429, 502, 503, 504})
ATTEMPTS = 4  # when the server is busy or away
BATCH = 16  # most texts of one request
TIMEOUT = 120.0  # seconds that one request may take


class UrlSubject(Subject):
    """A server under judgement; answers are its own, its cache and batching included."""

    def __init__(
        self,
        url: str,
        decoding: Mapping[str, object] = {},
        *,
        api_key: str | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Args:
            url: base URL; ``/translate`` is added unless it is there.
            decoding: beam, length_penalty, max_length, as requests take them.
            api_key: sent as ``Authorization: Bearer`` if there is one.
            transport, sleep: seams for tests.
        """
        base = url.rstrip("/")
        self.url = base if base.endswith("/translate") else f"{base}/translate"
        settings = {"url": self.url, **(decoding or {"options": "the server's"})}
        # Whatever it is asked with, its code is unknown: no overrides.
        super().__init__(base, "url", settings=settings, spec=self.url, parallel=True)
        self._decoding, self._sleep = decoding, sleep
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(timeout=TIMEOUT, headers=headers, transport=transport)

    def connect(self) -> UrlSubject:
        """Ask once, to learn the model's tag, and its digest where ``GET /version`` names it.

        Raises:
            UnavailableError: nobody answers there, or not as this product does.
            InvalidInputError: it refuses.
        """
        self.translate(["你好"])
        try:
            reply = self._client.get(self.url.removesuffix("/translate") + "/version")
            digest = reply.json()["model"]["digest"] if reply.status_code == 200 else None
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            digest = None
        self.digest = digest if isinstance(digest, str) else None
        return self

    def translate(self, texts: Sequence[str]) -> list[str]:
        out: list[str] = []
        for start in range(0, len(texts), BATCH):
            out += self._request(list(texts[start : start + BATCH]))
        return out

    def _request(self, texts: list[str]) -> list[str]:
        try:
            payload = self._post({"text": texts, **self._decoding}).json()
            answer, tag = payload["translation"], str(payload.get("model") or "")
        except (ValueError, KeyError, TypeError):
            answer = None
        if not isinstance(answer, list) or len(answer) != len(texts):
            what = "this product's service: every text of a list"
            raise UnavailableError(f"{self.url} does not answer as {what}")
        if self.tag and tag != self.tag:
            raise UnavailableError(f"{self.url} changed from {self.tag} to {tag} while judged")
        self.tag = tag
        return [str(text) for text in answer]

    def _post(self, body: Mapping[str, object]) -> httpx.Response:
        problem, asked = "", 0.0
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(max(0.125 * 2**attempt, asked))
            try:
                reply = self._client.post(self.url, json=body)
            except httpx.TimeoutException:
                raise DeadlineExceededError(f"{self.url} gave no answer in {TIMEOUT:g} s") from None
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__}: {error}"
                continue
            if reply.status_code == 200:
                return reply
            after = reply.headers.get("Retry-After", "")
            asked = min(60.0, float(after)) if after.isdecimal() else 0.0
            problem = f"HTTP {reply.status_code} {reply.text[:200]}"
            if reply.status_code not in RETRIED:
                raise InvalidInputError(f"{self.url} refused: {problem}")
        raise UnavailableError(f"{self.url} does not answer: {problem}")
