"""Sentences and their partners, by mouse and by keyboard; alternatives."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.ui.live_page import LivePage
from tests.ui.waiting import expect_translation, write

pytestmark = pytest.mark.e2e

TEXT = "甲句。乙句。\n丙句。"
SHOWN = "[甲句。] [乙句。]\n[丙句。]"


@pytest.fixture
def page(open_page: Any) -> Page:
    """The page with three sentences translated."""
    page: Page = open_page()
    write(page, TEXT)
    expect_translation(page, SHOWN)
    return page


def lit(page: Page) -> tuple[list[str], list[str]]:
    """Highlighted text left and right."""
    return (
        page.locator("#mirror .lit").all_text_contents(),
        page.locator("#target .lit").all_text_contents(),
    )


def expect_lit(page: Page, source: str, target: str) -> None:
    expect(page.locator("#mirror .lit")).to_have_text(source)
    expect(page.locator("#target .lit")).to_have_text(target)


def test_hovering_a_translation_lights_its_source(page: Page) -> None:
    page.hover(".sentence >> nth=1")
    expect_lit(page, "乙句。", "[乙句。]")
    page.hover("#count")
    expect(page.locator(".lit")).to_have_count(0)


def test_hovering_a_source_sentence_lights_its_translation(page: Page) -> None:
    box = page.locator("#mirror span >> nth=2").bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 10)
    expect_lit(page, "丙句。", "[丙句。]")
    page.mouse.move(box["x"] + 5, box["y"] + 200)  # below the text
    expect(page.locator(".lit")).to_have_count(0)


def test_the_caret_lights_the_partner_when_moved_by_keyboard(page: Page) -> None:
    page.focus("#source")
    expect(page.locator(".lit")).to_have_count(0)
    page.keyboard.press("Control+Home")
    expect_lit(page, "甲句。", "[甲句。]")
    page.keyboard.press("ArrowDown")
    expect_lit(page, "丙句。", "[丙句。]")
    page.keyboard.press("Tab")
    assert lit(page) == ([], [])


def test_editing_forgets_the_old_partners(page: Page) -> None:
    page.focus("#source")
    page.keyboard.press("Control+End")
    page.keyboard.type("丁")
    expect(page.locator("#mirror span")).to_have_count(0)
    expect_translation(page, "[甲句。] [乙句。]\n[丙句。] [丁]")
    expect(page.locator("#mirror span")).to_have_count(4)


def test_the_translation_is_one_tab_stop_with_arrows_inside(page: Page) -> None:
    page.focus("#copy")
    page.keyboard.press("Tab")
    expect(page.locator(".sentence >> nth=0")).to_be_focused()
    expect_lit(page, "甲句。", "[甲句。]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect_lit(page, "丙句。", "[丙句。]")
    page.keyboard.press("ArrowRight")  # the last one stays
    expect(page.locator(".sentence >> nth=2")).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator(".sentence >> nth=0")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    expect(page.locator("#open-about")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.locator(".sentence >> nth=2")).to_be_focused()


def test_an_alternative_replaces_its_sentence(page: Page, server: LivePage) -> None:
    page.click(".sentence >> nth=1")
    items = page.get_by_role("menuitemradio")
    expect(items).to_have_text(["[乙句。]", "[乙句。] (2)", "[乙句。] (3)", "[乙句。] (4)"])
    expect(items.nth(0)).to_have_attribute("aria-checked", "true")
    expect_lit(page, "乙句。", "[乙句。]")
    items.nth(2).click()
    expect_translation(page, "[甲句。] [乙句。] (3)\n[丙句。]")
    expect(page.locator("#alternatives")).to_be_hidden()
    expect(page.locator("#announcer")).to_contain_text("Replaced with: [乙句。] (3)")
    page.click("#copy")
    assert page.evaluate("navigator.clipboard.readText()") == "[甲句。] [乙句。] (3)\n[丙句。]"
    page.click(".sentence >> nth=1")
    expect(items.nth(2)).to_have_attribute("aria-checked", "true")
    assert server.faults.texts() == [TEXT, "乙句。"]  # asked for once


def test_a_chosen_alternative_survives_editing_elsewhere(page: Page) -> None:
    page.click(".sentence >> nth=1")
    page.get_by_role("menuitemradio").nth(1).click()
    write(page, TEXT + "丁句。")
    expect_translation(page, "[甲句。] [乙句。] (2)\n[丙句。] [丁句。]")


def test_alternatives_work_by_keyboard_alone(page: Page) -> None:
    sentence = page.locator(".sentence >> nth=0")
    sentence.focus()
    page.keyboard.press("Enter")
    items = page.get_by_role("menuitemradio")
    expect(items.nth(0)).to_be_focused()
    expect(sentence).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowUp")  # round to the last
    expect(items.nth(3)).to_be_focused()
    page.keyboard.press("Escape")
    expect(sentence).to_be_focused()
    expect(sentence).to_have_attribute("aria-expanded", "false")
    page.keyboard.press(" ")
    expect(items.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect_translation(page, "[甲句。] (2) [乙句。]\n[丙句。]")
    expect(sentence).to_be_focused()


def test_a_click_elsewhere_closes_the_menu(page: Page) -> None:
    page.click(".sentence >> nth=0")
    expect(page.get_by_role("menu")).to_be_visible()
    page.click("#count")
    expect(page.locator("#alternatives")).to_be_hidden()


def test_marking_text_with_the_mouse_does_not_open_the_menu(page: Page) -> None:
    box = page.locator(".sentence >> nth=1").bounding_box()
    assert box
    page.mouse.move(box["x"] + 2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 10, steps=4)
    page.mouse.up()
    assert page.evaluate("getSelection().toString()") != ""
    expect(page.locator("#alternatives")).to_be_hidden()


def test_alternatives_that_cannot_be_fetched_are_said_so(open_page: Any, server: LivePage) -> None:
    page = open_page(expect_errors=True)
    write(page, "甲句。")
    expect_translation(page, "[甲句。]")
    server.faults.answer(503, "unavailable")
    page.click(".sentence")
    expect(page.locator("#alternatives")).to_contain_text("could not be fetched")
    page.keyboard.press("Escape")
    page.click(".sentence")  # and can be asked for again
    expect(page.get_by_role("menuitemradio")).to_have_count(4)


def test_a_sentence_without_alternatives_is_said_so(open_page: Any, server: LivePage) -> None:
    page = open_page()
    server.translator.answers["唯一。"] = "Only."
    write(page, "唯一。")
    expect_translation(page, "Only.")
    page.route(
        re.compile("/translate$"),
        lambda route: route.fulfill(json={"translation": "Only.", "alternatives": []}),
    )
    page.click(".sentence")
    expect(page.locator("#alternatives")).to_contain_text("no other suggestion")
