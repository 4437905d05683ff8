"""What the translation memory knows is shown as such."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from csanmt.memory.entries import Direction, TranslationUnit
from csanmt.memory.store import TranslationMemory
from tests.ui.live_page import LivePage, live_page
from tests.ui.waiting import expect_translation, write

pytestmark = pytest.mark.e2e

PAIRS = [
    TranslationUnit("你好，世界。", "Hello, dear world.", "a.tmx"),
    TranslationUnit("我们明天去公园。", "Off to the park tomorrow.", "a.tmx"),
]


@pytest.fixture(scope="module")
def remembering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePage]:
    memory = TranslationMemory(tmp_path_factory.mktemp("memory") / "memory.db")
    memory.add(Direction("zh", "en"), PAIRS)
    with live_page(memory=memory) as server:
        yield server


@pytest.mark.parametrize("rest", ["", "\n长" * 2], ids=["at once", "streamed"])
def test_a_remembered_sentence_is_marked(open_page: Any, remembering: LivePage, rest: str) -> None:
    page = open_page(base=remembering.url, fresh=True)
    expect(page.locator("#model")).to_have_text("csanmt-zh-en:v1.0.0")  # the facts are there
    write(page, "你好，世界。今天很好。" + rest)
    shown = "Hello, dear world. [今天很好。]" + "\n[长]" * (len(rest) // 2)
    expect_translation(page, shown)
    remembered = page.locator(".sentence.remembered")
    expect(remembered).to_have_text("Hello, dear world.")
    expect(remembered).to_have_attribute(
        "title", "From the translation memory: a person translated this sentence."
    )
    expect(page.locator("#status")).to_contain_text("1 from memory")


def test_the_model_has_its_say_in_the_menu(open_page: Any, remembering: LivePage) -> None:
    page = open_page(base=remembering.url, fresh=True)
    expect(page.locator("#model")).to_have_text("csanmt-zh-en:v1.0.0")
    write(page, "你好，世界。")
    expect_translation(page, "Hello, dear world.")
    page.click(".sentence")
    items = page.get_by_role("menuitemradio")
    expect(items.nth(0)).to_have_text("Hello, dear world.From the translation memory")
    expect(items.nth(1)).to_have_text("[你好，世界。]")
    items.nth(1).click()
    expect_translation(page, "[你好，世界。]")
    expect(page.locator(".remembered")).to_have_count(0)
    expect(page.locator("#status")).not_to_contain_text("memory")


def test_a_similar_sentence_is_offered_and_used_when_chosen(
    open_page: Any, remembering: LivePage
) -> None:
    page = open_page(base=remembering.url, fresh=True)
    expect(page.locator("#model")).to_have_text("csanmt-zh-en:v1.0.0")
    write(page, "我们今天去公园。")
    expect_translation(page, "[我们今天去公园。]")
    expect(page.locator(".remembered")).to_have_count(0)
    page.click(".sentence")
    offered = page.get_by_role("menuitemradio").nth(1)
    expect(offered).to_have_text(
        "Off to the park tomorrow.From the translation memory, 87 % alike: 我们明天去公园。"
    )
    offered.click()
    expect_translation(page, "Off to the park tomorrow.")
    expect(page.locator(".sentence")).to_have_class("sentence replaced remembered")


def test_without_a_memory_none_is_asked(open_page: Any, server: LivePage) -> None:
    page = open_page()
    expect(page.locator("#model")).to_have_text("csanmt-zh-en:v1.0.0")
    write(page, "你好，世界。")
    expect_translation(page, "[你好，世界。]")
    assert all("memory" not in body for _, body in server.faults.requests if body)
