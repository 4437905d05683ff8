"""Real clients of other translation servers, unmodified, against a live server."""

from __future__ import annotations

from collections.abc import Iterator

import deepl
import httpx
import pytest
from deep_translator import LibreTranslator
from deep_translator.exceptions import AuthorizationException
from libretranslatepy import LibreTranslateAPI

from tests.serving.live_application import KEY, Live, live_application, locked_ring

pytestmark = pytest.mark.usefixtures("no_proxy")


@pytest.fixture(scope="module")
def open_server(tmp_path_factory) -> Iterator[Live]:
    with live_application(tmp_path_factory.mktemp("open")) as live:
        yield live


@pytest.fixture(scope="module")
def locked_server(tmp_path_factory) -> Iterator[Live]:
    with live_application(tmp_path_factory.mktemp("locked"), locked_ring()) as live:
        yield live


# --- libretranslatepy, deep-translator --------------------------------------------------------


def test_libretranslatepy(open_server: Live) -> None:
    client = LibreTranslateAPI(open_server.url)
    assert client.translate("你好世界", "zh", "en") == "Hello world"
    assert client.detect("今天天气很好")[0]["language"] == "zh"
    assert {language["code"] for language in client.languages()} == {"zh", "en"}


def test_deep_translator_sends_a_query_string(open_server: Live) -> None:
    client = LibreTranslator(
        source="zh", target="en", custom_url=f"{open_server.url}/", api_key="x"
    )
    assert client.translate("你好世界") == "Hello world"


def test_libretranslate_keys_come_in_the_body_or_the_query(locked_server: Live) -> None:
    client = LibreTranslateAPI(locked_server.url, api_key=KEY)
    assert client.translate("你好世界", "zh", "en") == "Hello world"
    again = LibreTranslator(
        source="zh", target="en", custom_url=f"{locked_server.url}/", api_key=KEY
    )
    assert again.translate("你好世界") == "Hello world"
    wrong = LibreTranslator(
        source="zh", target="en", custom_url=f"{locked_server.url}/", api_key="wrong"
    )
    with pytest.raises(AuthorizationException):
        wrong.translate("你好世界")


# --- DeepL ------------------------------------------------------------------------------------


def test_deepl_python(locked_server: Live) -> None:
    client = deepl.DeepLClient(KEY, server_url=locked_server.url)
    one = client.translate_text("你好世界", target_lang="EN-US")
    assert (one.text, one.detected_source_lang) == ("Hello world", "ZH")
    two = client.translate_text(["早上好。", "谢谢！"], source_lang="ZH", target_lang="EN-GB")
    assert [result.text for result in two] == ["Good morning.", "Thank you!"]
    assert [language.code for language in client.get_source_languages()] == ["ZH"]
    assert {language.code for language in client.get_target_languages()} == {"EN-GB", "EN-US"}
    usage = client.get_usage()
    assert usage.character.limit == 200
    assert usage.character.count >= 11


def test_deepl_python_sees_wrong_keys_languages_and_used_up_days(locked_server: Live) -> None:
    with pytest.raises(deepl.AuthorizationException):
        deepl.DeepLClient("wrong", server_url=locked_server.url).translate_text(
            "你好", target_lang="EN-US"
        )
    client = deepl.DeepLClient(KEY, server_url=locked_server.url)
    with pytest.raises(deepl.DeepLException, match="not supported"):
        client.translate_text("你好", target_lang="DE")
    client.translate_text("你好世界", target_lang="EN-US")
    with pytest.raises(deepl.QuotaExceededException):
        client.translate_text("长" * 197, target_lang="EN-US")


def test_deepl_forms_as_deepl_node_sends_them(open_server: Live) -> None:
    body = "text=%E4%BD%A0%E5%A5%BD%E4%B8%96%E7%95%8C&text=%E8%B0%A2%E8%B0%A2%EF%BC%81"
    answer = httpx.post(
        f"{open_server.url}/v2/translate",
        content=body + "&target_lang=EN-US&show_billed_characters=1",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    rows = answer.json()["translations"]
    assert [row["text"] for row in rows] == ["Hello world", "Thank you!"]
    assert [row["billed_characters"] for row in rows] == [4, 3]


def test_deepl_languages_by_get_with_a_form_body(open_server: Live) -> None:
    answer = httpx.request("GET", f"{open_server.url}/v2/languages", data={"type": "target"})
    assert {row["language"] for row in answer.json()} == {"EN-GB", "EN-US"}


# --- Apertium ---------------------------------------------------------------------------------


def test_apertium_as_omegat_asks(open_server: Live) -> None:
    answer = httpx.get(
        f"{open_server.url}/translate", params={"q": "你好世界", "langpair": "zh|en"}
    )
    assert answer.json()["responseData"]["translatedText"] == "Hello world"
    wrong = httpx.get(f"{open_server.url}/translate", params={"q": "a", "langpair": "fr|en"})
    assert (wrong.status_code, wrong.json()["status"]) == (400, "error")


# --- Weblate: the requests of weblate/machinery, which is no client that could be installed ----


def test_weblate_by_libretranslate(locked_server: Live) -> None:
    languages = httpx.get(f"{locked_server.url}/languages").json()  # sent without a key
    assert {"zh", "en"} <= {language["code"] for language in languages}
    fields = {"api_key": KEY, "q": "早上好。", "source": "zh", "target": "en"}
    answer = httpx.post(f"{locked_server.url}/translate", data=fields)
    assert answer.json()["translatedText"] == "Good morning."


def test_weblate_by_deepl_keeps_its_placeholders(locked_server: Live) -> None:
    headers = {"Authorization": f"DeepL-Auth-Key {KEY}"}
    with httpx.Client(base_url=f"{locked_server.url}/v2", headers=headers) as client:
        asked_for = {kind: {"params": {"type": kind}} for kind in ("source", "target")}
        rows = {kind: client.get("/languages", **how).json() for kind, how in asked_for.items()}
        found = {kind: {row["language"] for row in those} for kind, those in rows.items()}
        assert found == {"source": {"ZH"}, "target": {"EN-GB", "EN-US"}}
        asked = {
            "text": ['<x id="0"></x>你好。'],
            "source_lang": "ZH",
            "target_lang": "EN",
            "formality": "default",
            "tag_handling": "xml",
            "ignore_tags": ["x"],
            "model_type": "prefer_quality_optimized",
            "context": "a dialogue",
        }
        (row,) = client.post("/translate", json=asked).json()["translations"]
    assert row["text"].count('<x id="0"></x>') == 1
    assert row["model_type_used"] == "quality_optimized"
