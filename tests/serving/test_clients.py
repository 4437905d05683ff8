"""Real clients of other translation servers, unmodified, against a live server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import deepl
import httpx
import pytest
import uvicorn
from deep_translator import LibreTranslator
from libretranslatepy import LibreTranslateAPI
from prometheus_client import CollectorRegistry

from csanmt.translator import StubTranslator
from serving.app import Application, build
from serving.keys import ApiKey, KeyRing, hash_key
from serving.provenance import Provenance
from serving.runner_process import InlineRunner
from serving.settings import Settings
from serving.translators import TranslatorFacts

MODEL = "csanmt-zh-en:v9.8.7"
ANSWERS = {"你好世界": "Hello world", "早上好。": "Good morning.", "谢谢！": "Thank you!"}
KEY = "csk_of-a-client"


class Live:
    """A server on a free port of this machine, in a thread of its own."""

    def __init__(self, application: Application) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"

        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                await receive()
                await application.pool.start()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await application.pool.stop()
                await send({"type": "lifespan.shutdown.complete"})
            else:
                await application.asgi(scope, receive, send)

        config = uvicorn.Config(app, port=self.port, log_level="error", lifespan="on")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Live:
        self._thread.start()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                if httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        raise AssertionError("the server did not become ready")

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)


def application(tmp_path, keys: KeyRing | None = None) -> Application:
    settings = Settings(
        model=MODEL, engine="stub", allow_stub=True, workers=1, runner="inline",
        suggestions_file=str(tmp_path / "suggestions.jsonl"), max_characters=1000,
    )  # fmt: skip
    facts = TranslatorFacts(MODEL, "stub", max_length=100)
    return build(
        settings,
        lambda: InlineRunner(StubTranslator(ANSWERS, MODEL), facts),
        provenance=Provenance(MODEL, "sha256:0", "csanmt:v1", "abc1234"),
        count_tokens=len,
        keys=keys,
        registry=CollectorRegistry(),
    )


@pytest.fixture(scope="module")
def open_server(tmp_path_factory) -> Iterator[Live]:
    with Live(application(tmp_path_factory.mktemp("open"))) as live:
        yield live


@pytest.fixture(scope="module")
def locked_server(tmp_path_factory) -> Iterator[Live]:
    ring = KeyRing((ApiKey("client", hash_key(KEY), characters_per_day=200),))
    with Live(application(tmp_path_factory.mktemp("locked"), ring)) as live:
        yield live


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


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
    post = httpx.post(f"{locked_server.url}/translate", json={"q": "a", "api_key": "wrong"})
    assert post.status_code == 401


LIBRE = {"q": "你好世界", "source": "zh", "target": "en"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"q": None}, "Invalid request: missing q parameter"),
        ({"source": None}, "Invalid request: missing source parameter"),
        ({"target": None}, "Invalid request: missing target parameter"),
        ({"source": "fr"}, "fr is not supported"),
        ({"target": "zh"}, "zh is not supported"),
        ({"format": "rtf"}, "rtf format is not supported"),
        ({"q": "长" * 1001}, "Invalid request: request (1001) exceeds text limit (1000)"),
        ({"q": [1]}, "Invalid request: q parameter must be text or a list of texts"),
        ({"alternatives": -1}, "Invalid request: alternatives parameter must be >= 0"),
        ({"alternatives": 99}, "at most 7 alternatives are allowed"),
    ],
)
def test_libretranslate_errors_are_400_in_its_words(open_server: Live, changed, words) -> None:
    fields = {**LIBRE, **changed}
    body = {key: value for key, value in fields.items() if value is not None}
    if "q" not in body:  # without text or q, JSON is ours; a form is LibreTranslate's
        answer = httpx.post(f"{open_server.url}/translate", data=body)
    else:
        answer = httpx.post(f"{open_server.url}/translate", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": words})


@pytest.mark.parametrize("send", [{"json": LIBRE}, {"data": LIBRE}, {"params": LIBRE}])
def test_libretranslate_reads_json_form_and_query(open_server: Live, send) -> None:
    answer = httpx.post(f"{open_server.url}/translate", **send)
    assert answer.json() == {"translatedText": "Hello world"}
    assert answer.headers["X-Model-Version"] == MODEL


def test_libretranslate_lists_alternatives_and_detection(open_server: Live) -> None:
    body = {**LIBRE, "q": ["你好世界", "早上好。"], "source": "auto", "alternatives": 1}
    answer = httpx.post(f"{open_server.url}/translate", json=body).json()
    assert answer["translatedText"] == ["Hello world", "Good morning."]
    assert [found["language"] for found in answer["detectedLanguage"]] == ["zh", "zh"]
    assert answer["alternatives"] == [["Hello world (2)"], ["Good morning. (2)"]]


def test_libretranslate_health_and_settings(open_server: Live) -> None:
    assert httpx.get(f"{open_server.url}/health").json() == {"status": "ok"}
    settings = httpx.get(f"{open_server.url}/frontend/settings").json()
    assert (settings["charLimit"], settings["keyRequired"]) == (1000, False)


def test_suggestions_are_kept(open_server: Live) -> None:
    body = {"q": "你好", "s": "Hi", "source": "zh", "target": "en"}
    answer = httpx.post(f"{open_server.url}/suggest", data=body)
    assert answer.json() == {"success": True}
    assert httpx.post(f"{open_server.url}/suggest", data={"q": "你好"}).status_code == 400


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
    with pytest.raises(deepl.QuotaExceededException):
        client.translate_text("长" * 190, target_lang="EN-US")


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
