"""The library as ``docs/library.md`` shows it, and what a newcomer tries first."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import csanmt
from csanmt.errors import InvalidInputError, NotFoundError
from csanmt.loading import load_translator
from csanmt.texts import TextTranslation
from csanmt.translator import DecodingOptions
from csanmt.version import write_decoding
from model_store.shipped import DEFAULT_TAG
from tests.fixtures_tiny import tiny_model_dir

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    return tmp_path


def test_the_page_of_the_library_works(home: Path) -> None:
    names: dict[str, object] = {}
    for block in BLOCKS:
        exec(compile(block.replace("csanmt-zh-en:v1.2.0", DEFAULT_TAG), str(PAGE), "exec"), names)


def test_a_bare_string_is_one_text_and_a_tag_finds_its_version(home: Path) -> None:
    translator = csanmt.load(DEFAULT_TAG)
    assert translator.model_tag == DEFAULT_TAG
    answer = translator.translate("你好，世界。\n\n今天天气很好。")
    assert isinstance(answer, TextTranslation)
    assert answer.text.count("\n\n") == 1
    assert len(answer.segments) == 2
    (same,) = csanmt.translate_texts(translator, "你好，世界。\n\n今天天气很好。")
    assert same == answer


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("csanmt-zh-en:v9.9.9", "no model csanmt-zh-en:v9.9.9"),
        ("some/where", "no model directory"),
        ("nothing", "no model directory"),
    ],
)
def test_what_is_not_there_is_named(home: Path, name: str, reason: str) -> None:
    with pytest.raises(NotFoundError, match=reason):
        csanmt.load(name)


def test_a_translator_decodes_by_its_versions_defaults(tmp_path: Path) -> None:
    directory = tiny_model_dir(tmp_path / "model")
    write_decoding(directory, DecodingOptions(beam=2, max_length=5))
    translator = load_translator(directory, engine="torch")
    (own,) = translator.translate(["今天天气很好。"])
    assert own.hypotheses[0].tokens == 5
    (told,) = translator.translate(["今天天气很好。"], DecodingOptions(max_length=7))
    assert told.hypotheses[0].tokens == 7


@pytest.mark.parametrize("wrong", [b"\xe4\xbd\xa0", ["你好。", 3], [None]])
def test_what_is_no_text_is_refused_in_words(home: Path, wrong: Any) -> None:
    with pytest.raises(InvalidInputError, match="list of strings"):
        csanmt.load(DEFAULT_TAG).translate(wrong)
