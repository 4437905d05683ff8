"""Picture of the page for the README: ``scripts/screenshot.py [URL] [FILE]``.

Needs a running service (``make serve``), Chromium, and fonts for Chinese.
"""

from __future__ import annotations

import os
import shutil
import sys

from playwright.sync_api import expect, sync_playwright

TEXT = (
    "机器翻译的质量取决于训练数据，也取决于人们怎样衡量它。"
    "我们希望每个人都能方便地使用这个系统。\n\n"
    "如果翻译出现问题，请检查网络连接，然后再试一次。"
)
LIT = 1  # the sentence under the pointer


def main(url: str = "http://127.0.0.1:3000", file: str = "docs/images/page.png") -> None:
    browser_path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--headless=new", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 640}, locale="en-GB")
        page.goto(url)
        page.fill("#source", TEXT)
        expect(page.locator("#copy")).to_be_enabled(timeout=30_000)
        page.press("#source", "Control+Enter")  # the first answer pays for a cold start
        expect(page.locator("#target")).to_have_attribute("aria-busy", "true")
        expect(page.locator("#target")).to_have_attribute("aria-busy", "false", timeout=30_000)
        page.evaluate("document.activeElement.blur()")
        page.hover(f".sentence >> nth={LIT}")
        expect(page.locator("#mirror .lit")).to_be_visible()
        page.screenshot(path=file, animations="disabled")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
