"""Markup over HTTP, with the shipped model: LibreTranslate's html, DeepL's tag handling."""

from __future__ import annotations

import re
from collections.abc import Iterator

import deepl
import httpx
import pytest
from libretranslatepy import LibreTranslateAPI

from tests.serving.live_application import Live
from tests.serving.shipped import ask, live_shipped


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with live_shipped() as server:
        yield server


@pytest.fixture
def client(live: Live, no_proxy: None) -> deepl.DeepLClient:
    return deepl.DeepLClient("any", server_url=live.url)


def test_html_tags_move_with_their_words(client: deepl.DeepLClient) -> None:
    source = "<p>我<b>喜欢</b>吃苹果和<a href='x?a=1&amp;b=2'>香蕉</a>。</p>"
    expected = r"<p>I <b>like</b> [a-z ]*apples and <a href='x\?a=1&amp;b=2'>bananas</a>\.</p>"
    assert re.fullmatch(expected, ask(client, source, tag_handling="html"))


def test_ignored_tags_keep_their_text(client: deepl.DeepLClient) -> None:
    text = ask(client, "请打开<keep>设置</keep>。", tag_handling="xml", ignore_tags=["keep"])
    assert "<keep>设置</keep>" in text
    assert text.lower().endswith("open <keep>设置</keep>.")


def test_splitting_tags_and_outline_detection(client: deepl.DeepLClient) -> None:
    source = "<d>你好<x>世界</x></d>"
    together = ask(client, source, tag_handling="xml")
    apart = ask(client, source, tag_handling="xml", splitting_tags=["x"])
    assert together != apart
    lines = "<d><a>你好</a><b>再见</b></d>"
    detected = ask(client, lines, tag_handling="xml")
    assert detected.startswith("<d><a>")
    assert "</a><b>" in detected
    inline = ask(client, lines, tag_handling="xml", outline_detection=False)
    named = ask(client, lines, tag_handling="xml", outline_detection=False, splitting_tags="a,b")
    assert named == detected != inline
    assert ask(client, lines, tag_handling="xml", non_splitting_tags="a,b") == inline


def test_weblates_placeholders_come_through(client: deepl.DeepLClient) -> None:
    source = '您有<x id="0"></x>条新消息，来自<x id="1"></x>。'
    text = ask(client, source, tag_handling="xml", ignore_tags=["x"])
    assert text.count('<x id="0"></x>') == text.count('<x id="1"></x>') == 1


def test_formatting_is_preserved(client: deepl.DeepLClient) -> None:
    assert ask(client, "北京是首都", preserve_formatting=True)[-1] != "."
    assert ask(client, "北京是首都。", preserve_formatting=True)[-1] == "."


def test_tags_are_not_billed(live: Live) -> None:
    body = {
        "text": ["<b title='x'>你好</b>"],
        "target_lang": "EN",
        "tag_handling": "html",
        "show_billed_characters": True,
    }
    answer = httpx.post(f"{live.url}/v2/translate", json=body, trust_env=False).json()
    assert answer["translations"][0]["billed_characters"] == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"tag_handling": "yaml"},
        {"tag_handling": "xml", "ignore_tags": [7]},
        {"tag_handling": "xml", "outline_detection": "perhaps"},
    ],
)
def test_unknown_values_are_refused(live: Live, fields: dict[str, str]) -> None:
    body = {"text": ["你好"], "target_lang": "EN", **fields}
    answer = httpx.post(f"{live.url}/v2/translate", json=body, trust_env=False)
    assert answer.status_code == 400
    assert "not supported" in answer.json()["message"]


def test_libretranslate_html(live: Live) -> None:
    body = {
        "q": ["<p>我<b>喜欢</b>你。</p>", "<img src=a>"],
        "source": "zh",
        "target": "en",
        "format": "html",
        "alternatives": 2,
    }
    answer = httpx.post(f"{live.url}/translate", json=body, trust_env=False).json()
    assert answer["translatedText"] == ["<p>I <b>like</b> you.</p>", "<img src=a>"]
    assert all(text.count("<b>") == 1 for text in answer["alternatives"][0])
    assert answer["alternatives"][1] == []
    assert "I love" in LibreTranslateAPI(live.url).translate("我爱你。", "zh", "en")
