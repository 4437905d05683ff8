"""Typing, debounce, cancelling, streaming, limits: what the two panes do with a text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.ui.live_page import LONG, LivePage
from tests.ui.waiting import expect_busy, expect_translation, until, write

pytestmark = pytest.mark.e2e


def test_a_typed_sentence_is_translated(open_page: Any, server: LivePage) -> None:
    server.translator.answers["你好，世界。"] = "Hello, world."
    page = open_page()
    write(page, "你好，世界。")
    expect_translation(page, "Hello, world.")
    assert server.faults.requests[0][0] == "/translate"
    expect(page.locator("#model")).to_have_text("csanmt-zh-en:v1.0.0")
    expect(page.locator("#status")).to_have_text(re.compile(r"^[\d.]+ m?s$"))


def test_typing_sends_one_request_for_the_settled_text(open_page: Any, server: LivePage) -> None:
    page = open_page()
    page.locator("#source").press_sequentially("一二三四五六", delay=20)
    expect_translation(page, "[一二三四五六]")
    assert server.faults.texts() == ["一二三四五六"]


def test_an_outdated_request_is_cancelled_and_its_answer_never_shown(
    open_page: Any, server: LivePage
) -> None:
    page = open_page()
    failed = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    write(page, "慢")
    expect_busy(page)
    write(page, "快")
    expect_busy(page)
    server.translator.gate.set()
    expect_translation(page, "[快]")
    assert len(failed) == 1


def test_emptying_the_text_cancels_and_clears(open_page: Any, server: LivePage) -> None:
    page = open_page()
    write(page, "慢")
    expect_busy(page)
    write(page, "")
    expect_translation(page, "")
    expect(page.locator("#placeholder")).to_be_visible()
    expect(page.locator("#copy")).to_be_disabled()


def test_paragraphs_and_line_breaks_stay(open_page: Any) -> None:
    page = open_page()
    write(page, "第一段。第二句。\n\n  第二段。\n")
    expect_translation(page, "[第一段。] [第二句。]\n\n  [第二段。]\n")


def test_a_long_text_streams_sentence_by_sentence(open_page: Any, server: LivePage) -> None:
    page = open_page()
    text = "".join(f"先来的第{n}句。" for n in range(40)) + "最后慢来的一句。"
    write(page, text)
    until(page, "document.querySelectorAll('.sentence').length >= 20")
    expect(page.locator("#status")).to_have_text(re.compile(r"Translating… \d+ of 41 sentences"))
    assert page.locator("#target").get_attribute("aria-busy") == "true"
    server.translator.gate.set()
    expect(page.locator(".sentence")).to_have_count(41)
    expect(page.locator("#status")).to_have_text(re.compile(r"^41 sentences · "))
    assert server.faults.requests[0][0] == "/translate/stream"


def test_characters_beyond_the_basic_plane_keep_sentences_in_step(open_page: Any) -> None:
    page = open_page()
    write(page, "𠮷野家😀。👨‍👩‍👧很好。")
    expect_translation(page, "[𠮷野家😀。] [👨‍👩‍👧很好。]")
    expect(page.locator("#count")).to_have_text("13 / 3,000 characters")
    page.hover(".sentence >> nth=1")
    expect(page.locator("#mirror .lit")).to_have_text("👨‍👩‍👧很好。")


def test_half_an_emoji_is_sent_as_text(open_page: Any, server: LivePage) -> None:
    page = open_page()
    page.evaluate(
        "source.value = '坏\\ud83d字';"
        "source.dispatchEvent(new InputEvent('input', {bubbles: true}))"
    )
    expect_translation(page, "[坏\ufffd字]")


def test_nothing_is_sent_while_an_input_method_composes(open_page: Any, server: LivePage) -> None:
    page = open_page()
    page.focus("#source")
    session = page.context.new_cdp_session(page)
    session.send(
        "Input.imeSetComposition", {"text": "ni hao", "selectionStart": 6, "selectionEnd": 6}
    )
    expect(page.locator("#source")).to_have_value("ni hao")
    page.wait_for_timeout(600)  # longer than the debounce: there is no event to wait for
    assert server.faults.requests == []
    session.send("Input.insertText", {"text": "你好"})
    expect_translation(page, "[你好]")
    assert server.faults.texts() == ["你好"]


def test_control_enter_translates_without_waiting(open_page: Any, server: LivePage) -> None:
    page = open_page(fresh=True)
    page.clock.install()
    write(page, "马上。")
    page.press("#source", "Control+Enter")
    expect_translation(page, "[马上。]")  # the clock stands still, so the debounce never fires


def test_paste_copy_and_clear(open_page: Any, server: LivePage) -> None:
    server.translator.answers["剪贴板。"] = "Clipboard."
    page = open_page()
    page.evaluate("navigator.clipboard.writeText('剪贴板。')")
    page.click("#paste")
    expect_translation(page, "Clipboard.")
    page.click("#copy")
    expect(page.locator("#copy")).to_have_attribute("aria-label", "Copied")
    expect(page.locator("#announcer")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "Clipboard."
    page.click("#clear")
    expect(page.locator("#source")).to_have_value("")
    expect(page.locator("#source")).to_be_focused()
    expect_translation(page, "")
    page.press("#source", "Control+z")
    expect(page.locator("#source")).to_have_value("剪贴板。")


def test_copy_works_without_the_clipboard_api(open_page: Any) -> None:
    page = open_page()
    write(page, "旧办法。")
    expect_translation(page, "[旧办法。]")
    page.evaluate("Object.defineProperty(navigator.clipboard, 'writeText', {value: undefined})")
    page.click("#copy")
    expect(page.locator("#copy")).to_have_attribute("aria-label", "Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "[旧办法。]"


def test_a_clipboard_that_may_not_be_read_is_explained(open_page: Any) -> None:
    page = open_page()
    page.evaluate("void (navigator.clipboard.readText = () => Promise.reject(new Error()))")
    page.click("#paste")
    expect(page.locator("#notice")).to_contain_text("did not allow reading the clipboard")


def test_a_text_over_the_limit_is_counted_and_not_sent(open_page: Any, server: LivePage) -> None:
    page = open_page()
    write(page, "字" * 3002)
    expect(page.locator("#count")).to_have_text("3,002 / 3,000 characters, 2 too many")
    expect(page.locator("#notice")).to_contain_text("Up to 3,000 characters fit at once")
    expect(page.locator("#source")).to_have_attribute("aria-invalid", "true")
    assert server.faults.requests == []
    write(page, "字" * 20)
    expect(page.locator("#notice")).to_be_hidden()
    expect_translation(page, f"[{'字' * 20}]")


def test_a_sentence_that_was_cut_off_is_marked(open_page: Any) -> None:
    page = open_page()
    write(page, f"短句。{LONG}句。")
    expect(page.locator("#status")).to_contain_text("some of it cut off")
    cut = page.locator(".sentence.truncated")
    expect(cut).to_have_count(1)
    expect(cut).to_have_attribute("title", re.compile("cut off here"))


def test_the_request_carries_no_more_than_it_needs(open_page: Any, server: LivePage) -> None:
    page = open_page()
    write(page, "好。")
    expect_translation(page, "[好。]")
    assert server.faults.requests == [
        ("/translate", {"text": "好。", "segments": True, "timing": True})
    ]


def test_dropped_and_opened_files_are_translated(open_page: Any, server: LivePage) -> None:
    page = open_page()
    gb = "国标编码的文件。".encode("gb18030")
    page.set_input_files("#file", {"name": "a.txt", "mimeType": "text/plain", "buffer": gb})
    expect_translation(page, "[国标编码的文件。]")
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(['拖放。\\r\\n第二行。'], 'b.md', {type: ''}));
          const options = {dataTransfer: data, bubbles: true, cancelable: true};
          const event = (type) => new DragEvent(type, options);
          source.dispatchEvent(event('dragenter'));
          window.marked = source.closest('.pane').classList.contains('dropping');
          source.dispatchEvent(event('drop'));
        }"""
    )
    assert page.evaluate("window.marked")
    expect_translation(page, "[拖放。]\n[第二行。]")
    expect(page.locator(".dropping")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("picture.png", b"\x89PNG", "Only text files (.txt, .md) and documents"),
        ("binary.txt", b"\x00\x01\xff\xfe\x00", "no readable text"),
    ],
)
def test_a_file_that_is_no_text_is_refused_in_words(
    open_page: Any, server: LivePage, name: str, content: bytes, words: str
) -> None:
    page = open_page()
    kind = "image/png" if name.endswith("png") else "text/plain"
    page.set_input_files("#file", {"name": name, "mimeType": kind, "buffer": content})
    expect(page.locator("#notice")).to_contain_text(words)
    assert server.faults.requests == []


