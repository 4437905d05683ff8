"""History: in this browser only, one entry a text, deletable one by one and altogether."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.ui.live_page import LivePage
from tests.ui.waiting import expect_translation, until, write

pytestmark = pytest.mark.e2e


def stored(page: Page) -> list[dict[str, Any]]:
    return json.loads(page.evaluate("localStorage.getItem('csanmt.history') ?? '[]'"))


def translate(page: Page, text: str) -> None:
    write(page, text)
    expect_translation(page, " ".join(f"[{part}。]" for part in text.split("。") if part))


def clear_and_translate(page: Page, *texts: str) -> None:
    for text in texts:
        page.click("#clear") if page.locator("#clear").is_enabled() else None
        translate(page, text)
    page.click("#clear")


def test_finished_texts_are_kept_newest_first(open_page: Any) -> None:
    page = open_page()
    clear_and_translate(page, "第一。", "第二。")
    assert [(e["source"], e["translation"], e["model"]) for e in stored(page)] == [
        ("第二。", "[第二。]", "csanmt-zh-en:v1.0.0"),
        ("第一。", "[第一。]", "csanmt-zh-en:v1.0.0"),
    ]


def test_a_text_in_the_making_is_one_entry(open_page: Any) -> None:
    page = open_page()
    translate(page, "甲乙。")
    translate(page, "甲乙。丙丁。")
    translate(page, "完全不同的另一段话。")  # not an edit of the one before
    page.click("#clear")
    assert [e["source"] for e in stored(page)] == ["完全不同的另一段话。", "甲乙。丙丁。"]


def test_an_entry_is_saved_without_any_further_action(open_page: Any) -> None:
    page = open_page()
    translate(page, "自动。")
    until(page, "localStorage.getItem('csanmt.history') !== null")
    assert stored(page)[0]["source"] == "自动。"


def test_an_entry_opens_again(open_page: Any, server: LivePage) -> None:
    page = open_page()
    clear_and_translate(page, "旧的。", "新的。")
    page.click("#open-history")
    expect(page.locator(".entry-source")).to_have_text(["新的。", "旧的。"])
    page.locator(".entry >> nth=1").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#source")).to_have_value("旧的。")
    expect_translation(page, "[旧的。]")


def test_entries_are_deleted_one_by_one(open_page: Any) -> None:
    page = open_page()
    clear_and_translate(page, "甲。", "乙。", "丙。")
    page.click("#open-history")
    page.get_by_role("button", name="Delete this entry").nth(1).click()
    expect(page.locator(".entry-source")).to_have_text(["丙。", "甲。"])
    expect(page.get_by_role("button", name="Delete this entry").nth(1)).to_be_focused()
    assert [e["source"] for e in stored(page)] == ["丙。", "甲。"]


def test_deleting_everything_is_asked_about_first(open_page: Any) -> None:
    page = open_page()
    clear_and_translate(page, "甲。", "乙。")
    page.click("#open-history")
    delete = page.get_by_role("button", name="Delete all")
    page.once("dialog", lambda dialog: dialog.dismiss())
    delete.click()
    assert len(stored(page)) == 2
    page.once("dialog", lambda dialog: dialog.accept())
    delete.click()
    expect(page.locator("#no-entries")).to_be_visible()
    assert page.evaluate("localStorage.getItem('csanmt.history')") is None


def test_history_can_be_switched_off(open_page: Any) -> None:
    page = open_page()
    page.click("#open-history")
    page.get_by_label("Keep history").uncheck()
    page.keyboard.press("Escape")
    expect(page.locator("#open-history")).to_be_focused()
    clear_and_translate(page, "秘密。")
    assert stored(page) == []


@pytest.mark.parametrize("junk", ["{", "7", '[{"id": 1}, null, {"source": "x"}]'])
def test_a_damaged_store_is_an_empty_one(open_page: Any, junk: str) -> None:
    page = open_page()
    page.evaluate("junk => localStorage.setItem('csanmt.history', junk)", junk)
    page.click("#open-history")
    expect(page.locator("#no-entries")).to_be_visible()
    page.keyboard.press("Escape")
    clear_and_translate(page, "好了。")
    assert [e["source"] for e in stored(page)] == ["好了。"]


def test_the_store_is_bounded_and_full_storage_drops_the_oldest(open_page: Any) -> None:
    page = open_page()
    counts = page.evaluate(
        """async () => {
          const {createHistory} = await import('/assets/history.js');
          const history = createHistory();
          const rest = {translation: '', model: ''};
          const put = (id, source) => history.put({id: String(id), source, ...rest});
          for (let i = 0; i < 130; i++) put(i, `text ${i}`);
          const bounded = history.list().length;
          put('big', 'x'.repeat(4_000_000));
          put('bigger', 'y'.repeat(4_000_000));
          return [bounded, history.list()[0].id];
        }"""
    )
    assert counts == [100, "bigger"]


def test_the_page_works_where_storage_is_blocked(open_page: Any, server: LivePage) -> None:
    page = open_page(fresh=True)
    page.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty("
        "window, name, {get() { throw new DOMException('blocked', 'SecurityError'); }});"
    )
    page.goto(server.url)
    clear_and_translate(page, "没有存储。")
    page.click("#open-history")
    expect(page.locator(".entry-source")).to_have_text("没有存储。")
