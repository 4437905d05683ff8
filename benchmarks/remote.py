"""A translation service by URL: this product's ``POST /translate``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import httpx

from benchmarks.suite import Suite
from csanmt.errors import DeadlineExceededError, InvalidInputError, UnavailableError
from csanmt.translator import DecodingOptions

RETRIED = frozenset({429, 502, 503, 504})


@dataclass(slots=True)
class UrlSubject:
    """A server under judgement; answers are its own, its cache and batching included.

    Attributes:
        url: base URL; ``/translate`` is added unless it is there.
        batch: most texts of one request.
        api_key: sent as ``Authorization: Bearer`` if there is one.
        timeout: seconds one request may take.
        attempts: how often a request is tried when the server is busy or away.
        sleep: seam for tests.
    """

    url: str
    options: DecodingOptions | None = None
    label: str = ""
    digest: str | None = None
    batch: int = 16
    api_key: str | None = None
    timeout: float = 120.0
    attempts: int = 4
    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], None] = time.sleep
    kind: str = "url"
    parallel: bool = True
    family: str = ""
    overrides: tuple[str, ...] = ()  # whatever it is asked with, its code is unknown
    tag: str = ""
    _client: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        base = self.url.rstrip("/")
        self.url = base if base.endswith("/translate") else f"{base}/translate"
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        self._client = httpx.Client(
            timeout=self.timeout, headers=self.headers, transport=self.transport, limits=limits
        )
        self.label = self.label or base

    @property
    def spec(self) -> str:
        return self.url

    @property
    def headers(self) -> dict[str, str]:
        """Beside the content type."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    @property
    def settings(self) -> Mapping[str, object]:
        chosen = asdict(self.options) if self.options else {"options": "the server's"}
        return {"url": self.url, **chosen}

    def body(self, texts: Sequence[str]) -> dict[str, object]:
        """The JSON body that asks for ``texts``."""
        chosen = asdict(self.options) if self.options else {}
        wanted = ("beam", "length_penalty", "max_length")
        return {"text": list(texts)} | {key: chosen[key] for key in wanted if key in chosen}

    def connect(self) -> UrlSubject:
        """Ask once, to learn the model's tag and digest.

        Raises:
            UnavailableError: nobody answers there, or not as this product does.
            InvalidInputError: it refuses.
        """
        self.translate(["你好"])
        self.digest = self.digest or self._ask_digest()
        return self

    def _ask_digest(self) -> str | None:
        """``GET /version`` names the model's digest, where the server has that route."""
        try:
            reply = self._client.get(self.url.removesuffix("/translate") + "/version")
            digest = reply.json()["model"]["digest"] if reply.status_code == 200 else None
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None
        return digest if isinstance(digest, str) else None

    def answers(self, suite: Suite) -> list[str] | None:
        return None

    def translate(self, texts: Sequence[str]) -> list[str]:
        out: list[str] = []
        for start in range(0, len(texts), self.batch):
            out += self._request(list(texts[start : start + self.batch]))
        return out

    def _request(self, texts: list[str]) -> list[str]:
        reply = self._post(self.body(texts))
        try:
            payload = reply.json()
            answer = payload["translation"]
        except (ValueError, KeyError, TypeError):
            raise UnavailableError(
                f"{self.url} does not answer as this product's service"
            ) from None
        if not isinstance(answer, list) or len(answer) != len(texts):
            raise UnavailableError(f"{self.url} did not answer every text of a list")
        self._learn(payload)
        return [str(text) for text in answer]

    def _learn(self, payload: Mapping[str, object]) -> None:
        tag = str(payload.get("model") or "")
        if self.tag and tag != self.tag:
            raise UnavailableError(f"{self.url} changed from {self.tag} to {tag} while judged")
        self.tag = tag
        digest = payload.get("model_digest")
        if isinstance(digest, str):
            self.digest = digest

    def _post(self, body: Mapping[str, object]) -> httpx.Response:
        problem, asked = "", 0.0
        for attempt in range(self.attempts):
            if attempt:
                self.sleep(max(0.125 * 2**attempt, asked))
            try:
                reply = self._client.post(self.url, json=body)
            except httpx.TimeoutException:
                raise DeadlineExceededError(
                    f"{self.url} gave no answer in {self.timeout:g} s"
                ) from None
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__}: {error}"
                continue
            if reply.status_code == 200:
                return reply
            asked = _retry_after(reply)
            problem = f"HTTP {reply.status_code} {reply.text[:200]}"
            if reply.status_code not in RETRIED:
                raise InvalidInputError(f"{self.url} refused: {problem}")
        raise UnavailableError(f"{self.url} does not answer: {problem}")


def _retry_after(reply: httpx.Response) -> float:
    """Seconds the server asks to wait, at most a minute; 0 where it does not say."""
    try:
        return min(60.0, max(0.0, float(reply.headers.get("Retry-After", 0))))
    except ValueError:
        return 0.0