@pytest.mark.parametrize(
    "content",
    ["utf-8 文。".encode(), "utf-8 文。".encode("utf-8-sig"), "utf-8 文。".encode("utf-16")],
    ids=["utf-8", "utf-8 with a mark", "utf-16"],
)
def test_file_encodings_are_recognised(open_page: Any, content: bytes) -> None:
    page = open_page()
    page.set_input_files("#file", {"name": "a.txt", "mimeType": "text/plain", "buffer": content})
    expect(page.locator("#source")).to_have_value("utf-8 文。")


def test_server_sent_events_are_read_across_chunks(open_page: Any) -> None:
    page = open_page()
    events = page.evaluate(
        """async () => {
          const {readEvents} = await import('/assets/sse.js');
          const bytes = new TextEncoder().encode(
            ': keep-alive\\n\\n' +
            'event: segment\\r\\ndata: {"你":\\r\\ndata: 1}\\r\\n\\r\\n' +
            'data: x\\n\\n' +
            'event: lost\\ndata: no blank line after it');
          const stream = new ReadableStream({start(c) {
            for (const byte of bytes) c.enqueue(new Uint8Array([byte]));
            c.close();
          }});
          const found = [];
          for await (const event of readEvents(stream)) found.push(event);
          return JSON.stringify(found);
        }"""
    )
    assert json.loads(events) == [
        {"event": "segment", "data": '{"你":\n1}'},
        {"event": "message", "data": "x"},
    ]
