"""POST /translate in our own shape: what goes in comes out, and every error has its status."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stub_translator import StubTranslator

JSON = {"content-type": "application/json"}


def test_answer_names_text_model_and_request(served):
    response = served.client.post("/translate", json={"text": "你好。"})
    body = response.json()
    assert body == {
        "translation": "[你好。]",
        "model": "csanmt-zh-en:v9.8.7",
        "request_id": response.headers["X-Request-ID"],
        "truncated": False,
    }
    assert response.headers["X-Model-Version"] == "csanmt-zh-en:v9.8.7"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("   ", "   "),
        ("\n", "\n"),
        ("\r\n\r\n", "\r\n\r\n"),
        ("\n" * 10_000, "\n" * 10_000),
        ("一。二。", "[一。] [二。]"),
        ("一。 二。", "[一。] [二。]"),
        ("一\n二", "[一]\n[二]"),
        ("　　一。\r\n\r\n\t二。\n", "　　[一。]\r\n\r\n\t[二。]\n"),
        ("\n一", "\n[一]"),
        ("一\u2028二", "[一]\u2028[二]"),
        ("code 1\n一 a。", "code 1\n[一 a。]"),
        ("一\x00二。", "[一\x00二。]"),
        ("😀。", "😀。"),
        ("😀一。", "[😀一。]"),
    ],
)
def test_layout_comes_back_as_it_went_in(served, text, expected):
    assert served.translate(text)["translation"] == expected


def test_list_of_texts_gives_lists(served):
    body = served.translate(["一。", "", "二\n三"], segments=True, alternatives=1)
    assert body["translation"] == ["[一。]", "", "[二]\n[三]"]
    assert body["truncated"] == [False, False, False]
    assert [len(segments) for segments in body["segments"]] == [1, 0, 2]
    assert body["alternatives"] == [["[一。] (2)"], [], ["[二] (2)\n[三] (2)"]]


def test_all_sentences_of_a_request_travel_in_one_batch(served):
    served.translate(["一。二。", "三。"])
    assert served.translator.calls == [["一。", "二。", "三。"]]


def test_a_sentence_that_repeats_is_translated_once(served):
    body = served.translate(["好。不。好。", "好。"])
    assert body["translation"] == ["[好。] [不。] [好。]", "[好。]"]
    assert served.translator.calls == [["好。", "不。"]]


def test_segments_say_where_they_stand_on_both_sides(served):
    text = "甲。乙！\n丙"
    body = served.translate(text, segments=True)
    for segment in body["segments"]:
        low, high = segment["source_span"]
        assert text[low:high] == segment["source"]
        low, high = segment["target_span"]
        assert body["translation"][low:high] == segment["translation"]


def test_hypotheses_alternatives_and_timing(served):
    body = served.translate("一。", n_best=2, alternatives=3, timing=True)
    (segment,) = body["segments"]
    assert [h["text"] for h in segment["hypotheses"]] == ["[一。]", "[一。] (2)"]
    assert [h["text"] for h in segment["alternatives"]] == [f"[一。] ({n})" for n in (2, 3, 4)]
    assert body["alternatives"] == [f"[一。] ({n})" for n in (2, 3, 4)]
    assert body["timing"]["segments"] == 1
    assert body["timing"]["source_tokens"] == 2
    assert body["timing"]["total_seconds"] >= body["timing"]["queue_seconds"] >= 0


def test_sentence_too_long_for_the_model_is_cut_and_nothing_is_lost(served):
    text = "很" * 250 + "，" + "长" * 250
    segments = served.translate(text, segments=True)["segments"]
    assert len(segments) >= 4
    assert "".join(segment["source"] for segment in segments) == text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"   ", 400, "bad_request"),
        (b"{", 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b'{"text": "\xc3\x28"}', 400, "bad_request"),
        (b"null", 400, "bad_request"),
        (b'"text"', 400, "bad_request"),
        (b"[]", 400, "bad_request"),
        (b'{"text": NaN}', 400, "bad_request"),
        (b'{"text": "a", "text": "b"}', 400, "bad_request"),
        (b'{"text": "a", "beam": ' + b"9" * 5000 + b"}", 400, "bad_request"),
        (b'{"text": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", 400, "bad_request"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, 400, "bad_request"),
        (b"{}", 422, "invalid_input"),
        (b'{"text": null}', 422, "invalid_input"),
        (b'{"text": 1}', 422, "invalid_input"),
        (b'{"text": {"a": 1}}', 422, "invalid_input"),
        (b'{"text": ["a", 1]}', 422, "invalid_input"),
        (b'{"text": "\\ud800"}', 422, "invalid_input"),
        (b'{"text": ["a", "\\udfff"]}', 422, "invalid_input"),
        (b'{"text": "a", "\\ud800": 1}', 422, "invalid_input"),
        (b'{"text": "a", "colour": "red"}', 422, "invalid_input"),
        (b'{"text": "a", "beam": "4"}', 422, "invalid_input"),
        (b'{"text": "a", "beam": 4.5}', 422, "invalid_input"),
        (b'{"text": "a", "beam": true}', 422, "invalid_input"),
        (b'{"text": "a", "beam": 0}', 422, "invalid_input"),
        (b'{"text": "a", "beam": 9}', 422, "invalid_input"),
        (b'{"text": "a", "n_best": 99999999999}', 422, "invalid_input"),
        (b'{"text": "a", "alternatives": 1000000}', 422, "invalid_input"),
        (b'{"text": "a", "max_length": 100000}', 422, "invalid_input"),
        (b'{"text": "a", "length_penalty": -1}', 422, "invalid_input"),
        (b'{"text": "a", "length_penalty": 1e999}', 422, "invalid_input"),
        (b'{"text": "a", "segments": "yes"}', 422, "invalid_input"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_bad_bodies_are_refused_in_one_shape(served, body, status, code):
    for path in ("/translate", "/translate/stream"):
        response = served.client.post(path, content=body, headers=JSON)
        assert response.status_code == status, response.text
        error = response.json()["error"]
        assert set(error) == {"code", "message"}
        assert error["code"] == code
        assert error["message"]
        assert response.headers["X-Model-Version"] == "csanmt-zh-en:v9.8.7"
        assert response.headers["X-Request-ID"]
    assert served.translator.calls == []


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/jsonp",
        "application/json; charset=latin-1",
        "application/vnd.bentoml+pickle",
    ],
)
def test_other_content_types_are_415(served, content_type):
    headers = {"content-type": content_type} if content_type else {}
    response = served.client.post("/translate", content=b'{"text": "a"}', headers=headers)
    assert response.status_code == 415
    assert response.json()["error"]["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON"]
)
def test_json_content_types_are_accepted(served, content_type):
    headers = {"content-type": content_type}
    response = served.client.post("/translate", content=b'{"text": "a"}', headers=headers)
    assert response.status_code == 200


def test_compressed_bodies_are_415(served):
    headers = {**JSON, "content-encoding": "gzip"}
    assert served.client.post("/translate", content=b"x", headers=headers).status_code == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_wrong_method_is_405_and_says_what_is_allowed(served, method):
    response = served.client.request(method, "/translate")
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert response.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path", ["/nothing", "/translate/", "/docs.json", "/schema.json", "/..%2f"]
)
def test_unknown_paths_are_404_in_the_same_shape(served, path):
    response = served.client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_body_is_limited_by_its_declared_length_before_it_is_read(serve):
    served = serve(max_body_bytes=2048)
    headers = {**JSON, "content-length": "99999999999"}
    response = served.client.post("/translate", content=b"{}", headers=headers)
    assert response.status_code == 413
    assert "99999999999 bytes" in response.json()["error"]["message"]


def test_body_is_limited_while_it_comes_in(serve):
    served = serve(max_body_bytes=2048)
    sent = 0

    def chunks():
        nonlocal sent
        for _ in range(1000):
            sent += 1024
            yield b"x" * 1024

    response = served.client.post("/translate", content=chunks(), headers=JSON)
    assert response.status_code == 413


def test_one_megabyte_of_one_character_is_413(served):
    response = served.client.post("/translate", json={"text": "啊" * 1_000_000})
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"max_characters": 10}, "一" * 11),
        ({"max_characters": 10}, ["一" * 6, "二" * 5]),
        ({"max_texts": 3}, ["一"] * 4),
        ({"max_segments": 3}, "一。二。三。四。"),
    ],
)
def test_more_than_the_limit_is_413(serve, limits, text):
    served = serve(**limits)
    response = served.client.post("/translate", json={"text": text})
    assert response.status_code == 413
    assert served.translator.calls == []


@pytest.mark.parametrize("given", ["abc-1.2:3", "A" * 128])
def test_request_id_comes_back(served, given):
    response = served.client.post("/translate", json={"text": "a"}, headers={"X-Request-ID": given})
    assert response.headers["X-Request-ID"] == response.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "a b", "A" * 129, "a;b", "<script>"])
def test_strange_request_ids_are_replaced(served, given):
    response = served.client.post("/translate", json={"text": "a"}, headers={"X-Request-ID": given})
    assert response.headers["X-Request-ID"] != given
    assert len(response.headers["X-Request-ID"]) == 32


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=200))
def test_any_text_keeps_its_line_breaks(served, text):
    if any(0xD800 <= ord(character) < 0xE000 for character in text):
        return
    translation = served.translate(text)["translation"]
    assert translation.count("\n") == text.count("\n")
    assert translation.count("\r") == text.count("\r")


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    blocks = [block for block in text.split("\n\n") if block]
    pairs = [block.split("\n") for block in blocks]
    return [(e.removeprefix("event: "), json.loads(d.removeprefix("data: "))) for e, d in pairs]


def test_stream_gives_a_segment_an_event_and_then_the_whole(served):
    query = {"text": ["　一。二。\n\n三 ", "四"], "timing": True}
    response = served.client.post("/translate/stream", json=query)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    assert [name for name, _ in events] == ["start", *["segment"] * 4, "done"]
    assert events[0][1]["segments"] == 4
    assert events[-1][1]["translation"] == ["　[一。] [二。]\n\n[三] ", "[四]"]
    for text_index in (0, 1):
        shown = ""
        for _, data in events[1:-1]:
            if data["text_index"] == text_index:
                shown += data["before"]
                assert len(shown) == data["target_span"][0]
                shown += data["translation"] + data["after"]
        assert shown == events[-1][1]["translation"][text_index]


def test_stream_of_nothing_ends_at_once(served):
    events = events_of(served.client.post("/translate/stream", json={"text": ""}).text)
    assert [name for name, _ in events] == ["start", "done"]
    assert events[-1][1]["translation"] == ""


@pytest.mark.parametrize(
    ("form", "text"),
    [("html", "<p>上<b>海</b>好</p>"), ("xml", "<p>上<b>海</b>好</p>"), ("markdown", "上**海**好")],
)
def test_terms_are_found_where_tags_interrupt_them(served, form, text):
    body = served.translate(text, format=form, glossary={"上海": "Shanghai"})
    assert "Shanghai" in re.sub("<[^>]*>|[*]", "", body["translation"])


class Slow(StubTranslator):
    def translate(self, sources, options=None, *, should_stop=None):
        while not should_stop():
            time.sleep(0.001)
        return super().translate(sources, options)


def test_stream_that_fails_is_counted_as_what_it_failed_with(serve):
    served = serve(translator=Slow(), timeout=0.05)
    response = served.client.post("/translate/stream", json={"text": "一。"})
    assert response.status_code == 200
    assert events_of(response.text)[-1] == (
        "error",
        {"error": {"code": "timeout", "message": "not finished within 0.05 seconds"}},
    )
    counted = [
        served.metric("csanmt_requests_total", endpoint="/translate/stream", status=status)
        for status in ("200", "504")
    ]
    assert counted == [0, 1]
    assert served.metric("csanmt_errors_total", code="timeout") == 1


def test_stream_that_breaks_off_is_counted_as_a_fault(served, monkeypatch):
    monkeypatch.setattr(served.application.service, "finish", lambda *_: 1 / 0)
    served.client.post("/translate/stream", json={"text": "一。"})
    path = "/translate/stream"
    assert served.metric("csanmt_requests_total", endpoint=path, status="500") == 1
    assert served.metric("csanmt_errors_total", code="http_500") == 1


class Failing(StubTranslator):
    def translate(self, sources, options=None, *, should_stop=None):
        raise RuntimeError("secret " + sources[0])


def test_fault_of_the_engine_is_a_500_that_quotes_nothing(serve, capfd):
    served = serve(translator=Failing())
    response = served.client.post("/translate", json={"text": "秘密"})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert "秘密" not in response.text
    assert "secret" not in response.text + "".join(capfd.readouterr())
    assert served.client.get("/readyz").status_code == 200


def test_whole_numbers_may_be_written_with_a_point(served):
    assert served.translate("一。", beam=4.0, n_best=2.0)["segments"][0]["hypotheses"]


def test_beam_grows_to_hold_what_was_asked_for(served):
    body = served.translate("一。", beam=1, alternatives=2, n_best=2)
    assert body["alternatives"] == ["[一。] (2)", "[一。] (3)"]
    assert len(body["segments"][0]["hypotheses"]) == 2
