"""Routes × keys, from the application's own route table: a new route cannot slip through.

Whoever adds a route that needs no key must write it down here, with the reason.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from serving.http.keys import SCOPES, ApiKey, KeyRing, hash_key
from tests.serving.live_application import application

PAGE = Path(__file__).resolve().parents[2] / "ui"
RING = KeyRing(tuple(ApiKey(scope, hash_key(scope), (scope,)) for scope in SCOPES))

PUBLIC = {
    "/livez": "probe",
    "/readyz": "probe",
    "/healthz": "probe: counts, no text",
    "/health": "probe in LibreTranslate's words",
    "/openapi.json": "description",
    "/docs": "description",
    "/spec": "description in LibreTranslate's place",
    "/languages": "LibreTranslate's clients ask for it without a key",
    "/download_file/{name}": "the name is 128 random bits that only the sender was told",
    "/frontend/settings": "LibreTranslate's clients learn there that a key is needed",
}
SCOPE_OF = {"/metrics": "metrics"}  # all others: translate
PROBES = ("/livez", "/readyz", "/healthz", "/health")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
READING = ("GET", "HEAD", "OPTIONS")
REFUSED = (401, 403)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return application(tmp_path_factory.mktemp("audit"), RING, page=PAGE, openai=True)


Asked = tuple[str, str, dict[str, str]]  # method, path (with a query), headers


def statuses(app, asked: list[Asked], address: str = "127.0.0.1") -> dict[tuple[str, str], int]:
    """The status of each request's answer by method and path."""

    async def ask() -> dict[tuple[str, str], int]:
        transport = httpx.ASGITransport(app.asgi)
        async with httpx.AsyncClient(
            transport=transport, base_url=f"http://{address}:3000"
        ) as client:
            return {
                (method, path): (await client.request(method, path, headers=headers)).status_code
                for method, path, headers in asked
            }

    return asyncio.run(ask())


def routes(app) -> list[Route]:
    assert app.routes
    assert all(type(route) is Route for route in app.routes), "audit other kinds of routes too"
    return list(app.routes)


def concrete(path: str) -> str:
    """The path with something in place of its parameters."""
    return re.sub(r"\{\w+(:\w+)?\}", "0123abcd", path)


def public(path: str) -> bool:
    files = {"/" + f.relative_to(PAGE).as_posix() for f in PAGE.rglob("*") if f.is_file()}
    return path in PUBLIC or path == "/" or path in files


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


CREDENTIALS = [
    {},
    bearer("unknown"),
    bearer(hash_key("admin")),
    {"Authorization": "Basic YWRtaW46YWRtaW4="},
    {"X-API-Key": "unknown"},
    {"Cookie": "api_key=admin"},
    {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Host": "127.0.0.1:3000"},
    {"X-Original-URL": "/livez", "X-Rewrite-URL": "/livez"},
]


@pytest.mark.parametrize("credentials", CREDENTIALS, ids=str)
def test_without_a_known_key_every_route_is_refused_but_the_public_ones(app, credentials):
    paths = {concrete(route.path): public(route.path) for route in routes(app)}
    methods = METHODS if credentials in CREDENTIALS[:1] else ("GET", "POST")
    found = statuses(app, [(m, path, credentials) for path in paths for m in methods])
    opened = {asked for asked, status in found.items() if status not in REFUSED}
    free = {path for path, is_free in paths.items() if is_free}
    wrong = {asked for asked in opened if found[asked] == 405}
    assert opened - wrong == {(m, path) for path in free for m in methods if m in READING}
    assert wrong == {(m, path) for path in free for m in methods if m not in READING}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_opens_what_its_scope_says_and_nothing_else(app, scope):
    closed = [route for route in routes(app) if not public(route.path)]
    asked = [(m, concrete(r.path), bearer(scope)) for r in closed for m in r.methods or ()]
    allowed = {
        (m, concrete(r.path))
        for r in closed
        for m in r.methods or ()
        if scope in (SCOPE_OF.get(r.path, "translate"), "admin")
    }
    found = statuses(app, asked)
    assert {asked for asked, status in found.items() if status not in REFUSED} == allowed


def test_every_public_path_is_one_that_exists(app):
    assert {route.path for route in routes(app)} >= set(PUBLIC)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/translate/",
        "/Translate",
        "/%74ranslate",
        "/livez/../translate",
        "/livez/..%2ftranslate",
        "/assets/..%2f..%2fservice.py",
        "/v2/../metrics",
        "/docs.json",
        "/schema.json/",
    ],
)
def test_other_spellings_and_paths_that_are_not_there_are_refused(app, path):
    found = statuses(app, [(method, path, {}) for method in METHODS])
    assert set(found.values()) <= set(REFUSED), found


@pytest.mark.parametrize("field", ["api_key", "auth_key", "key", "token", "apikey"])
def test_a_key_in_the_query_counts_only_where_an_api_has_it(app, field):
    places = {"/translate": ("api_key", "key", "token"), "/listPairs": ("key",)}
    desktop = ("/translate/batch", "/deeplx", "/immersive", "/imme", "/kiss")
    places |= dict.fromkeys(desktop, ("token",))
    places |= dict.fromkeys(("/detect", "/suggest", "/translate_file"), ("api_key",))
    places |= dict.fromkeys(("/v2/translate", "/v2/languages", "/v2/usage"), ("auth_key",))
    closed = [concrete(route.path) for route in routes(app) if not public(route.path)]
    asked = [(m, f"{path}?{field}=admin", {}) for path in closed for m in ("GET", "POST")]
    found = statuses(app, asked)
    opened = {path.partition("?")[0] for (_, path), s in found.items() if s not in REFUSED}
    assert opened == {path for path, fields in places.items() if field in fields}


def test_without_keys_other_addresses_reach_only_the_probes(tmp_path):
    app = application(tmp_path, page=PAGE)
    paths = [concrete(route.path) for route in routes(app)]
    found = statuses(app, [(m, p, {}) for p in paths for m in ("GET", "POST")], "10.1.2.3")
    assert {path for (_, path), status in found.items() if status != 403} == set(PROBES)


def test_websockets_are_closed(app):
    client = TestClient(app.asgi, base_url="http://127.0.0.1")
    with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect("/translate"):
        pass
    assert closed.value.code == 1008
