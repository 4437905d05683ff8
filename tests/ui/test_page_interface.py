"""Language, theme, accessibility, safety and stability of the page as a whole."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.ui.live_page import LONG, LivePage
from tests.ui.waiting import expect_translation, write

pytestmark = pytest.mark.e2e

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>window.hacked = true</script>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)//</textarea>",
    "{{constructor.constructor('window.hacked = true')()}}",
)


# ---- language and theme


@pytest.mark.parametrize(
    ("locale", "heading", "button", "lang"),
    [
        ("en-GB", "Chinese", "History", "en"),
        ("de-DE", "Chinese", "History", "en"),
        ("zh-CN", "中文", "历史记录", "zh-CN"),
        ("zh-TW", "中文", "历史记录", "zh-CN"),
    ],
)
def test_the_interface_follows_the_browser(
    open_page: Any, locale: str, heading: str, button: str, lang: str
) -> None:
    page = open_page(locale=locale)
    expect(page.locator("#source-title")).to_have_text(heading)
    expect(page.locator("#open-history")).to_have_text(button)
    assert page.evaluate("document.documentElement.lang") == lang


def test_the_language_switch_changes_every_word_and_is_remembered(open_page: Any) -> None:
    page = open_page()
    write(page, "好。坏。")
    expect_translation(page, "[好。] [坏。]")
    page.get_by_role("button", name="中文").click()
    expect(page).to_have_title("翻译 · csanmt")
    expect(page.locator("#status")).to_contain_text("2 句")
    expect(page.locator("#count")).to_contain_text("字符")
    expect(page.locator("#copy")).to_have_attribute("aria-label", "复制译文")
    latin = page.evaluate(
        """[...document.querySelectorAll('[data-i18n], [data-i18n-label]')]
          .map(node => node.ariaLabel ?? node.textContent)
          .filter(text => !/[\\u4e00-\\u9fff]/.test(text))"""
    )
    assert latin == []
    page.reload()
    expect(page.locator("#open-history")).to_have_text("历史记录")


def test_a_problem_on_show_changes_language_too(open_page: Any) -> None:
    page = open_page(expect_errors=True)
    write(page, "字" * 4000)
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("alert")).to_contain_text("文本过长")


def test_the_theme_follows_the_system_until_chosen(open_page: Any) -> None:
    page = open_page(color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.emulate_media(color_scheme="light")
    light = page.evaluate(background)
    assert dark != light
    page.get_by_role("button", name="Theme: automatic").click()
    page.get_by_role("button", name="Theme: light").click()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert page.evaluate(background) == dark
    page.reload()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert page.evaluate(background) == dark


# ---- accessibility


def audit(page: Page, state: str) -> None:
    """axe finds nothing, best practices included."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )
    results = axe.Axe().run(page).response
    found = [
        (rule["id"], [node["target"] for node in rule["nodes"]]) for rule in results["violations"]
    ]
    assert found == [], f"{state}: {found}"
    assert len(results["passes"]) > 15  # it looked


@pytest.mark.parametrize(
    "options", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"]
)
def test_axe_finds_no_violation_in_any_state(
    open_page: Any, server: LivePage, options: dict[str, Any]
) -> None:
    page = open_page(expect_errors=True, reduced_motion="reduce", **options)
    audit(page, "empty")
    write(page, f"甲句。{LONG}句。")
    expect(page.locator(".sentence")).to_have_count(2)
    page.locator(".sentence >> nth=0").focus()
    audit(page, "translated")
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitemradio")).to_have_count(4)
    audit(page, "alternatives")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.click("#open-about")
    audit(page, "about")
    page.keyboard.press("Escape")
    page.click("#open-history")
    expect(page.locator(".entry")).to_have_count(1)
    audit(page, "history")
    page.keyboard.press("Escape")
    server.faults.answer(429, "overloaded", Retry_After="60")
    write(page, "甲句。乙句。")
    expect(page.get_by_role("alert")).to_be_visible()
    audit(page, "problem")
    server.faults.answer(401, "unauthorized")
    write(page, "乙句。")
    expect(page.locator("#notice input")).to_be_visible()
    audit(page, "key")


@pytest.mark.parametrize(
    "options", [{"locale": "zh-CN"}, {"forced_colors": "active"}], ids=["chinese", "forced colours"]
)
def test_axe_finds_no_violation_in_other_guises(open_page: Any, options: dict[str, Any]) -> None:
    page = open_page(**options)
    write(page, f"甲句。{LONG}句。")
    expect(page.locator(".sentence")).to_have_count(2)
    audit(page, "translated")


def test_every_control_is_reached_by_tab_and_shows_its_focus(open_page: Any) -> None:
    page = open_page()
    write(page, "甲。乙。")
    expect_translation(page, "[甲。] [乙。]")
    page.focus(".skip")
    seen = []
    for _ in range(13):
        name, outlined = page.evaluate(
            """(() => { const node = document.activeElement, style = getComputedStyle(node);
              return [node.id || node.className || node.tagName,
                style.outlineStyle !== 'none' || node.id === 'source']; })()"""
        )
        assert outlined, name
        seen.append(name)
        page.keyboard.press("Tab")
    assert seen == [
        *("skip", "open-glossary", "open-history", "switch-language", "switch-theme"),
        *("open-file", "paste", "clear", "source", "copy"),
        *("sentence lit", "open-about", "A"),
    ]


