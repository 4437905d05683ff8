"""What LibreTranslate's own tests (``tests/test_api``) assert, asked of our server for zh to en.

Not the same with us, on purpose: CORS is closed, ``/metrics`` is there, a missing key is
403, a body that is no object is told in our own shape on ``/translate``, and each text
of a list is detected by itself.
"""

from __future__ import annotations

from typing import Any

import pytest

from serving.http.keys import ApiKey, KeyRing, hash_key

ZH = {"q": "你好。", "source": "zh", "target": "en"}
NEED_KEY = "Please contact the server operator to get an API key"


@pytest.fixture
def client(served):
    return served.client


@pytest.mark.parametrize("way", ["json", "data", "params"])
def test_translate_by_json_form_and_query(client, way: str) -> None:
    answer = client.post("/translate", **{way: {**ZH, "format": "text"}})
    assert (answer.status_code, answer.json()) == (200, {"translatedText": "[你好。]"})


def test_translate_batch(client) -> None:
    answer = client.post("/translate", json={**ZH, "q": ["你好。", "世界。"], "alternatives": 2})
    body = answer.json()
    assert body["translatedText"] == ["[你好。]", "[世界。]"]
    assert [len(others) for others in body["alternatives"]] == [2, 2]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"q": None}, "Invalid request: missing q parameter"),
    ({"q": ""}, "Invalid request: missing q parameter"),
    ({"source": None}, "Invalid request: missing source parameter"),
    ({"target": None}, "Invalid request: missing target parameter"),
    ({"source": "zz"}, "zz is not supported"),
    ({"target": "zz"}, "zz is not supported"),
    ({"target": "auto"}, "auto is not supported"),
    ({"format": "xml"}, "xml format is not supported"),
    ({"alternatives": "abc"}, "Invalid request: alternatives parameter is not a number"),
    ({"alternatives": "8"}, "Invalid request: alternatives parameter must be <= 7"),
    (
        {"source": "en", "target": "zh"},
        "Chinese (zh) is not available as a target language from English (en)",
    ),
]


@pytest.mark.parametrize(("changed", "words"), REFUSED)
@pytest.mark.parametrize("way", ["json", "data", "params"])
def test_what_is_wrong_is_said_in_its_words(client, way: str, changed, words: str) -> None:
    fields = {name: value for name, value in {**ZH, **changed}.items() if value is not None}
    answer = client.post("/translate", **{way: fields})
    assert (answer.status_code, answer.json()) == (400, {"error": words})


@pytest.mark.parametrize(
    ("q", "words"),
    [
        ([], "Invalid request: missing q parameter"),
        ([1], "Invalid request: q parameter must be text or a list of texts"),
        ("长" * 11, "Invalid request: request (11) exceeds text limit (10)"),
        (["长", "长", "长"], "Invalid request: request (3) exceeds text limit (2)"),
    ],
)
def test_texts_that_are_refused(serve, q, words: str) -> None:
    answer = serve(max_characters=10, max_texts=2).client.post("/translate", json={**ZH, "q": q})
    assert (answer.status_code, answer.json()) == (400, {"error": words})


def test_fewer_than_no_alternatives_are_none(client) -> None:
    answer = client.post("/translate", json={**ZH, "alternatives": -1})
    assert answer.json() == {"translatedText": "[你好。]"}


def test_alternatives_differ_from_the_translation_and_each_other(client) -> None:
    body = client.post("/translate", data={**ZH, "alternatives": "3"}).json()
    others = body["alternatives"]
    assert len({body["translatedText"], *others}) == 1 + len(others) == 4


def test_source_is_detected(client) -> None:
    body = client.post("/translate", json={**ZH, "q": "今天天气很好。", "source": "auto"}).json()
    assert body["detectedLanguage"]["language"] == "zh"
    assert 0 < body["detectedLanguage"]["confidence"] <= 100
    both = {**ZH, "q": ["今天天气很好。", "我们走吧。"], "source": "auto"}
    found = client.post("/translate", json=both).json()["detectedLanguage"]
    assert [one["language"] for one in found] == ["zh", "zh"]


@pytest.mark.parametrize("text", ["😀", "Good morning, everybody.", "12:30"])
def test_nothing_to_translate_comes_back(client, text: str) -> None:
    for source in ("zh", "en", "auto"):
        answer = client.post("/translate", data={**ZH, "q": text, "source": source})
        assert answer.json()["translatedText"] == text


