"""The ways into the product as functions from texts to translated texts.

Each document format has a writer and a reader that know nothing of the product: a text is a
paragraph, a cell or a message, and comes back as what a user of the format would read.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import docx
import httpx
import openpyxl
import polib
import pptx
from ebooklib import epub

from csanmt.documents.formats import find
from csanmt.documents.limits import Limits
from csanmt.documents.translation import translate_document
from csanmt.texts import translate_texts
from csanmt.translator import Translator

Texts = list[str]
Way = Callable[[Translator, Sequence[str]], Texts]
_CHUNK = 100  # texts in one document


def _document(
    suffix: str, write: Callable[[Sequence[str]], bytes], read: Callable[[bytes], Texts]
) -> Way:
    def way(translator: Translator, texts: Sequence[str]) -> Texts:
        found: Texts = []
        for part in _chunks(texts, _CHUNK):
            done = translate_document(translator, find(f"a{suffix}"), write(part), limits=Limits())
            answers = read(done.data)
            if len(answers) != len(part):
                raise RuntimeError(f"{suffix}: {len(answers)} texts came back of {len(part)}")
            found += answers
        return found

    return way


def _markup(
    item: str, pattern: str, head: str = "", foot: str = "", gap: str = "\n", escaped: bool = False
) -> tuple[Callable[[Sequence[str]], bytes], Callable[[bytes], Texts]]:
    """Writer and reader of a format that is a text with an item for each of the texts.

    Args:
        item: with ``{}`` where the text stands and ``{n}`` for its number.
        pattern: finds the texts again.
        escaped: as in XML.
    """

    def write(texts: Sequence[str]) -> bytes:
        shown = [html.escape(text, quote=False) if escaped else text for text in texts]
        return (head + gap.join(item.format(t, n=n) for n, t in enumerate(shown)) + foot).encode()

    def read(data: bytes) -> Texts:
        found = re.findall(pattern, data.decode(), re.DOTALL)
        return [html.unescape(text) if escaped else text for text in found]

    return write, read


_PARAGRAPHS = _markup("{}", r"(.+?)(?:\n\n|\Z)", gap="\n\n")
_HTML = _markup(
    "<p>{}</p>",
    r"<p\b[^<>]*>(.*?)</p>",
    '<html lang="zh"><body>',
    "</body></html>",
    escaped=True,
)
_CUE = r"-->[^\n]*\n(.*?)(?=\n\n|\Z)"
_SRT = _markup("{n}\n00:00:01,000 --> 00:00:02,000\n{}", _CUE, gap="\n\n")
_VTT = _markup("{n}\n00:00:01.000 --> 00:00:02.000\n{}", _CUE, "WEBVTT\n\n", gap="\n\n")
_LRC = _markup("[00:{n:02}.00]{}", r"\][^\S\n]*([^\n]*)")
_ASS = _markup(
    "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{}",
    r"Dialogue: (?:[^,\n]*,){9}([^\n]*)",
    "[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Name, "
    "MarginL, MarginR, MarginV, Effect, Text\n",
)
_XLIFF = _markup(
    '<trans-unit id="{n}"><source>{}</source></trans-unit>',
    r"<target\b[^<>]*>(.*?)</target>",
    '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2"><file source-language="zh" '
    'target-language="en" datatype="plaintext" original="x"><body>',
    "</body></file></xliff>",
    escaped=True,
)
_ODT_NAMES = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"
_ODT_KIND = "application/vnd.oasis.opendocument.text"
_ODT = _markup(
    "<text:p>{}</text:p>",
    r"<text:p\b[^<>]*>(.*?)</text:p>",
    f'<office:document-content xmlns:office="{_ODT_NAMES.format("office")}" '
    f'xmlns:text="{_ODT_NAMES.format("text")}"><office:body><office:text>',
    "</office:text></office:body></office:document-content>",
    escaped=True,
)


def _docx(texts: Sequence[str]) -> bytes:
    document = docx.Document()
    for text in texts:
        document.add_paragraph(text)
    return _saved(document)


def _read_docx(data: bytes) -> Texts:
    return [paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs]


def _pptx(texts: Sequence[str]) -> bytes:
    show = pptx.Presentation()
    for text in texts:
        slide = show.slides.add_slide(show.slide_layouts[5])
        slide.shapes.title.text_frame.text = text
    return _saved(show)


def _read_pptx(data: bytes) -> Texts:
    slides = pptx.Presentation(io.BytesIO(data)).slides
    return [slide.shapes.title.text_frame.text for slide in slides]


def _xlsx(texts: Sequence[str]) -> bytes:
    book = openpyxl.Workbook()
    for row, text in enumerate(texts, 1):
        cell = book.active.cell(row, 1)
        cell.value, cell.data_type = text, "s"
    return _saved(book)


def _read_xlsx(data: bytes) -> Texts:
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    return [str(row[0]) for row in sheet.iter_rows(values_only=True)]


def _saved(document: Any) -> bytes:
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def _epub(texts: Sequence[str]) -> bytes:
    book = epub.EpubBook()
    book.set_title("a")
    chapter = epub.EpubHtml(title="a", file_name="a.xhtml", lang="zh")
    chapter.content = _HTML[0](texts)
    book.add_item(chapter)
    book.spine = [chapter]
    book.add_item(epub.EpubNcx())
    target = io.BytesIO()
    epub.write_epub(target, book)
    return target.getvalue()


def _read_epub(data: bytes) -> Texts:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = next(n for n in archive.namelist() if n.endswith("a.xhtml"))
        return _HTML[1](archive.read(name))


def _po(texts: Sequence[str]) -> bytes:
    catalogue = polib.POFile(wrapwidth=0)
    catalogue.metadata = {"Content-Type": "text/plain; charset=utf-8"}
    for i, text in enumerate(texts):
        catalogue.append(polib.POEntry(msgctxt=str(i), msgid=text))
    return str(catalogue).encode()


def _read_po(data: bytes) -> Texts:
    return [entry.msgstr for entry in polib.pofile(data.decode())]


def _json(texts: Sequence[str]) -> bytes:
    return json.dumps(list(texts), ensure_ascii=False).encode()


def _odt(texts: Sequence[str]) -> bytes:
    manifest = (
        f'<manifest xmlns="{_ODT_NAMES.format("manifest")}">'
        f'<file-entry full-path="/" media-type="{_ODT_KIND}"/>'
        '<file-entry full-path="content.xml" media-type="text/xml"/></manifest>'
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("mimetype", _ODT_KIND)
        archive.writestr("content.xml", _ODT[0](texts))
        archive.writestr("META-INF/manifest.xml", manifest)
    return target.getvalue()


def _read_odt(data: bytes) -> Texts:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return _ODT[1](archive.read("content.xml"))


def _csv(texts: Sequence[str]) -> bytes:
    target = io.StringIO()
    csv.writer(target).writerows(enumerate(texts))  # a column says what parts them
    return target.getvalue().encode()


def _read_csv(data: bytes) -> Texts:
    return [row[1] for row in csv.reader(io.StringIO(data.decode(), newline=""))]


def _text(translator: Translator, texts: Sequence[str]) -> Texts:
    return [answer.text for answer in translate_texts(translator, texts)]


def served(url: str) -> dict[str, Way]:
    """Our API and DeepL's of a running service."""

    def asked(path: str, texts: Sequence[str], **body: str) -> list[Any]:
        bodies = ({"text": part, **body} for part in _chunks(texts, 40))
        replies = (httpx.post(f"{url}{path}", json=body, timeout=300) for body in bodies)
        return [reply.raise_for_status().json() for reply in replies]

    def ours(_: Translator, texts: Sequence[str]) -> Texts:
        return [t for answer in asked("/translate", texts) for t in answer["translation"]]

    def deepl(_: Translator, texts: Sequence[str]) -> Texts:
        answers = asked("/v2/translate", texts, target_lang="EN", source_lang="ZH")
        return [t["text"] for answer in answers for t in answer["translations"]]

    return {"POST /translate": ours, "POST /v2/translate": deepl}


def _chunks(texts: Sequence[str], size: int) -> list[Texts]:
    return [list(texts[i : i + size]) for i in range(0, len(texts), size)]


WAYS: dict[str, Way] = {
    "text": _text,
    "txt": _document(".txt", *_PARAGRAPHS),
    "md": _document(".md", *_PARAGRAPHS),
    "html": _document(".html", *_HTML),
    "srt": _document(".srt", *_SRT),
    "vtt": _document(".vtt", *_VTT),
    "docx": _document(".docx", _docx, _read_docx),
    "pptx": _document(".pptx", _pptx, _read_pptx),
    "xlsx": _document(".xlsx", _xlsx, _read_xlsx),
    "epub": _document(".epub", _epub, _read_epub),
    "po": _document(".po", _po, _read_po),
    "xliff": _document(".xliff", *_XLIFF),
    "odt": _document(".odt", _odt, _read_odt),
    "csv": _document(".csv", _csv, _read_csv),
    "lrc": _document(".lrc", *_LRC),
    "ass": _document(".ass", *_ASS),
    "json": _document(".json", _json, json.loads),
}
