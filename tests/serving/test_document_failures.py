"""Documents that fail: alone, with what they failed of, and without taking runners along."""

from __future__ import annotations

import os
import traceback
from typing import Any

import pytest

from csanmt.errors import DeadlineExceededError, InvalidInputError
from csanmt.translator import DecodingOptions
from serving.http.errors import CrashedError
from serving.runners.remote import Runner
from serving.settings import Settings
from tests.serving.conftest import Serve, Served
from tests.serving.test_documents import LIBRE, send, wait_for
from tests.stub_translator import OPEN_STUB


def test_no_document_ends_a_runner(serve: Serve) -> None:
    environment = {**os.environ, **Settings(translator=OPEN_STUB).to_environment()}
    client = serve(make_runner=lambda: Runner(environment)).client
    data = '{"a": "你好\\ud800"}'.encode()
    assert send(client, "a.json", data).status_code == 422
    files = {"file": ("a.json", data)}
    assert client.post("/translate_file", files=files, data=LIBRE).status_code == 400
    assert client.post("/v2/document", files=files, data={"target_lang": "EN"}).status_code == 400
    assert client.post("/translate", json={"text": "你好"}).status_code == 200
    assert client.get("/readyz").status_code == 200


def test_half_of_a_surrogate_pair_reaches_no_queue(served: Served) -> None:
    service = served.application.service
    with pytest.raises(InvalidInputError, match="surrogate"):
        served.client.portal.call(service.begin, ["你好\ud800"], DecodingOptions())


@pytest.mark.parametrize(
    ("error", "code"),
    [(CrashedError("crash"), "unavailable"), (DeadlineExceededError("late"), "timeout")],
)
def test_text_that_is_never_translated_fails_its_document(serve: Serve, monkeypatch, error, code):
    served = serve()
    tries = 0

    async def translate(*_: Any, **__: Any) -> Any:
        nonlocal tries
        tries += 1
        raise error

    monkeypatch.setattr(served.application.service, "translate", translate)
    identity = send(served.client).json()["id"]
    assert wait_for(served.client, identity, "error")["error"]["code"] == code
    assert tries <= 3


def test_failed_document_that_is_asked_for_again_and_again_does_not_grow(
    serve: Serve, monkeypatch
) -> None:
    served = serve()
    error = CrashedError("crash")

    async def translate(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(served.application.service, "translate", translate)
    identity = send(served.client).json()["id"]
    wait_for(served.client, identity, "error")

    def frames() -> int:
        assert served.client.get(f"/documents/{identity}/content").status_code == 503
        return len(list(traceback.walk_tb(error.__traceback__)))

    assert frames() == frames() == frames()
