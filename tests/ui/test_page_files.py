"""What can be said of the page's files without a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from csanmt.documents.leftovers import PARTS
from serving import docs_page

UI = Path(__file__).resolve().parents[2] / "ui"
ASSETS = UI / "assets"
SCRIPTS = sorted(ASSETS.glob("*.js"))
STYLES = sorted(ASSETS.glob("*.css"))
BUDGET = 125_000  # bytes for everything, uncompressed


def words_of(language: str) -> dict[str, str]:
    words: dict[str, str] = json.loads((ASSETS / f"words.{language}.json").read_text("utf-8"))
    return words


def test_everything_together_is_light() -> None:
    assert sum(p.stat().st_size for p in UI.rglob("*") if p.is_file()) < BUDGET


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_scripts_never_make_markup_or_code_of_text(path: Path) -> None:
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
    )
    assert re.findall(forbidden, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", [UI / "index.html", *SCRIPTS, *STYLES], ids=lambda p: p.name)
def test_nothing_points_to_another_host(path: Path) -> None:
    urls = re.findall(r"https?://[^\s\"')]+", path.read_text(encoding="utf-8"))
    assert [url for url in urls if url != "http://www.w3.org/2000/svg"] == []


def test_markup_holds_no_script_or_style() -> None:
    html = (UI / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script>|<style|\sstyle=|\son\w+=", html) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_imports_resolve(path: Path) -> None:
    for name in re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8")):
        assert (ASSETS / name).is_file(), f"{path.name} imports {name}"


def test_both_languages_have_the_same_words_and_places_in_them() -> None:
    english, chinese = words_of("en"), words_of("zh")
    assert len(english) > 60
    assert english.keys() == chinese.keys()
    for key in english:
        places = [sorted(re.findall(r"{\w+}", words[key])) for words in (english, chinese)]
        assert places[0] == places[1], key


def test_every_word_that_is_used_exists_and_every_word_is_used() -> None:
    html = (UI / "index.html").read_text(encoding="utf-8")
    code = "\n".join(p.read_text(encoding="utf-8") for p in SCRIPTS if p.name != "i18n.js")
    table = (ASSETS / "i18n.js").read_text(encoding="utf-8")
    in_html = set(re.findall(r'data-i18n(?:-label)?="(\w+)"', html))
    in_code = set(re.findall(r'\bt\(\s*"(\w+)"', code + table))
    known = words_of("en").keys()
    assert (in_html | in_code) - known == set()
    # Words whose key is put together: error kinds, facts, themes, conditional ones.
    indirect = {key for key in known if re.search(rf'["\s]{key}["\s:,]', code)}
    kinds = re.findall(r'"(\w+)"', code)
    details = {f"{kind}Detail" for kind in kinds} | {f"theme_{kind}" for kind in kinds}
    left = {f"left_{part}" for part in PARTS}  # what of a document stays in Chinese
    assert left - known == set()
    refused = {f"refused_{kind}" for kind in kinds}
    assert known - in_html - in_code - indirect - details - left - refused == set()


def test_every_style_sheet_is_linked_somewhere() -> None:
    page = (UI / "index.html").read_text(encoding="utf-8") + docs_page.STYLES
    for path in STYLES:
        assert f"assets/{path.name}" in page, path.name
