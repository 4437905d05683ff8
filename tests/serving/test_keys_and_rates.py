"""Who may call what: keys on every route, scopes, rates, quotas, open addresses, CORS."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request

from csanmt.errors import CancelledError, ConfigurationError, UnavailableError
from serving.apis import api
from serving.http.allowance import MOST_CALLERS, Account, CharacterQuota, RequestRate, charged
from serving.http.errors import RateLimitedError
from serving.http.keys import ApiKey, KeyRing, hash_key, new_key
from serving.settings import Settings

USER, METRICS, ADMIN = "csk_user", "csk_metrics", "csk_admin"


def key(secret: str, **fields) -> ApiKey:
    return ApiKey(secret.removeprefix("csk_"), hash_key(secret), **fields)


RING = KeyRing((key(USER), key(METRICS, scopes=("metrics",)), key(ADMIN, scopes=("admin",))))


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(
    "headers", [bearer(USER), {"X-API-Key": USER}, {"authorization": f"bearer {USER}"}]
)
def test_known_key_is_accepted(serve, headers):
    served = serve(keys=RING)
    response = served.client.post("/translate", json={"text": "你好。"}, headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        bearer("csk_other"),
        bearer(""),
        bearer(hash_key(USER)),
        {"Authorization": USER},
        {"Authorization": f"Basic {USER}"},
        {"X-API-Key": ""},
    ],
)
def test_anything_else_is_401(serve, headers):
    served = serve(keys=RING)
    response = served.client.post("/translate", json={"text": "你好。"}, headers=headers)
    assert response.status_code == 401
    assert USER not in response.text


@pytest.mark.parametrize(
    ("secret", "path", "status"),
    [
        (USER, "/version", 200),
        (USER, "/metrics", 403),
        (METRICS, "/metrics", 200),
        (METRICS, "/version", 403),
        (ADMIN, "/metrics", 200),
        (ADMIN, "/version", 200),
    ],
)
def test_scopes(serve, secret, path, status):
    response = serve(keys=RING).client.get(path, headers=bearer(secret))
    assert response.status_code == status


def test_without_keys_other_addresses_are_refused_but_for_probes(serve):
    served = serve(address="10.1.2.3")
    response = served.client.post("/translate", json={"text": "你好。"})
    assert response.status_code == 403
    assert "CSANMT_API_KEYS_FILE" in response.json()["error"]["message"]
    assert served.client.get("/").status_code == 403
    assert served.client.get("/readyz").status_code == 200


@pytest.mark.parametrize("opened", [{"private_network": True}, {"keys": RING}])
def test_other_addresses_are_served_on_explicit_request(serve, opened):
    served = serve(address="10.1.2.3", **opened)
    response = served.client.post("/translate", json={"text": "你好。"}, headers=bearer(USER))
    assert response.status_code == 200


def test_rate_is_limited_with_headers(serve):
    served = serve(requests_per_minute=2)
    answers = [served.client.get("/version") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit-Limit"] == "2"
    assert [a.headers["RateLimit-Remaining"] for a in answers[:2]] == ["1", "0"]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert answers[2].json()["error"]["code"] == "rate_limited"
    assert served.client.get("/readyz").status_code == 200


def test_callers_have_rates_of_their_own(serve):
    ring = KeyRing((key(USER, requests_per_minute=1), key(ADMIN, scopes=("admin",))))
    served = serve(keys=ring)
    statuses = [served.client.get("/version", headers=bearer(USER)).status_code for _ in range(2)]
    assert statuses == [200, 429]
    assert served.client.get("/version", headers=bearer(ADMIN)).status_code == 200


@pytest.mark.parametrize(
    "forwarded",
    [
        lambda made_up, client: [f"{made_up}, {client}"],
        lambda made_up, client: [made_up, client],
        lambda made_up, client: [made_up, f"{made_up},{client}"],
    ],
)
def test_behind_a_proxy_a_client_cannot_choose_its_address(serve, forwarded):
    served = serve(requests_per_minute=2, trust_proxy=True)

    def status(made_up: str, client: str) -> int:
        headers = [("X-Forwarded-For", line) for line in forwarded(made_up, client)]
        return served.client.get("/version", headers=headers).status_code

    assert [status(f"10.0.0.{n}", "192.0.2.7") for n in range(3)] == [200, 200, 429]
    assert status("192.0.2.7", "192.0.2.8") == 200


def test_characters_a_day_are_limited_by_key(serve):
    served = serve(keys=KeyRing((key(USER, characters_per_day=5),)))

    def status(text: str) -> int:
        answer = served.client.post("/translate", json={"text": text}, headers=bearer(USER))
        return answer.status_code

    assert [status("一二三"), status("四五六"), status("四五"), status("六")] == [
        200,
        429,
        200,
        429,
    ]


def no_translation(served, monkeypatch) -> None:
    async def begin(*_, **__):
        raise UnavailableError("no runner")

    monkeypatch.setattr(served.application.service, "begin", begin)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/translate", {"text": "一二三"}),
        ("/translate", {"text": "一<b>二</b>三", "format": "html"}),
        ("/translate/stream", {"text": "一二三"}),
        ("/translate", {"q": "一二三", "source": "zh", "target": "en"}),
        ("/translate", {"q": "一<b>二</b>", "source": "zh", "target": "en", "format": "html"}),
        ("/v2/translate", {"text": ["一二三"], "target_lang": "EN"}),
        ("/translate", {"text": "一二三", "beam": 9}),
        ("/translate", {"text": "一二三", "glossary": "none"}),
        ("/translate/stream", {"text": "一二三", "format": "html"}),
    ],
)
def test_what_is_not_translated_costs_no_characters(serve, monkeypatch, path, body):
    served = serve(keys=KeyRing((key(USER, characters_per_day=100),)))
    ask = {"url": "/translate", "json": {"text": "好" * 10}, "headers": bearer(USER)}
    assert served.client.post(**ask).status_code == 200
    no_translation(served, monkeypatch)
    assert served.client.post(path, json=body, headers=bearer(USER)).status_code >= 400
    usage = served.client.get("/v2/usage", headers=bearer(USER)).json()
    assert usage["character_count"] == 10


def test_a_suggestion_is_charged(serve, tmp_path):
    settings = {"suggestions_file": str(tmp_path / "suggestions.jsonl")}
    served = serve(keys=KeyRing((key(USER, characters_per_day=10),)), **settings)
    ask = {"q": "你好", "s": "Hi you", "source": "zh", "target": "en"}
    statuses = [
        served.client.post("/suggest", json=ask, headers=bearer(USER)).status_code for _ in range(2)
    ]
    assert statuses == [200, 429]
    usage = served.client.get("/v2/usage", headers=bearer(USER)).json()
    assert usage["character_count"] == 8


def test_characters_are_given_back_on_the_day_they_were_taken():
    now = [0.0]
    quota = CharacterQuota(clock=lambda: now[0])
    quota.take("a", 10, 10)
    quota.give_back("a", 4)
    assert quota.used("a") == 6
    now[0] += 86_400
    quota.give_back("a", 4)
    assert quota.used("a") == 0


def test_client_that_goes_away_has_been_worked_for():
    account = Account("a", CharacterQuota(), key(USER, characters_per_day=10))
    request = Request({"type": "http", "state": {"account": account}})
    for error, used in ((UnavailableError("no runner"), 0), (CancelledError("gone"), 7)):
        with pytest.raises(type(error)), charged(request, 7):
            raise error
        assert account.quota.used("a") == used


def test_bucket_refills_with_time():
    now = [0.0]
    rate = RequestRate(clock=lambda: now[0])
    rate.take("a", 60)
    for _ in range(59):
        rate.take("a", 60)
    with pytest.raises(RateLimitedError) as refused:
        rate.take("a", 60)
    assert refused.value.retry_after == 1
    now[0] = 1.0
    assert rate.take("a", 60)["RateLimit-Remaining"] == "0"
    with pytest.raises(RateLimitedError):
        rate.take("a", 60)


def test_rates_of_many_callers_do_not_fill_the_memory():
    rate = RequestRate(clock=lambda: 0.0)
    for n in range(MOST_CALLERS + 10):
        rate.take(str(n), 60)
    assert len(rate._buckets) == MOST_CALLERS + 1  # the last shares with all who came late


def test_callers_who_were_there_a_moment_ago_are_not_forgotten_for_newcomers():
    now = [0.0]
    rate = RequestRate(clock=lambda: now[0])
    for _ in range(2):
        rate.take("2001:db8:0:1::1", 2)
    for n in range(MOST_CALLERS + 1000):
        rate.take(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 10_000)
    with pytest.raises(RateLimitedError):
        rate.take("2001:db8:0:1::1", 2)
    now[0] += 61
    rate.take("192.0.2.1", 2)
    assert len(rate._buckets) == 1


@pytest.mark.parametrize("other", ["2001:db8:0:1:ffff::2", "2001:0db8:0000:0001::3"])
def test_addresses_of_one_ipv6_network_are_one_caller(other):
    rate = RequestRate(clock=lambda: 0.0)
    rate.take("2001:db8:0:1::1", 1)
    rate.take("2001:db8:0:2::1", 1)
    with pytest.raises(RateLimitedError):
        rate.take(other, 1)


def test_a_clock_set_back_over_midnight_gives_no_second_quota():
    now = [86_400.0 * 10 + 5]
    quota = CharacterQuota(clock=lambda: now[0])
    quota.take("a", 900, 1000)
    now[0] -= 20
    assert quota.used("a") == 900
    with pytest.raises(RateLimitedError):
        quota.take("a", 200, 1000)
    now[0] += 20
    assert quota.used("a") == 900


def test_a_clock_that_was_far_ahead_for_a_moment_shuts_nobody_out():
    day = 86_400.0
    now = [10 * day]
    quota = CharacterQuota(clock=lambda: now[0])
    quota.take("a", 900, 1000)
    now[0] += 365 * day
    quota.take("a", 950, 1000)
    now[0] -= 365 * day
    assert quota.used("a") == 950
    with pytest.raises(RateLimitedError) as refused:
        quota.take("a", 200, 1000)
    assert refused.value.retry_after == day
    now[0] += day
    quota.take("a", 1000, 1000)


def test_quota_starts_again_the_next_day():
    now = [86_400.0 * 10]
    quota = CharacterQuota(clock=lambda: now[0])
    quota.take("a", 10, 10)
    with pytest.raises(RateLimitedError) as refused:
        quota.take("a", 1, 10)
    assert refused.value.retry_after == 86_400
    now[0] += 86_400
    quota.take("a", 10, 10)
    assert quota.used("a") == 10


def test_cors_is_closed_by_default(served):
    headers = {"Origin": "https://a.example"}
    response = served.client.post("/translate", json={"text": "你好。"}, headers=headers)
    assert "access-control-allow-origin" not in response.headers
    preflight = {**headers, "Access-Control-Request-Method": "POST"}
    response = served.client.options("/translate", headers=preflight)
    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert "access-control-allow-origin" not in response.headers


def test_cors_lets_an_extension_read_the_answer(serve):
    origin = "chrome-extension://amkbmndfnliijdhojkpoglbnaaahippg"
    settings = Settings.from_environment({"CSANMT_CORS_ORIGINS": origin})
    client = serve(cors_origins=settings.cors_origins).client
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    private = {"Access-Control-Request-Private-Network": "true"}
    preflight = client.options("/immersive", headers={"Origin": origin, **asked, **private})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == origin
    assert preflight.headers["access-control-allow-private-network"] == "true"
    body = {"text_list": ["你好。"], "target_lang": "en"}
    answer = client.post("/immersive", json=body, headers={"Origin": origin})
    assert answer.headers["access-control-allow-origin"] == origin


def test_cors_opens_for_named_origins_even_for_errors(serve):
    served = serve(cors_origins=("https://a.example",), keys=RING)
    for origin, allowed in (("https://a.example", True), ("https://b.example", False)):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = served.client.options("/translate", headers=headers)
        assert (preflight.status_code == 200) is allowed
        refused = served.client.post("/translate", json={}, headers={"Origin": origin})
        assert refused.status_code == 401
        assert ("access-control-allow-origin" in refused.headers) is allowed


def test_key_file_holds_no_secret_and_finds_the_key(tmp_path):
    secret = new_key()
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [{"name": "a", "sha256": hash_key(secret)}]}))
    ring = KeyRing.load(path)
    assert ring.find(secret) == ApiKey("a", hash_key(secret))
    assert ring.find(hash_key(secret)) is None
    assert len(secret) > 40


HASH = "a" * 64


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"keys": []}',
        '{"keys": {}}',
        '{"keys": ["secret"]}',
        '{"keys": [{"name": "a"}]}',
        '{"keys": [{"name": "a", "sha256": "plain secret"}]}',
        json.dumps({"keys": [{"name": "a", "sha256": HASH, "colour": 1}]}),
        json.dumps({"keys": [{"name": "a", "sha256": HASH, "scopes": ["root"]}]}),
        json.dumps({"keys": [{"name": "a", "sha256": HASH, "scopes": []}]}),
        json.dumps({"keys": [{"name": "a", "sha256": HASH, "requests_per_minute": -1}]}),
        json.dumps({"keys": [{"name": "a", "sha256": HASH}, {"name": "b", "sha256": HASH}]}),
        json.dumps({"keys": [{"name": "a", "sha256": HASH}, {"name": "a", "sha256": "b" * 64}]}),
    ],
)
def test_bad_key_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"keys\.json"):
        KeyRing.load(path)


def test_missing_key_file_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.json"):
        KeyRing.load(tmp_path / "none.json")


@pytest.mark.anyio
async def test_a_refused_request_is_answered_though_its_body_does_not_come(serve, monkeypatch):
    monkeypatch.setattr(api, "LOOK_SECONDS", 0.05)
    application = serve(keys=KeyRing((ApiKey("a", "0" * 64),))).application
    headers = {"host": "h", "content-type": "application/json", "content-length": "60000"}
    headers |= bearer("wrong")
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/translate",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[dict[str, Any]] = []

    async def never() -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async with asyncio.timeout(10):
        await application.asgi(scope, never, send)
    assert sent[0]["status"] == 401
