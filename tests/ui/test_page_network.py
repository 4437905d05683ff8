"""The page on plain HTTP under a name, where browsers send no ``Sec-Fetch-Site``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import DEFAULTS
from tests.ui.live_page import live_page
from tests.ui.waiting import expect_translation, write

FORM = """<form method="post" action="{url}/v2/glossaries">
  <input name="name" value="n"><input name="entries" value="a\tb">
  <input name="source_lang" value="ZH"><input name="target_lang" value="EN">
</form>"""


@pytest.fixture
def url() -> Iterator[str]:
    with live_page(private_network=True) as server:
        yield server.url.replace("127.0.0.1", "translate.test")


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(locale=DEFAULTS["locale"])
    yield context.new_page()
    context.close()


def test_our_own_page_translates(page: Any, url: str) -> None:
    page.goto(url)
    expect(page.locator("#model")).to_contain_text("v1.0.0")
    with page.expect_request("**/translate") as asked:
        write(page, "你好。")
    assert "sec-fetch-site" not in asked.value.all_headers()
    expect_translation(page, "[你好。]")


def test_a_form_of_another_site_is_refused(page: Any, url: str) -> None:
    form = FORM.format(url=url)
    page.route("http://evil.test/", lambda r: r.fulfill(body=form, content_type="text/html"))
    page.goto("http://evil.test/")
    with page.expect_response(f"{url}/v2/glossaries") as answered:
        page.evaluate("document.forms[0].submit()")
    assert answered.value.status == 403
