"""Who may call what: keys, scopes, rates. One layer in front of every route.

Keys are off while no key file is set. Without keys only this machine is
answered, unless ``CSANMT_PRIVATE_NETWORK=1`` says that whoever can reach the
server may use it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from csanmt.errors import CsanmtError
from serving.http.allowance import Account, CharacterQuota, RequestRate, remaining
from serving.http.browsers import asks_this_machine, from_another_site
from serving.http.errors import (
    ForbiddenError,
    MissingKeyError,
    RateLimitedError,
    UnauthorizedError,
)
from serving.http.headers import client_address, header, presented_key
from serving.http.keys import KeyRing
from serving.http.middleware import HEADERS
from serving.settings import Settings, is_loopback

if TYPE_CHECKING:
    from serving.apis.api import Api

FROM_BROWSERS = frozenset((b"origin", b"sec-fetch-site"))
READING = ("GET", "HEAD", "OPTIONS")  # all that public paths are there for
REFUSED = "refused"  # in a request's state: turned away before anything was read


class Guard:
    """ASGI layer that lets a request through or raises.

    Args:
        apis: whose paths it guards, by what they say of them.
        files: other paths that need no key (the page's, documentation).
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        keys: KeyRing,
        apis: Sequence[Api],
        files: Iterable[str],
    ) -> None:
        self._app = app
        self._settings = settings
        self._keys = keys
        self._probes = frozenset(path for api in apis for path in api.probes)
        self._public = self._probes.union(files, *(api.public for api in apis))
        self._secret_folders = tuple(path for api in apis for path in api.secret_folders)
        self._scopes = {path: scope for api in apis for path, scope in api.scopes.items()}
        self._rate = RequestRate()
        self._quota = CharacterQuota()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "websocket":  # there are none; one that is added must be guarded
            return WebSocketClose(code=1008)(scope, receive, send)
        if scope["type"] == "http":
            self._admit(scope)
        return self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        """Raises CsanmtError, HTTPException: the request may not go on."""
        request = Request(scope)
        state = scope.setdefault("state", {})
        try:
            self._check_place(request)
            self._check_origin(request)
            if self._is_public(request.scope["path"]):
                if request.scope["method"] not in READING:
                    raise HTTPException(405, headers={"Allow": ", ".join(READING)})
                state["account"] = Account("public", self._quota)
            else:
                state["account"] = account = self._identify(request)
                self._limit(account, state)
        except CsanmtError:
            state[REFUSED] = True
            raise

    def _is_public(self, path: str) -> bool:
        return path in self._public or path.startswith(self._secret_folders)

    def _check_place(self, request: Request) -> None:
        """Without keys, an address that others can reach is answered only on explicit request.

        The same holds for a name of this machine that others can make up; which names a proxy
        lets through is the proxy's to say.
        """
        if self._keys or self._settings.private_network or request.scope["path"] in self._probes:
            return
        server = request.scope.get("server")
        if not server or server[1] is None:  # a Unix socket
            return
        if not is_loopback(server[0]):
            raise ForbiddenError(
                "API keys are off, so only this machine is answered: set CSANMT_API_KEYS_FILE, "
                "or CSANMT_PRIVATE_NETWORK=1 if everyone who can reach this address may use it"
            )
        if not self._settings.trust_proxy and not asks_this_machine(header(request.scope, b"host")):
            raise ForbiddenError(
                "API keys are off, so only this machine is answered, as 127.0.0.1 or localhost: "
                "set CSANMT_TRUST_PROXY=1 if a proxy in front passes other names on"
            )

    def _check_origin(self, request: Request) -> None:
        """Without keys, no page of another site may make a browser send what changes things.

        Reading its answer is up to CORS; but a form can be sent without asking.
        """
        if self._keys or request.scope["method"] in READING:
            return
        if not any(name in FROM_BROWSERS for name, _ in request.scope["headers"]):
            return
        if from_another_site(request.headers, self._settings.cors_origins):
            raise ForbiddenError("requests from pages of other sites are refused")

    def _identify(self, request: Request) -> Account:
        if not self._keys:
            address = client_address(request.scope, self._settings.trust_proxy)
            return Account(address, self._quota)
        secret = presented_key(request.scope)
        if secret is None:
            raise MissingKeyError(
                "an API key is required: send the header 'Authorization: Bearer KEY'"
            )
        key = self._keys.find(secret)
        if key is None:
            raise UnauthorizedError("this API key is not known")
        needed = self._scopes.get(request.scope["path"], "translate")
        if not key.allows(needed):
            raise ForbiddenError(f"this API key lacks the scope '{needed}'")
        return Account(key.name, self._quota, key)

    def _limit(self, account: Account, state: dict[str, Any]) -> None:
        """Count the request; whatever the answer, its headers say what is left."""
        own = account.key.requests_per_minute if account.key else 0
        per_minute = own or self._settings.requests_per_minute
        if not per_minute:
            return
        try:
            state[HEADERS] = self._rate.take(account.name, per_minute)
        except RateLimitedError as error:
            state[HEADERS] = remaining(per_minute, 0, error.retry_after)
            raise