def test_a_screen_reader_hears_the_result_once_and_politely(open_page: Any) -> None:
    page = open_page()
    write(page, "你好。")
    expect(page.get_by_role("status").first).to_have_text("Translation: [你好。]")
    write(page, "很长的一句话，说了很多很多。" * 20)
    expect(page.locator("#announcer")).to_have_text("Translation ready, 20 sentences.")
    live = page.evaluate(
        "[...document.querySelectorAll('[aria-live]:not([aria-live=off]), [role=status]')]"
        ".map(n => n.id)"
    )
    assert live == ["announcer"]  # nothing else chatters


# ---- safety


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(open_page: Any, server: LivePage, text: str) -> None:
    page = open_page(fresh=True)
    text = f"字{text}"  # text without any Chinese is not the model's business
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    server.translator.answers[text] = text
    write(page, text)
    expect(page.locator("#target")).to_have_text(text)
    page.locator(".sentence").first.click()
    expect(page.get_by_role("menuitemradio").first).to_have_text(text)
    page.keyboard.press("Escape")
    page.click("#copy")
    page.click("#open-history")
    expect(page.locator(".entry-source")).to_have_text(text)
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img, main script, dialog img, dialog script").count() == 0


def test_hostile_facts_and_errors_are_only_text(open_page: Any, server: LivePage) -> None:
    page = open_page(expect_errors=True)
    page.route("**/version", lambda route: route.fulfill(json={"model": {"tag": HOSTILE[0]}}))
    page.reload()
    expect(page.locator("#model")).to_have_text(HOSTILE[0])
    page.click("#open-about")
    expect(page.locator("#facts dd").first).to_have_text(HOSTILE[0])
    page.keyboard.press("Escape")
    server.faults.answer(422, "invalid_input", HOSTILE[1])
    write(page, "好。")
    expect(page.get_by_role("alert")).to_contain_text(HOSTILE[1])


def test_the_policy_is_strict_and_nothing_comes_from_elsewhere(
    open_page: Any, server: LivePage
) -> None:
    page = open_page(fresh=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    write(page, "好。")
    expect_translation(page, "[好。]")
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith(server.url)] == []
    policy = httpx.get(server.url).headers["content-security-policy"]
    for directive in ("default-src 'none'", "script-src 'self'", "style-src 'self'"):
        assert directive in policy
    assert "unsafe" not in policy
    meta = page.locator("meta[http-equiv='Content-Security-Policy']").get_attribute("content")
    assert "require-trusted-types-for 'script'" in meta
    assert "unsafe" not in meta
    assert page.evaluate("document.querySelectorAll('[style], [onclick]').length") == 0


def test_other_versions_of_the_model_are_noticed(open_page: Any, server: LivePage) -> None:
    page = open_page()
    answer = httpx.post(f"{server.url}/translate", json={"text": "好。", "segments": True}).json()
    answer["model"] = "csanmt-zh-en:v2.0.0"
    page.route("**/translate", lambda route: route.fulfill(json=answer))
    with page.expect_request("**/version"):
        write(page, "好。")
    expect(page.locator("#model")).to_contain_text("csanmt-zh-en:v")


# ---- stability and weight


def test_nothing_jumps(open_page: Any, server: LivePage) -> None:
    page = open_page(fresh=True, expect_errors=True)
    page.add_init_script(
        """window.shift = 0;
        new PerformanceObserver(list => { for (const e of list.getEntries()) shift += e.value; })
          .observe({type: 'layout-shift', buffered: true});"""
    )
    page.goto(server.url)
    expect(page.locator("#count")).to_contain_text("/ 3,000")  # the service's facts are there
    boxes = """JSON.stringify(
      [...document.querySelectorAll('.pane, .pane-foot, #copy, #open-about')]
      .map(node => node.getBoundingClientRect()))"""
    before = page.evaluate(boxes)
    write(page, "好。")
    expect_translation(page, "[好。]")
    page.hover(".sentence")
    server.faults.answer(429, "overloaded", Retry_After="60")
    write(page, "好。坏。")
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.evaluate(boxes) == before
    assert page.evaluate("window.shift") < 0.01


def test_a_phone_has_the_panes_one_above_the_other(open_page: Any) -> None:
    page = open_page(**PHONE)
    write(page, "手机上的一句话，稍微长一点，看看会不会换行。" * 3)
    expect(page.locator(".sentence")).to_have_count(3)
    source = page.locator(".pane.source").bounding_box()
    target = page.locator(".pane.target").bounding_box()
    assert source and target
    assert target["y"] >= source["y"] + source["height"] - 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.evaluate(
        """[...document.querySelectorAll('button')].filter(n => n.offsetParent)
          .map(n => [n.id, n.getBoundingClientRect()])
          .filter(([, box]) => Math.min(box.width, box.height) < 36).map(([id]) => id)"""
    )
    assert small == []  # big enough for a finger


def test_motion_is_left_out_on_request(open_page: Any, server: LivePage) -> None:
    page = open_page(reduced_motion="reduce")
    write(page, "慢。")
    expect(page.locator("#progress")).to_be_visible()
    moving = page.evaluate("document.getAnimations().filter(a => a.playState === 'running').length")
    assert moving == 0
    server.translator.gate.set()
    expect_translation(page, "[慢。]")


def test_the_page_says_what_to_do_without_javascript(open_page: Any, server: LivePage) -> None:
    browser = open_page(fresh=True).context.browser
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(server.url)
        expect(page.locator(".noscript")).to_contain_text("POST /translate")
    finally:
        context.close()
