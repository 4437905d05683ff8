"""The glossary: kept in this browser, sent with every request, edited line by line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.ui.live_page import LivePage
from tests.ui.waiting import expect_translation, write

pytestmark = pytest.mark.e2e


def type_term(page: Page, source: str, target: str) -> None:
    """A line at the end, as a person writes it."""
    page.keyboard.type(f"{source}, {target}")
    page.keyboard.press("Enter")


def lines(page: Page) -> list[str]:
    return page.locator("#terms").input_value().splitlines()


def sent(server: LivePage) -> Any:
    _, body = server.faults.requests[-1]
    return (body or {}).get("glossary")


def test_terms_are_used_from_the_next_translation_on(open_page: Any, server: LivePage) -> None:
    page = open_page()
    write(page, "我在长春。")
    expect_translation(page, "[我在长春。]")
    assert sent(server) is None
    page.click("#open-glossary")
    type_term(page, "我在", "I am in ")  # blanks at the ends do not count
    type_term(page, "长春", "Changchun")
    page.keyboard.press("Escape")
    expect_translation(page, "[I am inChangchun。]")
    assert sent(server) == {"我在": "I am in", "长春": "Changchun"}
    expect(page.locator("#glossary-count")).to_have_text("2")


def test_terms_stay_in_this_browser_and_can_be_switched_off(open_page: Any, server: Any) -> None:
    page = open_page()
    page.click("#open-glossary")
    type_term(page, "甲", "A")
    page.reload()
    write(page, "甲。")
    expect_translation(page, "[A。]")
    page.click("#open-glossary")
    assert lines(page) == ["甲\tA"]
    page.uncheck("#use-glossary")
    page.keyboard.press("Escape")
    expect_translation(page, "[甲。]")
    expect(page.locator("#glossary-count")).to_be_hidden()
    stored = json.loads(page.evaluate("localStorage.getItem('csanmt.glossary')"))
    assert stored == {"on": False, "terms": [{"source": "甲", "target": "A"}]}


def test_a_table_can_be_pasted(open_page: Any) -> None:
    page = open_page()
    page.evaluate("navigator.clipboard.writeText('甲\\tA, a\\r\\n乙,B, b\\n\\n丙\\tC\\tnote')")
    page.click("#open-glossary")
    page.keyboard.press("Control+v")
    expect(page.locator("#terms-used")).to_have_text("3 in use")
    page.keyboard.press("Escape")
    page.click("#open-glossary")
    assert lines(page) == ["甲\tA, a", "乙\tB, b", "丙\tC"]


def test_terms_of_an_older_page_are_used(open_page: Any, server: LivePage) -> None:
    page = open_page()
    terms = [{"source": " 甲 ", "target": "A"}, {"source": "乙", "target": ""}]
    stored = json.dumps({"on": True, "terms": terms})
    page.evaluate("text => localStorage.setItem('csanmt.glossary', text)", stored)
    page.reload()
    write(page, "甲。")
    expect_translation(page, "[A。]")
    assert sent(server) == {"甲": "A"}


@pytest.mark.parametrize("unused", ["甲, B", ", C", "乙", f"乙, {'x' * 201}"])
def test_a_term_that_is_not_used_is_said_to_be(
    open_page: Any, server: LivePage, unused: str
) -> None:
    page = open_page()
    page.click("#open-glossary")
    page.fill("#terms", f"甲, A\n{unused}")
    expect(page.locator("#terms-used")).to_contain_text("1 in use; 1 not")
    page.keyboard.press("Escape")
    write(page, "甲。")
    expect_translation(page, "[A。]")
    assert sent(server) == {"甲": "A"}


def test_alternatives_obey_the_glossary_too(open_page: Any, server: LivePage) -> None:
    page = open_page()
    page.click("#open-glossary")
    type_term(page, "甲", "A")
    page.keyboard.press("Escape")
    write(page, "甲。")
    expect_translation(page, "[A。]")
    page.locator("#target .sentence").click()
    expect(page.get_by_role("menuitemradio").nth(1)).to_contain_text("[A。] (2)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_drawer_is_accessible(open_page: Any, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page(
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": 740},
        bypass_csp=True,
    )
    page.click("#open-glossary")
    type_term(page, "甲", "A")
    type_term(page, "甲", "B")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
