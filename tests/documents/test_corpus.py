"""Documents as other programs write them: all of their Chinese is translated, or said to stay."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from pathlib import Path

import docx
import openpyxl
import polib
import pptx
import pytest
from lxml import etree

from csanmt.documents.formats import find
from csanmt.documents.translation import translate_document
from tests.documents.conftest import entries
from tests.documents.gloss import GlossTranslator

FILES = sorted(p for p in (Path(__file__).parent / "corpus").iterdir() if p.suffix != ".md")
LEFT = {
    "exceljs.xlsx": {"formulas": 1},
    "libreoffice.xlsx": {"formulas": 1},
    "libreoffice.ods": {"formulas": 1},
}
READERS = {".docx": docx.Document, ".pptx": pptx.Presentation, ".xlsx": openpyxl.load_workbook}
HAN = re.compile("[\u4e00-\u9fff]")
OFFICE = shutil.which("soffice")


def targets(text: str) -> list[str]:
    """What a text of XLIFF says in English."""
    tree = etree.fromstring(text.encode())
    assert len(list(tree.iter("{*}target"))) == len(list(tree.iter("{*}source")))
    return ["".join(target.itertext()) for target in tree.iter("{*}target")]


def messages(text: str) -> list[str]:
    """What a catalogue says in English."""
    entries = list(polib.pofile(text))
    return [t for e in entries for t in (list(e.msgstr_plural.values()) or [e.msgstr])]


def dialogues(text: str) -> list[str]:
    return re.findall("^Dialogue:.*", text, re.M)


SAID = {".xlf": targets, ".po": messages, ".ass": dialogues}


def translated(path: Path) -> tuple[bytes, dict[str, int]]:
    result = translate_document(GlossTranslator(), find(path.name), path.read_bytes())
    return result.data, {left.part: left.count for left in result.left}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_document_of_another_program_is_translated_whole(path) -> None:
    data, left = translated(path)
    assert left == LEFT.get(path.name, {})
    if said := SAID.get(path.suffix):
        texts = said(data.decode())
        assert texts
        assert not any(not text.strip() or HAN.search(text) for text in texts)
        return
    before, after = entries(path.read_bytes()), entries(data)
    assert list(before) == list(after)
    for name, part in after.items():
        if name.endswith((".xml", ".rels", ".opf", ".ncx", ".xhtml")):
            tree = etree.fromstring(part.replace(b"&nbsp;", b" ") or b"<empty/>")
            if name.endswith(".rels"):  # no relation was added, lost or changed
                assert part == before[name]
            elif not left and "theme" not in name:
                assert not HAN.search("".join(tree.itertext()))
    if read := READERS.get(path.suffix):
        read(io.BytesIO(data))


@pytest.fixture(scope="session")
def profile(tmp_path_factory) -> str:
    """LibreOffice's own files, which its first start makes."""
    return f"-env:UserInstallation=file://{tmp_path_factory.mktemp('office')}"


def pages(paths: list[Path], folder: Path, profile: str) -> list[int]:
    """Of the PDFs that LibreOffice makes of them."""
    command = [OFFICE, profile, "--headless", "--convert-to", "pdf", "--outdir", folder, *paths]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    made = [(folder / f"{path.stem}.pdf").read_bytes() for path in paths]
    return [len(re.findall(rb"/Type\s*/Page\b", pdf)) for pdf in made]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_office_shows_as_many_pages_as_before(path, tmp_path, profile) -> None:
    if OFFICE is None or not (os.environ.get("OFFICE") or path.name == "pandoc.docx"):
        pytest.skip("make test-office looks at all of them, where LibreOffice is installed")
    if path.suffix == ".epub" or path.suffix in SAID:
        pytest.skip("LibreOffice reads no such files")
    result = tmp_path / f"english-{path.name}"
    result.write_bytes(translated(path)[0])
    before, after = pages([path, result], tmp_path, profile)
    assert before == after > 0
