"""Waiting for a condition in the page.

Playwright's own ``wait_for_function`` polls with ``eval`` inside the page, which the page's
Content-Security-Policy forbids; so the polling is done from here.
"""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, expect

SECONDS = 10.0


def until(page: Page, expression: str, argument: Any = None) -> None:
    """Wait until ``expression`` (a JavaScript function or expression) is truthy."""
    deadline = time.monotonic() + SECONDS
    while not page.evaluate(expression, argument):
        assert time.monotonic() < deadline, f"never became true: {expression} ({argument!r})"
        page.wait_for_timeout(20)


def write(page: Page, text: str) -> None:
    """Put ``text`` into the left pane, as if typed at once."""
    page.fill("#source", text)


def expect_busy(page: Page) -> None:
    """A translation is under way."""
    expect(page.locator("#target")).to_have_attribute("aria-busy", "true")


def expect_translation(page: Page, text: str) -> None:
    """The right pane holds exactly ``text``, white space included, and is done."""
    deadline = time.monotonic() + SECONDS
    while True:
        shown, busy = page.evaluate("[target.textContent, target.ariaBusy]")
        if shown == text and busy != "true":
            return
        assert time.monotonic() < deadline, f"shown is {shown!r} (busy: {busy}), not {text!r}"
        page.wait_for_timeout(20)
