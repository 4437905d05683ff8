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


def pages(path: Path, folder: Path) -> int:
    """Of the PDF that LibreOffice makes of it."""
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [OFFICE, profile, "--headless", "--convert-to", "pdf", "--outdir", folder, path]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    pdf = (folder / f"{path.stem}.pdf").read_bytes()
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_office_shows_as_many_pages_as_before(path, tmp_path) -> None:
    if OFFICE is None or not (os.environ.get("OFFICE") or path.name == "pandoc.docx"):
        pytest.skip("make test-office looks at all of them, where LibreOffice is installed")
    if path.suffix == ".epub" or path.suffix in SAID:
        pytest.skip("LibreOffice reads no such files")
    (tmp_path / "en").mkdir()
    result = tmp_path / "en" / path.name
    result.write_bytes(translated(path)[0])
    assert pages(result, tmp_path / "en") == pages(path, tmp_path) > 0
