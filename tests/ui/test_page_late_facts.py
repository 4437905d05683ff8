"""What the service takes is learnt late, or never: nothing is sent that the page would not send."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from csanmt.memory.entries import Direction, TranslationUnit
from csanmt.memory.store import TranslationMemory
from tests.ui.live_page import LivePage, live_page
from tests.ui.waiting import expect_translation, until, write

pytestmark = pytest.mark.e2e

LONG_TEXT = "字" * 3002  # the server takes 3,000
PATIENCE = 10_000  # milliseconds that the page waits for the facts


class Late:
    """A page whose requests for the service's facts wait until they are let through."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.held: list[Route] = []
        self.late = True
        page.route("**/version", self._hold)
        with page.expect_request("**/version"):
            page.reload()
        expect(page.locator("#source[placeholder]")).to_be_visible()

    def _hold(self, route: Route) -> None:
        if self.late:
            self.held.append(route)
        else:
            route.continue_()

    def come(self) -> None:
        self.late = False
        while self.held:
            self.held.pop(0).continue_()


@pytest.fixture
def late(open_page: Any) -> Callable[..., Late]:
    return lambda **options: Late(open_page(**options))


def expect_waiting(page: Page) -> None:
    """A text is about to be translated."""
    expect(page.locator("#progress")).to_be_visible()
    expect(page.locator("#status")).to_have_text("Translating…")


def test_a_text_over_the_limit_waits_and_is_refused(
    late: Callable[..., Late], server: LivePage
) -> None:
    facts = late()
    write(facts.page, LONG_TEXT)
    expect_waiting(facts.page)
    facts.come()
    expect(facts.page.locator("#notice")).to_contain_text("Up to 3,000 characters fit at once")
    expect(facts.page.locator("#count")).to_have_text("3,002 / 3,000 characters, 2 too many")
    expect(facts.page.locator("#progress")).to_be_hidden()
    assert server.faults.requests == []


def test_a_text_that_fits_is_translated_when_the_facts_come(
    late: Callable[..., Late], server: LivePage
) -> None:
    facts = late()
    write(facts.page, "早。")
    facts.page.press("#source", "Control+Enter")
    expect_waiting(facts.page)
    write(facts.page, "晚。")
    facts.page.press("#source", "Control+Enter")
    facts.come()
    expect_translation(facts.page, "[晚。]")
    assert server.faults.texts() == ["晚。"]


def test_emptied_while_waiting_nothing_is_sent(late: Callable[..., Late], server: LivePage) -> None:
    facts = late()
    write(facts.page, "早。")
    expect_waiting(facts.page)
    write(facts.page, "")
    facts.come()
    expect(facts.page.locator("#count")).to_have_text("0 / 3,000 characters")
    expect(facts.page.locator("#progress")).to_be_hidden()
    assert server.faults.requests == []


def test_facts_that_never_come_do_not_hold_a_text_for_ever(
    open_page: Any, server: LivePage
) -> None:
    page = open_page(fresh=True)
    page.clock.install()
    facts = Late(page)
    write(page, "好。")
    page.clock.run_for(PATIENCE / 2)
    expect_waiting(page)
    assert server.faults.requests == []
    page.clock.run_for(PATIENCE)
    expect_translation(page, "[好。]")
    expect(page.locator("#count")).to_have_text("2")
    write(page, "再。")  # once was enough
    page.press("#source", "Control+Enter")
    expect_translation(page, "[再。]")
    facts.come()


def test_facts_that_cannot_be_had_hold_nothing(open_page: Any, server: LivePage) -> None:
    page = open_page(expect_errors=True)
    page.route("**/version", lambda route: route.abort("connectionrefused"))
    page.reload()
    write(page, "好。")
    expect_translation(page, "[好。]")


def test_a_long_text_file_is_known_for_a_document(
    late: Callable[..., Late], server: LivePage
) -> None:
    facts = late()
    file = {"name": "a.txt", "mimeType": "text/plain", "buffer": ("字。" * 1501).encode()}
    with facts.page.expect_request("**/documents"):
        facts.page.set_input_files("#file", file)
        until(facts.page, "file.value === ''")
        expect(facts.page.locator("#source")).to_have_value("")
        facts.come()
    expect(facts.page.locator("#document a[download]")).to_be_visible(timeout=30_000)
    assert server.faults.requests == []


def test_the_memory_is_asked_from_the_first_text_on(
    late: Callable[..., Late], tmp_path: Path
) -> None:
    memory = TranslationMemory(tmp_path / "memory.db")
    memory.add(Direction("zh", "en"), [TranslationUnit("你好。", "Hello from memory.", "a.tmx")])
    with live_page(memory=memory) as server:
        facts = late(base=server.url, fresh=True)
        write(facts.page, "你好。")
        expect_waiting(facts.page)
        facts.come()
        expect_translation(facts.page, "Hello from memory.")
        assert server.faults.requests[0][1] is not None
        assert server.faults.requests[0][1]["memory"] == "fuzzy"


def test_the_card_of_the_model_shows_what_comes(late: Callable[..., Late]) -> None:
    facts = late()
    facts.page.click("#open-about")
    expect(facts.page.locator("#facts dd").first).not_to_have_text("csanmt-zh-en:v1.0.0")
    facts.come()
    expect(facts.page.locator("#facts dd").first).to_have_text("csanmt-zh-en:v1.0.0")


def test_facts_asked_for_earlier_do_not_win(open_page: Any) -> None:
    known = open_page().evaluate(
        """async () => {
          const {createFacts} = await import('/assets/service-facts.js');
          const answers = [], client = {version: () => new Promise((r) => answers.push(r))};
          const known = [], facts = createFacts(client, {onKnown: (f) => known.push(f.model)});
          facts.load();
          facts.load();
          answers[1]({model: {tag: 'new'}});
          answers[0]({model: {tag: 'old'}});
          await facts.settled;
          return known;
        }"""
    )
    assert known == ["new"]
