"""Documents over a slow line: the page waits while bytes move, and not for ever."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

MEGABYTE = b'{"a": "' + "你好。".encode() + b'"}' + b" " * 1_000_000
WAIT = 60_000  # milliseconds of silence that end a request

DOWNLOAD = """async () => {
  const {createClient} = await import('/assets/api.js');
  window.fetch = async (_, {signal}) => new Response(new ReadableStream({start(controller) {
    window.body = controller;
    signal.addEventListener('abort', () => controller.error(signal.reason));
  }}), {headers: {'Content-Type': 'text/plain'}});
  const loading = createClient().documentContent('id', new AbortController().signal);
  window.outcome = loading.then(async (blob) => [blob.type, await blob.text()], (e) => e.kind);
}"""


@pytest.fixture
def page(open_page: Any) -> Page:
    page: Page = open_page(fresh=True)
    page.clock.install()
    return page


def send(page: Page) -> list[Any]:
    """Give the page a document of a megabyte; the request, which is held until the test goes on."""
    held: list[Any] = []
    page.route("**/documents", lambda route: held.append(route))
    with page.expect_request("**/documents"):
        page.set_input_files("#file", {"name": "a.json", "mimeType": "", "buffer": MEGABYTE})
    return held


def test_an_upload_has_the_time_that_its_size_takes(page: Page) -> None:
    held = send(page)
    page.clock.run_for(2 * WAIT)
    expect(page.locator("#document")).to_contain_text("Sending a.json")
    held[0].continue_()
    expect(page.locator("#document a[download]")).to_be_visible(timeout=30_000)


def test_an_upload_that_nobody_answers_ends(page: Page) -> None:
    send(page)
    page.clock.run_for(4 * WAIT)
    expect(page.locator("#notice")).to_contain_text("took too long")
    expect(page.locator("#document")).to_be_hidden()


def test_a_download_may_take_long_while_it_arrives(page: Page) -> None:
    page.evaluate(DOWNLOAD)
    for _ in range(3):
        page.clock.run_for(WAIT - 10_000)
        page.evaluate("body.enqueue(new TextEncoder().encode('字'))")
    page.evaluate("body.close()")
    assert page.evaluate("outcome") == ["text/plain", "字字字"]


def test_a_download_that_stops_midway_ends(page: Page) -> None:
    page.evaluate(DOWNLOAD)
    page.evaluate("body.enqueue(new TextEncoder().encode('字'))")
    page.clock.run_for(WAIT)
    assert page.evaluate("outcome") == "timeout"
