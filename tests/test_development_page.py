"""Every file, and every name of a file, that ``docs/development.md`` sends a reader to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
WORDS = re.findall(r"^\| ([a-z][^|]*) \| ", PAGE.partition("## The rooms")[0], re.M)
FILES = sorted(set(re.findall(r"`([a-z_]+/[\w./-]+)`", PAGE)))
# `path.py` `name` `name`, also across a line's end
NAMED = [
    (path, name)
    for path, names in re.findall(r"`([\w/]+\.py)`((?:,?\s+`\w+`)+)", PAGE)
    for name in re.findall(r"`(\w+)`", names)
]

LINES = re.findall(r"^\|.*`([\w/]+\.py)`[^:|]*: `([^`]+)`", PAGE, re.M)


@pytest.mark.parametrize("path", FILES)
def test_a_file_of_the_page_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_name_of_the_page_is_defined_there(path: str, name: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^\s*(?:async )?(?:def|class) {name}\b", text, re.M)


def test_the_glossary_is_short_and_the_page_is_read() -> None:
    assert 20 <= len(WORDS) - 1 <= 40
    assert len(NAMED) > 20
    assert len(LINES) == 3


@pytest.mark.parametrize(("path", "line"), LINES)
def test_a_line_of_the_page_stands_there(path: str, line: str) -> None:
    assert line in (ROOT / path).read_text(encoding="utf-8")