def test_forms_carry_cr_lf_and_get_lf(client) -> None:
    answer = client.post("/translate", data={**ZH, "q": "你好。\r\n世界。"})
    assert answer.json()["translatedText"] == "[你好。]\n[世界。]"


def test_detect(client) -> None:
    assert client.post("/detect", data={"q": "Hello"}).json()[0].keys() == {
        "confidence",
        "language",
    }
    sentence = "This is an English sentence for detection"
    assert client.post("/detect", json={"q": sentence}).json()[0]["language"] == "en"
    both = client.post("/detect", json={"q": [sentence, "今天天气很好"]}).json()
    assert [found["language"] for found in both] == ["en", "zh"]
    refused = client.post("/detect")
    assert (refused.status_code, "error" in refused.json()) == (400, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/detect"),
        ("GET", "/suggest"),
        ("POST", "/languages"),
        ("POST", "/spec"),
        ("POST", "/health"),
        ("POST", "/frontend/settings"),
    ],
)
def test_another_method_is_405(client, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, bool(answer.headers["allow"])) == (405, True)


def test_languages_settings_spec_and_health(client) -> None:
    assert client.get("/languages").json() == [
        {"code": "zh", "name": "Chinese", "targets": ["en"]},
        {"code": "en", "name": "English", "targets": ["en"]},
    ]
    settings = client.get("/frontend/settings").json()
    assert settings["language"]["source"]["code"] == "auto"
    assert settings["language"]["target"] == {"code": "en", "name": "English"}
    assert settings["charLimit"] == 50_000
    assert (settings["apiKeys"], settings["keyRequired"], settings["suggestions"]) == (False,) * 3
    assert settings["filesTranslation"] == bool(settings["supportedFilesFormat"])
    spec = client.get("/spec").json()
    assert spec["info"]["title"] == "LibreTranslate"
    assert {"/translate", "/detect", "/languages"} <= set(spec["paths"])
    assert client.get("/health").json() == {"status": "ok"}


@pytest.fixture
def locked(serve):
    return serve(keys=KeyRing((ApiKey("one", hash_key("csk_one")),)), requests_per_minute=3).client


@pytest.mark.parametrize("path", ["/translate", "/detect"])
@pytest.mark.parametrize("way", ["json", "data", "params"])
def test_keys(locked, path: str, way: str) -> None:
    def ask(**more: str) -> tuple[int, Any]:
        answer = locked.post(path, **{way: {**ZH, **more}})
        return answer.status_code, answer.json()

    assert ask() == (403, {"error": NEED_KEY})
    assert ask(api_key="bogus") == (403, {"error": "Invalid API key"})
    assert ask(api_key="csk_one")[0] == 200


def test_a_used_up_rate_is_a_slowdown(serve) -> None:
    client = serve(requests_per_minute=1).client
    for way in ("json", "data"):
        first, second = (client.post("/translate", **{way: ZH}) for _ in range(2))
        assert second.status_code == 429
        assert second.json()["error"].startswith("Slowdown: ")
        assert int(second.headers["retry-after"]) > 0
        assert second.headers["ratelimit-remaining"] == "0"
        assert first.status_code in (200, 429)


def test_what_clients_read_before_they_have_a_key(locked) -> None:
    for path in ("/languages", "/frontend/settings", "/spec", "/health"):
        assert locked.get(path).status_code == 200
    assert locked.get("/frontend/settings").json()["keyRequired"] is True


@pytest.mark.parametrize("way", ["json", "data"])
def test_suggest(serve, tmp_path, way: str) -> None:
    client = serve(suggestions_file=str(tmp_path / "s.jsonl")).client
    offered = {"q": "你好。", "s": "Hi.", "source": "zh", "target": "en"}
    assert client.post("/suggest", **{way: offered}).json() == {"success": True}
    for name in offered:
        fewer = {key: value for key, value in offered.items() if key != name}
        answer = client.post("/suggest", **{way: fewer})
        words = {"error": f"Invalid request: missing {name} parameter"}
        assert (answer.status_code, answer.json()) == (400, words)


def test_suggest_may_be_off(client) -> None:
    offered = {"q": "你好。", "s": "Hi.", "source": "zh", "target": "en"}
    answer = client.post("/suggest", data=offered)
    words = {"error": "Suggestions are disabled on this server."}
    assert (answer.status_code, answer.json()) == (403, words)
