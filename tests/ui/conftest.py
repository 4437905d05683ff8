"""Fixtures of the page's tests: a server, a headless browser, a watched page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ui.live_page import LivePage, live_page

BROWSER_FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
VIEWPORT = {"width": 1280, "height": 800}


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
        browser = p.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_server() -> Iterator[LivePage]:
    with live_page(max_characters=3000) as server:
        yield server


@pytest.fixture
def server(shared_server: LivePage) -> LivePage:
    shared_server.reset()
    return shared_server


@pytest.fixture
def open_page(browser: Any, server: LivePage) -> Iterator[Any]:
    """A function that opens the page in a fresh profile; complaints of the browser fail the test.

    Keyword arguments are those of Playwright's ``new_context``; ``expect_errors`` allows
    console messages about responses that the test itself made fail.
    """
    contexts, complaints = [], []

    def open_(path: str = "/", *, base: str = "", expect_errors: bool = False, **options: Any) -> Any:
        options = {"viewport": VIEWPORT, "locale": "en-GB", "color_scheme": "light", **options}
        context = browser.new_context(**options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
        page.on("console", lambda message: _note(message, complaints, expect_errors))
        page.goto((base or server.url) + path)
        page.wait_for_function("document.querySelector('#source').placeholder !== ''")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def _note(message: Any, complaints: list[str], expect_errors: bool) -> None:
    failed_load = "Failed to load resource" in message.text
    if message.type in ("error", "warning") and not (expect_errors and failed_load):
        complaints.append(f"{message.type}: {message.text}")


@pytest.fixture
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a failing test may leave pictures."""
    return tmp_path_factory.mktemp("screenshots")
