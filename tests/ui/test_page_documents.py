"""Documents on the page: dropped or opened, followed, saved, cancelled, refused."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import docx
import pytest
from playwright.sync_api import expect

from serving.http.keys import ApiKey, KeyRing, hash_key
from tests.ui.live_page import HOLD, LivePage, live_page

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
DROP = """(bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], '报告.docx', {type: ''}));
  const options = {dataTransfer: data, bubbles: true, cancelable: true};
  source.dispatchEvent(new DragEvent('dragenter', options));
  source.dispatchEvent(new DragEvent('drop', options));
}"""


def word_file(*paragraphs: str) -> bytes:
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def choose(page: Any, name: str, content: bytes) -> None:
    page.set_input_files("#file", {"name": name, "mimeType": WORD, "buffer": content})


def test_dropped_document_is_translated_and_saved(open_page: Any, tmp_path: Path) -> None:
    page = open_page()
    page.evaluate(DROP, list(word_file("你好。", "谢谢。")))
    save = page.locator("#document a[download]")
    expect(save).to_be_visible(timeout=30_000)
    expect(page.locator("#document")).to_contain_text("报告.en.docx")
    expect(page.locator("#announcer")).to_contain_text("报告.en.docx is ready.")
    with page.expect_download() as download:
        save.click()
    assert download.value.suggested_filename == "报告.en.docx"
    download.value.save_as(tmp_path / "en.docx")
    read = docx.Document(str(tmp_path / "en.docx"))
    assert [p.text for p in read.paragraphs] == ["[你好。]", "[谢谢。]"]
    assert page.locator("#source").input_value() == ""  # the text of the left pane is its own
    page.click("#document button")
    expect(page.locator("#document")).to_be_hidden()


def test_progress_is_shown_in_either_language_and_work_can_be_cancelled(
    open_page: Any, server: LivePage
) -> None:
    page = open_page()
    with page.expect_response(lambda r: r.url.endswith("/documents")) as sent:
        choose(page, "a.docx", word_file(f"{HOLD}。"))
    identity = sent.value.json()["id"]
    card = page.locator("#document")
    expect(card).to_contain_text("Translating… 0%")
    page.click("#switch-language")
    expect(card).to_contain_text("正在翻译…0%")
    with page.expect_response(lambda r: r.request.method == "DELETE") as gone:
        card.get_by_role("button").click()
    assert gone.value.status == 204
    expect(card).to_be_hidden()
    assert page.request.get(f"{server.url}/documents/{identity}").status == 404


@pytest.mark.parametrize(
    ("name", "result"), [("a.txt", "a.en.txt"), ("a.md", "a.en.md"), ("notes", "notes.en.txt")]
)
def test_a_text_file_over_the_panes_limit_is_sent_as_a_document(
    open_page: Any, server: LivePage, name: str, result: str
) -> None:
    page = open_page()
    expect(page.locator("#count")).to_contain_text("/ 3,000")
    text = "好。" * 1501
    page.set_input_files("#file", {"name": name, "mimeType": "text/plain", "buffer": text.encode()})
    with page.expect_download() as download:
        page.locator("#document a[download]").click(timeout=30_000)
    assert download.value.suggested_filename == result
    assert Path(download.value.path()).read_text(encoding="utf-8").count("好。") == 1501
    assert page.locator("#source").input_value() == ""
    assert server.faults.requests == []


def test_a_text_file_over_the_limit_is_too_long_where_there_are_no_documents(
    open_page: Any,
) -> None:
    with live_page(max_characters=100, max_document_bytes=0) as server:
        page = open_page(base=server.url)
        expect(page.locator("#count")).to_contain_text("/ 100")
        text = {"name": "a.txt", "mimeType": "text/plain", "buffer": ("好。" * 51).encode()}
        page.set_input_files("#file", text)
        expect(page.locator("#notice")).to_contain_text("The text is too long")
        expect(page.locator("#document")).to_be_hidden()


@pytest.mark.parametrize(("name", "words"), [("a.docx", "not the archive"), ("a.pdf", "Only")])
def test_document_that_cannot_be_read_is_refused_in_words(
    open_page: Any, name: str, words: str
) -> None:
    page = open_page(expect_errors=True)
    choose(page, name, b"nothing of the kind")
    expect(page.locator("#notice")).to_contain_text(words, timeout=30_000)
    expect(page.locator("#document")).to_be_hidden()


@pytest.mark.parametrize(
    ("language", "scheme", "words"),
    [("en", "light", "The file cannot be read. (not JSON"), ("zh", "dark", "无法读取此文件。")],
)
def test_refusal_is_in_the_readers_language_and_announced(
    open_page: Any, language, scheme, words
) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce", expect_errors=True)
    if language == "zh":
        page.click("#switch-language")
    page.set_viewport_size({"width": 320, "height": 640})
    choose(page, "a.json", b"nothing of the kind")
    expect(page.locator("#notice [role=alert]")).to_contain_text(words, timeout=30_000)
    check_narrow(page, f"refused-{language}-{scheme}")
    page.locator("#notice button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_be_hidden()


def check_narrow(page: Any, name: str) -> None:
    """At 320 px nothing is wider than the window, and axe finds nothing to say."""
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    assert axe.run(page).response["violations"] == []
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_key_is_asked_for_and_sent(open_page: Any) -> None:
    keys = KeyRing((ApiKey("page", hash_key("csk_page")),))
    with live_page(keys=keys) as server:
        page = open_page(base=server.url, expect_errors=True, fresh=True)
        page.locator("#notice input").fill("csk_page")
        page.locator("#notice input").press("Enter")
        expect(page.locator("#model")).to_contain_text("v1.0.0")
        choose(page, "a.srt", "1\n00:00:01,000 --> 00:00:02,000\n你好\n".encode())
        expect(page.locator("#document a[download]")).to_be_visible(timeout=30_000)
        with page.expect_download() as download:
            page.click("#document a[download]")
        assert "[你好]" in Path(download.value.path()).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("language", "scheme", "words"),
    [
        ("en", "light", "Stays in Chinese: texts (1), keys (1)."),
        ("zh", "dark", "仍为中文的内容：文本 (1)、键名 (1)。"),
    ],
)
def test_what_stays_in_chinese_is_shown_and_announced(
    open_page: Any, language, scheme, words
) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    if language == "zh":
        page.click("#switch-language")
    page.set_viewport_size({"width": 320, "height": 640})
    name = {"name": "a.json", "mimeType": "", "buffer": '{"书": "你好。"}'.encode()}
    page.set_input_files("#file", name)
    expect(page.locator("#document .document-left")).to_have_text(words, timeout=30_000)
    expect(page.locator("#announcer")).to_contain_text(words)
    card = page.locator("#document").bounding_box()
    assert card["x"] >= 0
    assert card["x"] + card["width"] <= 320
    check_narrow(page, f"left-{language}-{scheme}")
    page.locator("#document a[download]").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the button that closes the card
    expect(page.locator("#document")).to_be_hidden()
