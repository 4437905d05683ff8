"""Every way a request can fail is said in words, with a way on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from starlette.responses import Response, StreamingResponse

from serving.http.keys import ApiKey, KeyRing, hash_key
from tests.ui.live_page import LivePage, live_page
from tests.ui.waiting import expect_busy, expect_translation, write

pytestmark = pytest.mark.e2e

LONG_TEXT = "很长的句子。" * 30


@pytest.fixture
def page(open_page: Any) -> Page:
    """The page, where failed loads are what the test is about."""
    page: Page = open_page(expect_errors=True)
    return page


def expect_notice(page: Page, words: str) -> None:
    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.locator("#progress")).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, "bad_request", "did not accept this text"),
        (413, "too_large", "The text is too long"),
        (415, "unsupported_media_type", "did not accept"),
        (422, "invalid_input", "did not accept"),
        (429, "overloaded", "Many people are translating"),
        (429, "rate_limited", "used up your share"),
        (500, "internal", "Something went wrong on the server"),
        (503, "unavailable", "not ready"),
        (504, "timeout", "took too long"),
    ],
)
def test_each_status_has_its_words(
    page: Page, server: LivePage, status: int, code: str, words: str
) -> None:
    server.faults.answer(status, code, X_Request_ID="abc-1")
    write(page, "出错。")
    expect_notice(page, words)
    expect(page.locator("#notice")).to_contain_text("Request abc-1")
    offers_retry = page.locator("#notice .plain").count() == 1
    assert offers_retry == (status not in (400, 413, 415, 422))


def test_the_servers_own_sentence_explains_a_refusal(page: Page, server: LivePage) -> None:
    server.faults.answer(422, "invalid_input", "text: character 3 is <b>odd</b>")
    write(page, "出错。")
    expect_notice(page, "text: character 3 is <b>odd</b>")


def test_overload_counts_down_and_tries_again_by_itself(open_page: Any, server: LivePage) -> None:
    page = open_page(fresh=True, expect_errors=True)
    page.clock.install()
    server.faults.answer(429, "overloaded", Retry_After="7")
    write(page, "忙。")
    page.clock.run_for(400)
    expect(page.locator(".countdown")).to_have_text("Trying again in 7 s")
    page.clock.run_for(3000)
    expect(page.locator(".countdown")).to_have_text("Trying again in 4 s")
    page.clock.run_for(4300)
    expect_translation(page, "[忙。]")
    expect(page.locator("#notice")).to_be_hidden()


def test_typing_on_stops_the_countdown(page: Page, server: LivePage) -> None:
    server.faults.answer(429, "overloaded", Retry_After="60")
    write(page, "忙。")
    expect_notice(page, "Many people")
    write(page, "新的。")
    expect_translation(page, "[新的。]")
    assert server.faults.texts() == ["忙。", "新的。"]


def test_try_again_and_dismiss(page: Page, server: LivePage) -> None:
    server.faults.answer(500, "internal")
    write(page, "再来。")
    expect_notice(page, "Something went wrong")
    server.faults.answer(504, "timeout")
    page.get_by_role("button", name="Try again").click()
    expect_notice(page, "took too long")
    page.locator("#notice").get_by_role("button", name="Close").click()
    expect(page.locator("#notice")).to_be_hidden()
    page.press("#source", "Control+Enter")
    expect_translation(page, "[再来。]")


def test_the_last_translation_stays_when_the_next_one_fails(page: Page, server: LivePage) -> None:
    write(page, "第一。")
    expect_translation(page, "[第一。]")
    server.faults.answer(503, "unavailable", Retry_After="60")
    write(page, "第一。第二。")
    expect_notice(page, "not ready")
    expect(page.locator("#target")).to_have_text("[第一。]")
    expect(page.locator("#copy")).to_be_enabled()


def test_offline_is_told_and_recovers_when_the_line_is_back(page: Page) -> None:
    page.context.set_offline(True)
    write(page, "断线。")
    expect_notice(page, "You are offline")
    page.context.set_offline(False)
    expect_translation(page, "[断线。]")


def test_an_unreachable_service_is_told_from_being_offline(page: Page) -> None:
    page.route(re.compile("/translate"), lambda route: route.abort("connectionrefused"))
    write(page, "没人。")
    expect_notice(page, "cannot be reached")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect_translation(page, "[没人。]")


def test_a_proxys_page_in_place_of_json_is_an_error_in_words(page: Page, server: LivePage) -> None:
    server.faults.answer_with(Response("<h1>Bad Gateway</h1>", 502, media_type="text/html"))
    write(page, "代理。")
    expect_notice(page, "not ready")
    server.faults.answer_with(Response("<h1>Hello</h1>", 200, media_type="text/html"))
    page.get_by_role("button", name="Try again").click()
    expect_notice(page, "Something went wrong")


def test_an_error_in_the_middle_of_a_stream(page: Page, server: LivePage) -> None:
    events = (
        'event: start\ndata: {"segments": 2}\n\n'
        'event: segment\ndata: {"index": 0, "before": "", "after": "", "source": "很长的句子。",'
        ' "translation": "First.", "source_span": [0, 6], "truncated": false}\n\n'
        'event: error\ndata: {"error": {"code": "timeout", "message": "m"}}\n\n'
    )
    server.faults.answer_with(Response(events, media_type="text/event-stream"))
    write(page, LONG_TEXT)
    expect_notice(page, "took too long")
    expect(page.locator("#target")).to_have_text("First.")
    page.get_by_role("button", name="Try again").click()
    expect_translation(page, " ".join(["[很长的句子。]"] * 30))


def test_a_stream_that_breaks_off_is_noticed(page: Page, server: LivePage) -> None:
    async def broken() -> Any:
        yield 'event: start\ndata: {"segments": 2}\n\n'

    server.faults.answer_with(StreamingResponse(broken(), media_type="text/event-stream"))
    write(page, LONG_TEXT)
    expect_notice(page, "The connection broke midway")


def test_silence_ends_in_a_timeout(open_page: Any, server: LivePage) -> None:
    page = open_page(fresh=True)
    page.clock.install()
    write(page, "慢。")
    page.clock.run_for(400)
    expect_busy(page)
    page.clock.run_for(60_000)
    expect_notice(page, "took too long")
    server.translator.gate.set()


def test_a_key_is_asked_for_and_kept_in_this_tab(open_page: Any) -> None:
    ring = KeyRing((ApiKey("tests", hash_key("csk_right")),))
    with live_page(keys=ring) as server:
        page = open_page(base=server.url, expect_errors=True)
        expect_notice(page, "This service needs a key")
        page.get_by_label("API key").fill("csk_wrong")
        page.get_by_role("button", name="Use this key").click()
        write(page, "密钥。")
        expect_notice(page, "This service needs a key")
        page.get_by_label("API key").fill("csk_right")
        page.keyboard.press("Enter")
        expect_translation(page, "[密钥。]")
        expect(page.locator("#count")).to_contain_text("/ 50,000")
        assert page.evaluate("Object.values(localStorage).join().includes('csk_')") is False
        page.reload()
        write(page, "还在。")
        expect_translation(page, "[还在。]")
