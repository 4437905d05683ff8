"""Half of a surrogate pair in any field of any API is refused in that API's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from csanmt.errors import CsanmtError
from serving.http.errors import error_response
from tests.serving.conftest import Serve, Served

HALF = "\ud800"
LIBRE = {"q": "你好", "source": "zh", "target": "en"}
WORDS = "a string holds half of a surrogate pair"

JSON: list[tuple[str, dict[str, Any], int, Any]] = [
    ("/translate", {**LIBRE, "source": HALF}, 400, {"error": WORDS}),
    ("/translate", {**LIBRE, "target": HALF}, 400, {"error": WORDS}),
    ("/translate", {**LIBRE, "format": HALF}, 400, {"error": WORDS}),
    ("/translate", {"text": "你好", "glossary": HALF}, 422, None),
    ("/translate", {"text": "你好", "glossary": {"a": HALF}}, 422, None),
    ("/translate/stream", {"text": "你好", "glossary": HALF}, 422, None),
    ("/glossaries", {"name": HALF, "terms": {"a": "b"}}, 422, None),
    ("/suggest", {**LIBRE, "s": "Hi", "source": HALF}, 400, {"error": WORDS}),
    (
        "/v2/translate",
        {"text": ["你"], "target_lang": "EN", "glossary_id": HALF},
        400,
        {"message": WORDS},
    ),
]


@pytest.mark.parametrize(("path", "body", "status", "answer"), JSON)
def test_in_json(
    serve: Serve, tmp_path: Path, path: str, body: dict[str, Any], status: int, answer: Any
) -> None:
    client = serve(suggestions_file=str(tmp_path / "suggestions.jsonl")).client
    headers = {"Content-Type": "application/json"}
    refused = client.post(path, content=json.dumps(body), headers=headers)
    native = {"error": {"code": "invalid_input", "message": WORDS}}
    assert (refused.status_code, refused.json()) == (status, answer or native)


FORM = (  # UTF-7 says it as +2AA-
    '--b\r\nContent-Disposition: form-data; name="source"\r\n\r\n+2AA-\r\n'
    '--b\r\nContent-Disposition: form-data; name="target"\r\n\r\nen\r\n'
    '--b\r\nContent-Disposition: form-data; name="q"\r\n\r\nhi\r\n'
    '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhi\r\n--b--\r\n'
)


@pytest.mark.parametrize("path", ["/translate", "/translate_file"])
def test_in_forms(served: Served, path: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b; charset=utf-7"}
    refused = served.client.post(path, content=FORM.encode(), headers=headers)
    assert (refused.status_code, refused.json()) == (400, {"error": WORDS})


def test_error_that_quotes_one_is_said_all_the_same() -> None:
    assert b"a ? b" in error_response(CsanmtError("a \ud800 b")).body


@pytest.mark.parametrize("ask", [("POST", "/translate"), ("GET", "/nothing")])
def test_error_that_cannot_be_told_is_a_plain_500(
    served: Served, monkeypatch: pytest.MonkeyPatch, ask: tuple[str, str]
) -> None:
    def fails(error: Exception) -> Any:
        raise UnicodeError("no words")

    monkeypatch.setattr("serving.apis.api.error_response", fails)
    answer = served.client.request(*ask, json={"text": 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
