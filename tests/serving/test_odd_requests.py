"""Requests as typed clients, shells and browsers really send them, to every API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.serving.conftest import Serve, Served
from tests.serving.live_application import KEY, locked_ring

JSON = {"Content-Type": "application/json"}
LIBRE = {"q": "你好", "source": "zh", "target": "en"}
DEEPL = {"text": ["你好"], "target_lang": "EN"}

NULLS: list[tuple[str, dict[str, Any]]] = [
    ("/translate", {**LIBRE, "api_key": None}),  # Mastodon without a key
    ("/translate", {**LIBRE, "format": None, "alternatives": None}),
    ("/detect", {"q": "你好", "api_key": None}),
    ("/v2/translate", {**DEEPL, "source_lang": None, "formality": None, "glossary_id": None}),
    ("/v2/translate", {**DEEPL, "tag_handling": None, "glossary_ids": None, "style_id": None}),
    ("/translate", {"text": "你好", "n_best": None, "format": None, "memory": None}),
    ("/translate", {"text": "你好", "alternatives": None, "segments": None, "glossary": None}),
]


@pytest.mark.parametrize("marked", [b"", "\ufeff".encode()], ids=["plain", "BOM"])
@pytest.mark.parametrize(("path", "body"), NULLS)
def test_null_is_not_given_and_a_byte_order_mark_is_ignored(
    served: Served, path: str, body: dict[str, Any], marked: bytes
) -> None:
    content = marked + json.dumps(body, ensure_ascii=False).encode()
    answer = served.client.post(path, content=content, headers=JSON)
    assert answer.status_code == 200, answer.text


def test_null_of_what_is_required_is_missing(served: Served) -> None:
    assert served.client.post("/translate", json={"text": None}).status_code == 422
    assert served.client.post("/translate", json={**LIBRE, "q": None}).status_code == 400
    assert served.client.post("/v2/translate", json={**DEEPL, "text": None}).status_code == 400


GBK = "%C4%E3%BA%C3"


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", f"/translate?langpair=zh|en&q={GBK}", "explanation"),
        ("POST", f"/translate?source=zh&target=en&q={GBK}", "error"),
        ("GET", f"/v2/translate?target_lang=EN&text={GBK}", "message"),
        ("POST", f"/detect?q={GBK}", "error"),
    ],
)
def test_a_query_that_is_not_utf8_is_refused(
    served: Served, method: str, path: str, words: str
) -> None:
    answer = served.client.request(method, path)
    assert (answer.status_code, answer.json()[words]) == (400, "the query is not valid UTF-8")


@pytest.mark.parametrize("code", ["zt", "zh-Hant", "zh-TW", "zh_HK", "ZH-HANT", "zh"])
def test_every_name_of_chinese_is_taken_by_every_api(served: Served, code: str) -> None:
    client = served.client
    statuses = [
        client.post("/translate", json={**LIBRE, "source": code}).status_code,
        client.post("/v2/translate", json={**DEEPL, "source_lang": code}).status_code,
        client.get("/translate", params={"q": "你好", "langpair": f"{code}|en"}).status_code,
    ]
    assert statuses == [200, 200, 200]


# Kana and hangul tell another language surely; what the model cannot read stays as it is.
OTHERS = ["おはようございます。今日は良い天気ですね。", "안녕하세요, 반갑습니다.", "Guten Morgen."]
CHINESE = ["他喜欢「の」这个字。", "歌曲《さくら》很好听。"]


@pytest.mark.parametrize("text", OTHERS)
def test_text_surely_in_another_language_stays_as_it_is_in_every_api(
    served: Served, text: str
) -> None:
    client = served.client
    libre = client.post("/translate", json={**LIBRE, "q": text, "source": "auto"}).json()
    (row,) = client.post("/v2/translate", json={**DEEPL, "text": [text]}).json()["translations"]
    assert served.translate(text)["translation"] == text
    assert (libre["translatedText"], row["text"]) == (text, text)
    assert libre["detectedLanguage"]["language"] == row["detected_source_language"].lower() != "zh"


@pytest.mark.parametrize("text", CHINESE)
def test_chinese_with_some_kana_is_translated(served: Served, text: str) -> None:
    assert served.translate(text)["translation"] != text


def test_usage_is_counted_without_keys_too(served: Served) -> None:
    served.client.post("/v2/translate", json={"text": ["你好世界"], "target_lang": "EN"})
    assert served.client.post("/v2/usage").json()["character_count"] == 4


PUBLIC = [
    ("/languages", {"error": "Method not allowed"}),
    ("/spec", {"error": "Method not allowed"}),
    ("/health", {"error": "Method not allowed"}),
    ("/readyz", None),
    ("/docs", None),
]


@pytest.mark.parametrize(("path", "words"), PUBLIC)
def test_wrong_method_of_a_public_path_is_405_with_or_without_a_key(
    serve: Serve, path: str, words: dict[str, str] | None
) -> None:
    client = serve(keys=locked_ring()).client
    for headers in ({}, {"Authorization": f"Bearer {KEY}"}):
        answer = client.post(path, headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        assert words in (None, answer.json())
        assert client.head(path, headers=headers).status_code == 200
        assert client.options(path, headers=headers).status_code == 204


RESOURCES = [
    ("translate_text", {"zh": (True, False), "en": (False, True), "en-US": (False, True)}),
    ("translate_document", {"zh": (True, False), "en-GB": (False, True)}),
    ("glossary", {"zh": (True, True), "en": (True, True)}),
]


@pytest.mark.parametrize(("resource", "expected"), RESOURCES)
def test_deepl_languages_of_a_resource(
    served: Served, resource: str, expected: dict[str, tuple[bool, bool]]
) -> None:
    rows = served.client.get("/v3/languages", params={"resource": resource}).json()
    found = {row["lang"]: (row["usable_as_source"], row["usable_as_target"]) for row in rows}
    assert found.items() >= expected.items()
    assert all("formality" not in row["features"] for row in rows)


@pytest.mark.parametrize(
    "query", ["", "?resource=write", "?resource=bogus", "?resource=a&resource=b"]
)
def test_deepl_languages_of_what_is_not_offered(served: Served, query: str) -> None:
    answer = served.client.get(f"/v3/languages{query}")
    assert answer.status_code == (404 if "write" in query else 400)
    assert "resource" in answer.json()["message"]


FORM = (
    "name=t&dictionaries[0].source_lang=zh&dictionaries[0].target_lang=en"
    "&dictionaries[0].entries=%E4%B8%8A%E6%B5%B7%09Shanghai&dictionaries[0].entries_format=tsv"
)


def test_deepl_node_sends_dictionaries_as_a_form(served: Served) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    made = served.client.post("/v3/glossaries", content=FORM, headers=headers)
    assert made.status_code == 201, made.text
    assert made.json()["dictionaries"] == [
        {"source_lang": "zh", "target_lang": "en", "entry_count": 1}
    ]
    more = FORM.replace("name=t&", "").replace("%E4%B8%8A%E6%B5%B7%09Shanghai", "a%09b")
    one = f"/v3/glossaries/{made.json()['glossary_id']}"
    changed = served.client.patch(one, content=more, headers=headers)
    assert changed.json()["dictionaries"][0]["entry_count"] == 2
    wrong = served.client.post(
        "/v3/glossaries", content="name=t&dictionaries[0].entries=a%09b", headers=headers
    )
    assert wrong.json() == {"message": "Parameter 'source_lang' not specified: a code such as EN."}
