"""``csanmt translate FILE``: documents on the disk."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import docx
import pytest

from csanmt.documents.formats import SUFFIXES
from csanmt.errors import ConflictError, InvalidInputError, NotFoundError
from model_store.store import ModelStore
from tests.stub_translator import StubTranslator

ANSWERS = {"你好。": "Hello.", "再见。": "Goodbye."}


@pytest.fixture
def words(model: Path, store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    translator = StubTranslator(answers=ANSWERS, model_tag="csanmt-zh-en:v1.0.0")
    monkeypatch.setattr("csanmt.load", lambda *_, **__: translator)
    return ["translate", "--model", str(model)]


def test_document_gets_a_translation_beside_it(csanmt, words, tmp_path: Path) -> None:
    source = tmp_path / "信 1.docx"
    document = docx.Document()
    document.add_paragraph("你好。")
    document.save(str(source))
    outcome = csanmt(*words, source, "--json")
    target = tmp_path / "信 1.en.docx"
    assert outcome.json == {
        "source": str(source),
        "translation": str(target),
        "format": "Word",
        "characters": 3,
        "model": "csanmt-zh-en:v1.0.0",
        "warnings": [],
    }
    assert docx.Document(io.BytesIO(target.read_bytes())).paragraphs[0].text == "Hello."


def test_several_documents_and_a_name_of_ones_own(csanmt, words, tmp_path: Path) -> None:
    one, two, out = (tmp_path / name for name in ("a.txt", "b.md", "out.txt"))
    one.write_text("你好。\n", encoding="utf-8")
    two.write_text("# 再见。\n", encoding="utf-8")
    assert csanmt(*words, one, two).status == 0
    assert (tmp_path / "b.en.md").read_text(encoding="utf-8") == "# Goodbye.\n"
    assert csanmt(*words, one).status == ConflictError.exit_code  # its translation is there
    assert csanmt(*words, one, "--output", out).status == 0
    assert csanmt(*words, one, "-o", out).status == 0  # named, so it may be overwritten
    assert out.read_text(encoding="utf-8") == "Hello.\n"
    assert sorted(p.name for p in tmp_path.glob("*.*")) == [
        "a.en.txt",
        "a.txt",
        "b.en.md",
        "b.md",
        "out.txt",
    ]


def test_mistakes_are_named(csanmt, words, tmp_path: Path) -> None:
    one, bad = tmp_path / "a.txt", tmp_path / "b.docx"
    one.write_text("你好。", encoding="utf-8")
    bad.write_bytes(b"no archive")
    assert csanmt(*words, tmp_path / "no.docx").status == NotFoundError.exit_code
    for wrong in ([one, "你好。"], [one, "-o", one], [one, bad, "-o", "x.txt"], [bad]):
        outcome = csanmt(*words, *wrong)
        assert outcome.status == InvalidInputError.exit_code, wrong
        assert outcome.err.count("\n") == 1
    assert not (tmp_path / "b.en.docx").exists()


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".DOCX"])
def test_every_suffix_of_a_format_names_a_document(csanmt, words, suffix: str) -> None:
    assert csanmt(*words, f"absent{suffix}").status == NotFoundError.exit_code


def test_a_plain_text_does_not_load_the_formats() -> None:
    code = (
        "import sys; from cli.documents import named; "
        "print(named(['你好。', '价格是3.5', '升级到v1.2.0']), "
        "'csanmt.documents.formats' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] False\n"


def test_sentence_that_ends_with_a_file_name_is_a_sentence(csanmt, words) -> None:
    assert csanmt(*words, "请打开说明.txt").out == "[请打开说明.txt]\n"
