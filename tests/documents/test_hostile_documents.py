"""Documents made to harm: each is refused, in a sentence, before it costs much."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csanmt.documents.formats import FORMATS, find
from csanmt.documents.limits import (
    DocumentError,
    DocumentTooLargeError,
    Limits,
    UnsupportedDocumentError,
)
from csanmt.documents.protocol import Languages
from csanmt.documents.translation import assemble, take_apart
from csanmt.errors import CsanmtError
from tests.documents.test_containers import word_document
from tests.documents.test_text_formats import XLIFF_1

SMALL = Limits(unpacked=4 << 20, part=3 << 20, entries=20)


def archive(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as out:
        for name, data in files:
            out.writestr(name, data)
    return target.getvalue()


def link() -> bytes:
    info = zipfile.ZipInfo("word/document.xml")
    info.external_attr, info.create_system = 0o120777 << 16, 3
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as out:
        out.writestr(info, "/etc/passwd")
    return target.getvalue()


def understated() -> bytes:
    """An entry that is longer than both of its headers claim."""
    data = bytearray(archive(("word/document.xml", b"a" * 5000)))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + place, 100)
    return bytes(data)


ARCHIVES = {
    "bomb by ratio": (archive(("a.xml", bytes(2 << 20))), DocumentTooLargeError),
    "bomb by size": (archive(*((f"{i}", bytes(1 << 19)) for i in range(9))), DocumentTooLargeError),
    "bomb by entries": (archive(*((f"{i}", b"") for i in range(21))), DocumentTooLargeError),
    "path upwards": (archive(("../../etc/passwd", b"x")), DocumentError),
    "absolute path": (archive(("/etc/passwd", b"x")), DocumentError),
    "path with backslashes": (archive(("a\\..\\..\\b", b"x")), DocumentError),
    "drive letter": (archive(("C:/x", b"x")), DocumentError),
    "link": (link(), DocumentError),
    "understated length": (understated(), DocumentError),
    "unusual packing": (archive(("a", b"x"), method=zipfile.ZIP_BZIP2), DocumentError),
    "nothing in it": (archive(), DocumentError),
}


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx", "a.epub"])
@pytest.mark.parametrize("kind", ARCHIVES)
def test_hostile_archives_are_refused(kind, name) -> None:
    data, error = ARCHIVES[kind]
    with pytest.raises(error):
        take_apart(find(name), data, SMALL, Languages())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_refused() -> None:
    with pytest.raises(DocumentError, match="one name"):
        take_apart(find("a.docx"), archive(("a", b"1"), ("a", b"2")), SMALL, Languages())


LAUGHS = '<!DOCTYPE x [<!ENTITY a "哈哈"><!ENTITY b "&a;&a;&a;&a;">]>'
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
OUTSIDE = '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'


@pytest.mark.parametrize("declaration", [LAUGHS, FILE, OUTSIDE])
def test_document_types_and_entities_are_refused(translate, declaration) -> None:
    xml = XLIFF_1.replace("?>\n", f"?>\n{declaration}\n", 1).replace("你<g", "&a;<g")
    with pytest.raises(DocumentError, match="entities"):
        translate("a.xlf", xml)
    word = io.BytesIO(word_document())
    with zipfile.ZipFile(word, "a") as out:
        part = out.read("word/header1.xml").decode().replace("?>", f"?>{declaration}", 1)
        out.filelist = [info for info in out.filelist if info.filename != "word/header1.xml"]
        out.NameToInfo.pop("word/header1.xml")
        out.writestr("word/header1.xml", part)
    with pytest.raises(DocumentError, match="entities"):
        translate("a.docx", word.getvalue())


def test_html_with_entities_of_its_own_is_refused(translate) -> None:
    with pytest.raises(DocumentError, match="entities"):
        translate("a.html", LAUGHS + "<p>&b;</p>")


def test_deep_nesting_is_refused(translate) -> None:
    deep = "<a>" * 5000 + "</a>" * 5000
    with pytest.raises(DocumentTooLargeError, match="deeper"):
        translate("a.xlf", deep)


def test_too_many_characters_are_refused(translate) -> None:
    with pytest.raises(DocumentTooLargeError, match="100 characters"):
        translate("a.txt", "好" * 101, replace(SMALL, characters=100))


@pytest.mark.parametrize("name", ["a.exe", "a", "a.pdf", "../a.docx/..", ""])
def test_other_files_are_refused_with_a_list(name) -> None:
    with pytest.raises(UnsupportedDocumentError, match=r"\.docx"):
        find(name)


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
@settings(max_examples=15, deadline=None)
@given(noise=st.binary(max_size=40), place=st.integers(0, 1 << 16), cut=st.integers(0, 40))
def test_damaged_documents_never_surprise(known, noise, place, cut) -> None:
    whole = SAMPLES[known.suffixes[0]]
    at = place % (len(whole) + 1)
    with contextlib.suppress(CsanmtError):
        document = (known, whole[:at] + noise + whole[at + cut :], SMALL, Languages())
        take_apart(*document)
        assemble(*document, {})


SAMPLES = {
    suffix: (
        word_document()
        if suffix in (".docx", ".pptx", ".xlsx", ".epub")
        else XLIFF_1.encode()
        if suffix in (".xliff", ".html")
        else "WEBVTT\n\n1\n00:01.000 --> 00:02.000\n你<i>好</i>\n".encode()
        if suffix == ".vtt"
        else '{"a": "你好 {n, plural, other {#}}"}'.encode()
        if suffix == ".json"
        else 'msgid "你好"\nmsgstr ""\n\n# **你** [好](x)\n| a | 好 |\n|---|---|\n'.encode()
    )
    for suffix in (known.suffixes[0] for known in FORMATS)
}


SLOW = {
    "dots.txt": ("a." * 100_000 + "好").encode(),
    "braces.json": ('"' + "{{" * 100_000 + '好"').encode(),
    "zeros.json": ('"%' + "0" * 200_000 + '好"').encode(),
    "brackets.md": ("好" + "[" * 20_000 + "*a " * 10_000 + " a*" * 10_000).encode(),
    "cells.xlf": XLIFF_1.replace("<source>书", "<source>" + "<g id='1'/>" * 20_000 + "书").encode(),
}


@pytest.mark.parametrize("name", SLOW)
def test_work_grows_no_faster_than_the_document(name) -> None:
    """Each took minutes when a pattern or a loop went over the text once for every mark."""

    def seconds(data: bytes) -> float:
        begun = time.process_time()
        with contextlib.suppress(CsanmtError):
            take_apart(find(name), data, Limits(), Languages())
        return time.process_time() - begun

    assert seconds(SLOW[name]) < 30  # of this process, however busy the machine is
