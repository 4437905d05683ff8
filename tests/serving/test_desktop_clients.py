"""The bytes that desktop programs and browser extensions send, replayed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.serving.conftest import Serve, Served
from tests.serving.live_application import ANSWERS, KEY, locked_ring
from tests.stub_translator import StubTranslator

JSON = {"Content-Type": "application/json"}
TWO = ["你好世界", "谢谢！"]

# Program, path with query, body as its source writes it, where the answer stands in the response.
REPLAYED: list[tuple[str, str, str, list[Any], Any]] = [
    ("pot, DeepLX", "/translate", '{"source_lang":"ZH","target_lang":"EN","text":"你好世界"}',
     ["data"], "Hello world"),
    ("pot, DeepLX, language not known", "/translate",
     '{"source_lang":"auto","target_lang":"EN","text":"你好世界"}', ["source_lang"], "ZH"),
    ("KISS Translator, DeepLX", "/translate",
     '{"text":"你好世界","target_lang":"EN","source_lang":"ZH-HANS"}', ["data"], "Hello world"),
    ("Bob, DeepL X", "/translate",
     '{"text":"你好世界","source_lang":"ZH-HANS","target_lang":"EN"}', ["data"], "Hello world"),
    ("Zotero, DeepL (custom)", "/translate",
     '{"text":"你好世界","source_lang":"ZH","target_lang":"EN"}', ["data"], "Hello world"),
    ("PDFMathTranslate, DeepLX", "/translate",
     '{"source_lang": "zh-Hans", "target_lang": "en", "text": "\\u4f60\\u597d\\u4e16\\u754c"}',
     ["data"], "Hello world"),
    ("Zotero, MTranServer", "/translate", '{"text":"你好世界","from":"zh-Hans","to":"en"}',
     ["result"], "Hello world"),
    ("MTranServer, several", "/translate/batch",
     '{"from":"zh-Hans","to":"en","texts":["你好世界","谢谢！"],"html":false}',
     ["results"], ["Hello world", "Thank you!"]),
    ("Immersive Translate", "/immersive",
     '{"source_lang":"zh-CN","target_lang":"en","text_list":["你好世界","谢谢！"]}',
     ["translations"], [{"detected_source_lang": "zh-CN", "text": "Hello world"},
                        {"detected_source_lang": "zh-CN", "text": "Thank you!"}]),
    ("Immersive Translate, as set for MTranServer", "/imme",
     '{"source_lang":"auto","target_lang":"en","text_list":["你好世界"]}',
     ["translations"], [{"detected_source_lang": "zh", "text": "Hello world"}]),
    ("Immersive Translate, any path", "/translate",
     '{"source_lang":"zh-TW","target_lang":"en","text_list":["你好世界"]}',
     ["translations", 0, "text"], "Hello world"),
    ("KISS Translator, Custom", "/kiss", '{"text":"你好世界","from":"auto","to":"en"}',
     [], {"text": "Hello world", "src": "zh"}),
    ("KISS Translator, Custom, several", "/kiss",
     '{"texts":["你好世界","谢谢！"],"from":"zh-CN","to":"en"}', ["translations"],
     [{"text": "Hello world", "src": "zh-CN"}, {"text": "Thank you!", "src": "zh-CN"}]),
    ("DeepLX's path of MTranServer", "/deeplx",
     '{"text":"你好世界","source_lang":null,"target_lang":"EN"}', ["data"], "Hello world"),
]  # fmt: skip


@pytest.fixture
def client(serve: Serve) -> Any:
    return serve(translator=StubTranslator(ANSWERS)).client


@pytest.mark.parametrize("row", REPLAYED, ids=[row[0] for row in REPLAYED])
def test_replayed(client: Any, row: tuple[str, str, str, list[Any], Any]) -> None:
    _, path, body, where, expected = row
    answer = client.post(path, content=body.encode(), headers=JSON)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    for step in where:
        found = found[step]
    assert found == expected


def test_deeplx_answers_all_its_fields(client: Any) -> None:
    asked = {"text": "你好世界", "source_lang": "", "target_lang": "en-US"}
    assert client.post("/translate", json=asked).json() == {
        "code": 200,
        "id": 0,
        "data": "Hello world",
        "source_lang": "ZH",
        "target_lang": "EN-US",
        "alternatives": ["Hello world (2)", "Hello world (3)", "Hello world (4)"],
        "method": "Free",
    }


MARKED = [
    ({"text": "<b>你好</b>", "target_lang": "EN", "tag_handling": "html"}, "data"),
    ({"text": "<b>你好</b>", "from": "zh", "to": "en", "html": True}, "result"),
]


@pytest.mark.parametrize(("asked", "field"), MARKED)
def test_markup_stays_around_its_words(client: Any, asked: dict[str, Any], field: str) -> None:
    assert client.post("/translate", json=asked).json()[field] == "<b>[你好]</b>"


def test_a_text_in_the_target_language_comes_back(client: Any) -> None:
    asked = {"texts": ["Hello"], "from": "en", "to": "en"}
    assert client.post("/kiss", json=asked).json()["translations"] == [
        {"text": "Hello", "src": "en"}
    ]


D = {"text": "你好", "source_lang": "ZH", "target_lang": "EN"}
M = {"text": "你好", "from": "zh", "to": "en"}
REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("/translate", {**D, "from": "zh"}, 422, "from: not a field of DeepLX"),
    ("/translate", {**D, "q": "你好"}, 422, "q: not a field of DeepLX"),
    ("/translate", {**D, "beam": 4}, 422, "beam: not a field of DeepLX"),
    ("/translate", {**M, "text_list": ["你好"]}, 422, "text_list: not a field of MTranServer"),
    ("/translate", {**M, "source": "zh"}, 422, "source: not a field of MTranServer"),
    ("/translate", {**D, "text": ["你好"]}, 422, "text: must be a string"),
    ("/translate", {**D, "target_lang": "DE"}, 400, "target_lang: DE is not offered; en is"),
    ("/translate", {**D, "source_lang": "JA"}, 400, "source_lang: JA is not offered"),
    ("/translate", {"text": "你好", "source_lang": "ZH"}, 422, "target_lang: must be a language"),
    ("/translate", {**D, "tag_handling": "rtf"}, 422, "tag_handling: must be html or xml"),
    ("/kiss", {"texts": "你好", "from": "zh", "to": "en"}, 422, "texts: must be a list"),
    ("/kiss", {"text": "你好", "texts": ["你好"], "from": "zh", "to": "en"}, 422, "do not mix"),
    ("/immersive", {"text_list": ["你" * 50_001], "target_lang": "en"}, 413, "50001 characters"),
]


@pytest.mark.parametrize(("path", "asked", "status", "words"), REFUSED)
def test_refused(client: Any, path: str, asked: dict[str, Any], status: int, words: str) -> None:
    answer = client.post(path, json=asked)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, status)
    assert words in body["message"] == body["error"]


def test_no_json_and_other_methods_are_told_as_well(client: Any) -> None:
    assert client.post("/kiss", content=b"{", headers=JSON).json()["code"] == 400
    assert client.get("/immersive").json()["error"] == "Method not allowed; send a POST"


@pytest.mark.parametrize("path", ["/translate", "/deeplx"])
def test_the_token_stands_in_the_query_or_in_a_header(serve: Serve, path: str) -> None:
    client = serve(keys=locked_ring()).client
    assert serve().client.post(path, json=D, headers={"Authorization": "Bearer "}).is_success  # Bob
    raw = {"Authorization": "undefined"}  # what Zotero's MTranServer sends without a secret
    statuses = [
        client.post(path, json=D).status_code,
        client.post(f"{path}?token=wrong", json=D).status_code,
        client.post(f"{path}?token={KEY}", json=D, headers=raw).status_code,
        client.post(path, json=D, headers={"Authorization": f"Bearer {KEY}"}).status_code,
        client.post(path, json=D, headers={"Authorization": f"DeepL-Auth-Key {KEY}"}).status_code,
    ]
    assert statuses == [401, 401, 200, 200, 200]
    assert client.post(path, json=D).json()["message"].startswith("an API key is required")


def test_subtitle_edit_posts_deeplx_as_a_form_of_deepl(client: Any) -> None:
    body = "text=%E4%BD%A0%E5%A5%BD%E4%B8%96%E7%95%8C&target_lang=EN&source_lang=zh"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/v2/translate", content=body, headers=headers)
    assert answer.json()["translations"][0]["text"] == "Hello world"


def test_our_own_requests_stay_ours(served: Served) -> None:
    assert served.translate("你好。")["translation"] == "[你好。]"
    wrong = served.client.post("/translate", json={"text": "你好", "lang": "en"})
    assert wrong.json() == {"error": {"code": "invalid_input", "message": "lang: unknown field"}}
    assert json.loads(wrong.text)["error"]["code"] == "invalid_input"
