"""Apertium's shape, which OmegaT's connector speaks."""

from __future__ import annotations

import pytest

from serving.http.keys import ApiKey, KeyRing, hash_key


def omegat(text: str, pair: str = "zh|en", key: str = "") -> str:
    """The URL that OmegaT's ApertiumTranslate builds."""
    return f"/translate?q={text}&markUnknown=no&langpair={pair}&key={key}"


@pytest.mark.parametrize("pair", ["zh|en", "zh|en_US", "zho|eng"])
def test_answer(served, pair: str) -> None:
    assert served.client.get(omegat("你好。", pair)).json() == {
        "responseData": {"translatedText": "[你好。]"},
        "responseDetails": None,
        "responseStatus": 200,
    }


def test_errors_carry_what_omegat_and_apy_clients_read(served) -> None:
    answer = served.client.get(omegat("你好。", "fr|en"))
    body = answer.json()
    assert (answer.status_code, body["responseStatus"], body["code"]) == (400, 400, 400)
    assert body["responseDetails"] == body["explanation"] == "fr|en is not supported; zh|en is"
    assert body["status"] == "error"


def test_key_comes_in_the_query(serve) -> None:
    client = serve(keys=KeyRing((ApiKey("one", hash_key("csk_one")),))).client
    assert client.get(omegat("你好。", key="csk_one")).status_code == 200
    for refused in (client.get(omegat("你好。")), client.get(omegat("你好。", key="other"))):
        assert (refused.status_code, refused.json()["responseStatus"]) == (401, 401)
    assert client.get("/listPairs").status_code == 401


def test_forms_and_pairs(served) -> None:
    form = {"q": "你好。", "langpair": "zh|en"}
    body = served.client.post("/translate", data=form).json()
    assert body["responseData"]["translatedText"] == "[你好。]"
    pairs = served.client.get("/listPairs").json()
    assert pairs["responseData"] == [{"sourceLanguage": "zh", "targetLanguage": "en"}]
