"""The service's contract, asked over HTTP of any deployment.

    CSANMT_URL=http://127.0.0.1:3000 pytest tests/api_test.py

Holds for every model, so nothing here depends on how good a translation is, only on
what is promised of every answer. Set CSANMT_API_KEY where keys are required.
Reads are repeated when the connection is refused or closed: a deployment may be
switching; an answer, whatever it is, is never asked for twice.
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any

import httpx
import pytest

URL = os.environ.get("CSANMT_URL", "").rstrip("/")
KEY = os.environ.get("CSANMT_API_KEY", "")
ATTEMPTS = 5

pytestmark = pytest.mark.skipif(not URL, reason="set CSANMT_URL to the address of a service")


@pytest.fixture(scope="module")
def service():
    headers = {"Authorization": f"Bearer {KEY}"} if KEY else {}
    with httpx.Client(base_url=URL, headers=headers, timeout=60) as client:
        yield client


def ask(service: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    """One request; again, with growing pauses, only when no answer came."""
    for attempt in range(ATTEMPTS):
        try:
            return service.request(method, path, **more)
        except (httpx.ConnectError, httpx.RemoteProtocolError):
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("unreachable")


def translate(service: httpx.Client, text: Any, **options: Any) -> dict[str, Any]:
    answer = ask(service, "POST", "/translate", json={"text": text, **options})
    assert answer.status_code == 200, answer.text
    return answer.json()


def error_of(answer: httpx.Response) -> dict[str, Any]:
    body = answer.json()
    assert set(body["error"]) >= {"code", "message"}, body
    assert "Traceback" not in answer.text
    return body["error"]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_the_service_is_alive_and_ready(service, path: str) -> None:
    assert ask(service, "GET", path).status_code == 200


def test_one_text_gives_one_translation_and_names_the_model(service) -> None:
    body = translate(service, "你好世界")
    assert isinstance(body["translation"], str)
    assert re.fullmatch(r"[\w.-]+:v?[\w.-]+", body["model"])


def test_a_list_of_texts_gives_a_list_in_the_same_order(service) -> None:
    texts = ["你好世界", "今天天气很好。", "你好世界"]
    body = translate(service, texts)
    assert len(body["translation"]) == 3
    assert body["translation"][0] == body["translation"][2]


def test_an_answer_does_not_depend_on_its_batch_mates(service) -> None:
    alone = translate(service, "我们去公园吧。")["translation"]
    among = translate(
        service, ["一", "我们去公园吧。", "这是一个长一些的句子，用来改变批次的形状。"]
    )
    assert among["translation"][1] == alone


def test_an_empty_text_stays_empty(service) -> None:
    assert translate(service, "")["translation"] == ""


@pytest.mark.parametrize("text", ["Hello!", "123", "😀", "\n", "   ", "a\tb"])
def test_text_without_chinese_is_answered_not_refused(service, text: str) -> None:
    assert isinstance(translate(service, text)["translation"], str)


def test_a_long_text_is_translated_or_refused_but_never_cut_in_silence(service) -> None:
    text = "今天天气很好，我们去公园散步。" * 60
    answer = ask(service, "POST", "/translate", json={"text": text})
    assert answer.status_code in (200, 413, 422), answer.text
    if answer.status_code == 200:
        assert answer.json()["translation"].strip() or answer.json().get("truncated")


def test_lines_stay_lines(service) -> None:
    translation = translate(service, "你好。\n\n再见。")["translation"]
    assert translation.count("\n") >= 2


def test_every_answer_names_model_and_request_in_its_headers(service) -> None:
    answer = ask(service, "POST", "/translate", json={"text": "你好"})
    assert answer.headers["x-model-version"] == answer.json()["model"]
    assert answer.headers["x-request-id"]


def test_a_request_id_of_the_client_comes_back(service) -> None:
    sent = "api-test-0123456789"
    answer = ask(
        service, "POST", "/translate", json={"text": "你好"}, headers={"X-Request-ID": sent}
    )
    assert answer.headers["x-request-id"] == sent


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (b"{", {400}),
        (b"", {400, 422}),
        (b"[]", {400, 422}),
        (b'{"text": 5}', {400, 422}),
        (b'{"text": null}', {400, 422}),
        (b'{"text": ["a", 5]}', {400, 422}),
        (b'{"text": "x", "no_such_option": 1}', {400, 422}),
        (b'{"text": "x", "beam": -1}', {400, 422}),
        (b'{"text": "\xff"}', {400, 422}),
    ],
)
def test_a_wrong_request_is_refused_in_the_documented_shape(service, body, statuses) -> None:
    answer = ask(
        service, "POST", "/translate", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in statuses, answer.text
    assert error_of(answer)["message"]


def test_another_media_type_is_refused(service) -> None:
    answer = ask(
        service, "POST", "/translate", content=b"<text/>", headers={"content-type": "text/xml"}
    )
    assert answer.status_code == 415
    error_of(answer)


def test_too_large_a_body_is_refused_without_being_read_to_the_end(service) -> None:
    try:
        answer = service.post(
            "/translate", content=json.dumps({"text": "好" * 8_000_000}).encode(), timeout=120
        )
    except (httpx.WriteError, httpx.RemoteProtocolError, httpx.ReadError):
        return  # refused and closed while we were still sending
    assert answer.status_code == 413


def test_an_unknown_path_is_404_and_a_wrong_method_405(service) -> None:
    assert ask(service, "GET", "/no/such/path").status_code == 404
    assert ask(service, "DELETE", "/translate").status_code == 405


def test_metrics_name_the_model_version(service) -> None:
    model = translate(service, "你好")["model"]
    answer = ask(service, "GET", "/metrics")
    assert answer.status_code == 200
    assert f'"{model}"' in answer.text


def test_the_page_is_ours(service) -> None:
    answer = ask(service, "GET", "/", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "googletagmanager" not in answer.text
