"""Fixtures of the page's tests: a server, a headless browser, a watched page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.ui.live_page import LivePage, live_page

BROWSER_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",  # names that are not loopback's own
)
DEFAULTS = {
    "viewport": {"width": 1280, "height": 800},
    "locale": "en-GB",
    "color_scheme": "light",
    "permissions": ["clipboard-read", "clipboard-write"],
}


def chromium() -> str | None:
    """The browser: ``CHROMIUM`` in the environment, or the first one installed."""
    names = (os.environ.get("CHROMIUM"), "/usr/bin/chromium", "chromium", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium()
    if path is None:
        pytest.skip("no chromium is installed (apt-get install chromium)")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, args=list(BROWSER_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_server() -> Iterator[LivePage]:
    # Held translations look like a slow model to the queue; it must not turn others away.
    patience = {"queue_seconds": 3600.0, "batch_seconds": 60.0}
    with live_page(max_characters=3000, batch_sentences=8, **patience) as server:
        yield server


@pytest.fixture
def server(shared_server: LivePage) -> LivePage:
    shared_server.reset()
    return shared_server


class Watch:
    """Collects what the browser complains about."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.expect_errors = False

    def follow(self, page: Any) -> None:
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("console", self._note)

    def _note(self, message: Any) -> None:
        failed_load = "Failed to load resource" in message.text
        if message.type in ("error", "warning") and not (self.expect_errors and failed_load):
            self.complaints.append(f"{message.type}: {message.text}")


@pytest.fixture(scope="session")
def reused_page(browser: Any) -> tuple[Any, Watch]:
    """One page for all tests that need nothing special: a new one costs a process."""
    watch = Watch()
    page = browser.new_context(**DEFAULTS).new_page()
    watch.follow(page)
    return page, watch


@pytest.fixture
def open_page(browser: Any, reused_page: tuple[Any, Watch], server: LivePage) -> Iterator[Any]:
    """A function that opens the page with nothing stored; complaints of the browser fail the test.

    Keyword arguments are those of Playwright's ``new_context`` and give the page a context of
    its own, as does ``fresh``; ``expect_errors`` allows console messages about responses that
    the test itself made fail.
    """
    contexts: list[Any] = []
    watches: list[Watch] = []

    def open_(
        path: str = "/",
        *,
        base: str = "",
        expect_errors: bool = False,
        fresh: bool = False,
        **options: Any,
    ) -> Any:
        if options or fresh:
            watch = Watch()
            contexts.append(browser.new_context(**{**DEFAULTS, **options}))
            page = contexts[-1].new_page()
            watch.follow(page)
        else:
            page, watch = reused_page
            page.unroute_all()
            page.context.set_offline(False)
            page.goto((base or server.url) + "/openapi.json")  # same origin, none of our code
            page.evaluate("localStorage.clear(), sessionStorage.clear()")
            page.mouse.move(0, 0)
        watches.append(watch)
        watch.complaints.clear()
        watch.expect_errors = expect_errors
        page.goto((base or server.url) + path)
        page.wait_for_selector("#source[placeholder]")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [complaint for watch in watches for complaint in watch.complaints] == []
