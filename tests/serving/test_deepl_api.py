"""DeepL's API beyond what its Python client reaches: forms, options, statuses."""

from __future__ import annotations

from typing import Any

import pytest

from serving.http.keys import ApiKey, KeyRing, hash_key
from serving.texts import unwrapped

ZH = {"text": ["你好。世界。"], "target_lang": "EN-US"}


@pytest.fixture
def client(served):
    return served.client


def texts(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["text"] for row in answer.json()["translations"]]


@pytest.mark.parametrize("way", ["json", "data"])
def test_many_texts_by_json_and_form(client, way: str) -> None:
    body = {"text": ["一。", "", "OK", "二。"], "target_lang": "en-us", "source_lang": "zH"}
    assert texts(client.post("/v2/translate", **{way: body})) == ["[一。]", "", "OK", "[二。]"]


def test_multipart_and_query_are_read(client) -> None:
    parts = {"text": (None, "一。"), "target_lang": (None, "EN")}
    assert texts(client.post("/v2/translate", files=parts)) == ["[一。]"]
    assert texts(client.get("/v2/translate", params={"text": "一。", "target_lang": "EN"}))


def test_what_a_text_cost_and_which_model(client) -> None:
    body = {**ZH, "show_billed_characters": True, "model_type": "prefer_quality_optimized"}
    (row,) = client.post("/v2/translate", json=body).json()["translations"]
    assert row["billed_characters"] == 6
    assert row["model_type_used"] == "quality_optimized"
    assert row["detected_source_language"] == "ZH"
    (plain,) = client.post("/v2/translate", json=ZH).json()["translations"]
    assert set(plain) == {"detected_source_language", "text"}


WRAPPED = "他来\n了。走吧。"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "[他来]\n[了。] [走吧。]"),
        ("1", "[他来]\n[了。] [走吧。]"),
        ("nonewlines", "[他来了。] [走吧。]"),
        ("0", "[他来了。走吧。]"),
    ],
)
def test_split_sentences(client, value: str | None, expected: str) -> None:
    more = {} if value is None else {"split_sentences": value}
    body = {"text": [WRAPPED], "target_lang": "EN-US", **more}
    assert texts(client.post("/v2/translate", json=body)) == [expected]


@pytest.mark.parametrize(
    ("wrapped", "plain"),
    [
        ("他来\n了", "他来了"),
        ("a\r\n  b", "a b"),
        ("iOS\n系统", "iOS 系统"),
        ("\n他\n", "\n他\n"),
        ("a \n\n b\n", "a b\n"),
        ("", ""),
    ],
)
def test_line_breaks_inside_a_text_are_undone(wrapped: str, plain: str) -> None:
    assert unwrapped(wrapped) == plain


ACCEPTED = [
    {"preserve_formatting": True},
    {"preserve_formatting": "0"},
    {"formality": "default"},
    {"formality": "prefer_less"},
    {"context": "关于天气"},
    {"outline_detection": False},
    {"my-extra-parameter": "my-extra-value"},
]


@pytest.mark.parametrize("more", ACCEPTED)
def test_accepted(client, more: dict[str, Any]) -> None:
    assert texts(client.post("/v2/translate", json={**ZH, **more})) == ["[你好。] [世界。]"]


UNSERVED = "not supported: this server does not offer it, leave it out."
REFUSED = [
    ({"text": None}, "Parameter 'text' not specified: a text or a list of texts."),
    ({"text": [1]}, "Parameter 'text' not specified: a text or a list of texts."),
    ({"target_lang": None}, "Parameter 'target_lang' not specified: EN, EN-GB or EN-US."),
    (
        {"target_lang": "XX"},
        "Value for 'target_lang' not supported: this model has EN, EN-GB or EN-US.",
    ),
    ({"source_lang": "XX"}, "Value for 'source_lang' not supported: this model has ZH."),
    (
        {"split_sentences": "invalid"},
        "Value for 'split_sentences' not supported: 0, 1 or nonewlines is.",
    ),
    (
        {"preserve_formatting": "maybe"},
        "Value for 'preserve_formatting' not supported: 0, 1, true or false is.",
    ),
    (
        {"formality": "invalid"},
        "Value for 'formality' not supported: default, prefer_more or prefer_less is.",
    ),
    (
        {"formality": "more"},
        "Target language EN-US knows no formality: default, prefer_more or prefer_less is taken.",
    ),
    ({"glossary_id": "a"}, "Parameter 'source_lang' not specified, which a glossary needs: ZH."),
    ({"style_id": "a"}, f"Value for 'style_id' {UNSERVED}"),
    ({"translation_memory_id": "a"}, f"Value for 'translation_memory_id' {UNSERVED}"),
    ({"custom_instructions": ["a"]}, f"Value for 'custom_instructions' {UNSERVED}"),
    (
        {"model_type": "fast"},
        "Value for 'model_type' not supported: quality_optimized, "
        "latency_optimized or prefer_quality_optimized is.",
    ),
]


@pytest.mark.parametrize(("changed", "words"), REFUSED)
def test_refused(client, changed: dict[str, Any], words: str) -> None:
    body = {name: value for name, value in {**ZH, **changed}.items() if value is not None}
    answer = client.post("/v2/translate", json=body)
    assert (answer.status_code, answer.json()) == (400, {"message": words})


def test_statuses_its_clients_know(serve) -> None:
    keys = (
        ApiKey("day", hash_key("day"), characters_per_day=8),
        ApiKey("minute", hash_key("minute"), requests_per_minute=1),
    )
    client = serve(keys=KeyRing(keys), max_characters=20).client

    def status(key: str, text: str = "你好。") -> int:
        headers = {"Authorization": f"DeepL-Auth-Key {key}"} if key else {}
        body = {"text": [text], "target_lang": "EN-US"}
        answer = client.post("/v2/translate", json=body, headers=headers)
        assert answer.status_code == 200 or answer.json().keys() == {"message"}
        return answer.status_code

    assert [status(""), status("wrong"), status("day", "长" * 21)] == [403, 403, 413]
    assert [status("day"), status("day"), status("day")] == [200, 200, 456]
    assert [status("minute"), status("minute")] == [200, 429]


@pytest.mark.parametrize("way", ["json", "data", "params"])
def test_old_clients_send_the_key_as_a_field(serve, way: str) -> None:
    client = serve(keys=KeyRing((ApiKey("one", hash_key("csk_one")),))).client
    body = {"text": "一。", "target_lang": "EN"}
    assert client.post("/v2/translate", **{way: body}).status_code == 403
    assert texts(client.post("/v2/translate", **{way: {**body, "auth_key": "csk_one"}}))


@pytest.mark.parametrize("path", ["/v2/rephrase", "/v2/write/rephrase", "/v2/write/correct"])
def test_rephrasing_is_refused_and_not_tried_again(client, path: str) -> None:
    answer = client.post(path, json={"text": ["Hi"]})
    assert (answer.status_code, "rephrase" in answer.json()["message"]) == (404, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v2/nothing", 404), ("GET", "/v3/style_rules", 404), ("PUT", "/v2/translate", 405)],
)
def test_what_is_not_there_is_said_in_its_shape(client, method, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json().keys()) == (status, {"message"})
