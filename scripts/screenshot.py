"""Take the README's picture of the page: python scripts/screenshot.py URL docs/images/page.png."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

TEXT = """今天天气很好，我们去公园吧。
他每天早上七点起床。
这本书很有意思，我已经看了三遍。"""
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def main() -> None:
    url, target = sys.argv[1], Path(sys.argv[2])
    target.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS
        )
        page = browser.new_page(
            viewport={"width": 1280, "height": 640}, color_scheme="light", locale="en-GB"
        )
        page.goto(url)
        page.locator("textarea").first.fill(TEXT)
        # The page forbids eval, so the condition is a locator's.
        page.locator("#target .sentence").nth(2).wait_for(timeout=30_000)
        page.wait_for_timeout(1000)  # let the footer's figures settle
        page.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    main()
