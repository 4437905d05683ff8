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
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

from csanmt.documents.formats import find
from csanmt.documents.limits import Limits
from csanmt.documents.translation import translate_document
from csanmt.texts import translate_texts
from csanmt.translator import Translator

Texts = list[str]
Way = Callable[[Translator, Sequence[str]], Texts]
_CHUNK = 100  # texts in one document or request


def _document(
    suffix: str, write: Callable[[Sequence[str]], bytes], read: Callable[[bytes], Texts]
) -> Way:
    def way(translator: Translator, texts: Sequence[str]) -> Texts:
        found: Texts = []
        for start in range(0, len(texts), _CHUNK):
            part = texts[start : start + _CHUNK]
            done = translate_document(translator, find(f"a{suffix}"), write(part), limits=Limits())
            answers = read(done.data)
            if len(answers) != len(part):
                raise RuntimeError(f"{suffix}: {len(answers)} texts came back of {len(part)}")
            found += answers
        return found

    return way


def _paragraphs(texts: Sequence[str]) -> bytes:
    return "\n\n".join(texts).encode()


def _read_paragraphs(data: bytes) -> Texts:
    return data.decode().split("\n\n")


def _html(texts: Sequence[str]) -> bytes:
    body = "\n".join(f"<p>{html.escape(text, quote=False)}</p>" for text in texts)
    return f'<html lang="zh"><body>{body}</body></html>'.encode()


def _between(tag: str, data: bytes) -> Texts:
    found = re.findall(rf"<{tag}\b[^<>]*>(.*?)</{tag}>", data.decode(), re.S)
    return [html.unescape(text) for text in found]


def _cues(head: str, comma: str) -> Callable[[Sequence[str]], bytes]:
    def write(texts: Sequence[str]) -> bytes:
        time = f"00:00:01{comma}000 --> 00:00:02{comma}000"
        return (head + "\n\n".join(f"{i}\n{time}\n{t}" for i, t in enumerate(texts, 1))).encode()

    return write


def _read_cues(data: bytes) -> Texts:
    return re.findall(r"-->[^\n]*\n(.*?)(?=\n\n|\Z)", data.decode(), re.S)


def _docx(texts: Sequence[str]) -> bytes:
    import docx

    document = docx.Document()
    for text in texts:
        document.add_paragraph(text)
    return _saved(document)


def _read_docx(data: bytes) -> Texts:
    import docx

    return [paragraph.text for paragraph in docx.Document(io.BytesIO(data)).paragraphs]


def _pptx(texts: Sequence[str]) -> bytes:
    import pptx

    show = pptx.Presentation()
    for text in texts:
        slide = show.slides.add_slide(show.slide_layouts[5])
        slide.shapes.title.text_frame.text = text
    return _saved(show)


def _read_pptx(data: bytes) -> Texts:
    import pptx

    slides = pptx.Presentation(io.BytesIO(data)).slides
    return [slide.shapes.title.text_frame.text for slide in slides]


def _xlsx(texts: Sequence[str]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for row, text in enumerate(texts, 1):
        cell = book.active.cell(row, 1)
        cell.value, cell.data_type = text, "s"
    return _saved(book)


def _read_xlsx(data: bytes) -> Texts:
    import openpyxl

    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    return [str(row[0]) for row in sheet.iter_rows(values_only=True)]


def _saved(document: Any) -> bytes:
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def _epub(texts: Sequence[str]) -> bytes:
    from ebooklib import epub

    book = epub.EpubBook()
    book.set_title("a")
    chapter = epub.EpubHtml(title="a", file_name="a.xhtml", lang="zh")
    chapter.content = _html(texts)
    book.add_item(chapter)
    book.spine = [chapter]
    book.add_item(epub.EpubNcx())
    target = io.BytesIO()
    epub.write_epub(target, book)
    return target.getvalue()


def _read_epub(data: bytes) -> Texts:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = next(n for n in archive.namelist() if n.endswith("a.xhtml"))
        return _between("p", archive.read(name))


def _po(texts: Sequence[str]) -> bytes:
    import polib

    catalogue = polib.POFile(wrapwidth=0)
    catalogue.metadata = {"Content-Type": "text/plain; charset=utf-8"}
    for i, text in enumerate(texts):
        catalogue.append(polib.POEntry(msgctxt=str(i), msgid=text))
    return str(catalogue).encode()


def _read_po(data: bytes) -> Texts:
    import polib

    return [entry.msgstr for entry in polib.pofile(data.decode())]


def _xliff(texts: Sequence[str]) -> bytes:
    units = "".join(
        f'<trans-unit id="{i}"><source>{html.escape(text, quote=False)}</source></trans-unit>'
        for i, text in enumerate(texts)
    )
    head = '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">'
    file = '<file source-language="zh" target-language="en" datatype="plaintext" original="x">'
    return f"{head}{file}<body>{units}</body></file></xliff>".encode()


def _json(texts: Sequence[str]) -> bytes:
    return json.dumps(list(texts), ensure_ascii=False).encode()


_ODT = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"


def _odt(texts: Sequence[str]) -> bytes:
    body = "".join(f"<text:p>{html.escape(text, quote=False)}</text:p>" for text in texts)
    names = "".join(f' xmlns:{name}="{_ODT.format(name)}"' for name in ("office", "text"))
    content = f"<office:body><office:text>{body}</office:text></office:body>"
    kind = "application/vnd.oasis.opendocument.text"
    entry = f'<file-entry full-path="/" media-type="{kind}"/><file-entry full-path="content.xml" '
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in (
            ("mimetype", kind),
            ("content.xml", f"<office:document-content{names}>{content}</office:document-content>"),
            (
                "META-INF/manifest.xml",
                f'<manifest xmlns="{_ODT.format("manifest")}">{entry}'
                'media-type="text/xml"/></manifest>',
            ),
        ):
            archive.writestr(name, text)
    return target.getvalue()


def _read_odt(data: bytes) -> Texts:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return _between("text:p", archive.read("content.xml"))


def _csv(texts: Sequence[str]) -> bytes:
    target = io.StringIO()
    csv.writer(target).writerows([text] for text in texts)
    return target.getvalue().encode()


def _read_csv(data: bytes) -> Texts:
    return [row[0] for row in csv.reader(io.StringIO(data.decode(), newline=""))]


def _lrc(texts: Sequence[str]) -> bytes:
    return "\n".join(f"[00:{i:02}.00]{text}" for i, text in enumerate(texts)).encode()


def _read_lrc(data: bytes) -> Texts:
    return [line.partition("]")[2] for line in data.decode().splitlines()]


_CUE = "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,"


def _ass(texts: Sequence[str]) -> bytes:
    fields = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
    head = f"[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: {fields}\n"
    return (head + "\n".join(_CUE + text for text in texts)).encode()


def _read_ass(data: bytes) -> Texts:
    lines = data.decode().splitlines()
    return [line.removeprefix(_CUE) for line in lines if line.startswith(_CUE)]


def _text(translator: Translator, texts: Sequence[str]) -> Texts:
    return [answer.text for answer in translate_texts(translator, texts)]


def _asked(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def served(url: str) -> dict[str, Way]:
    """Our API and DeepL's of a running service."""

    def ours(_: Translator, texts: Sequence[str]) -> Texts:
        return [
            t
            for part in _chunks(texts)
            for t in _asked(f"{url}/translate", {"text": part})["translation"]
        ]

    def deepl(_: Translator, texts: Sequence[str]) -> Texts:
        body = {"target_lang": "EN", "source_lang": "ZH"}
        answers = [_asked(f"{url}/v2/translate", {"text": part, **body}) for part in _chunks(texts)]
        return [t["text"] for answer in answers for t in answer["translations"]]

    return {"POST /translate": ours, "POST /v2/translate": deepl}


def _chunks(texts: Sequence[str]) -> list[list[str]]:
    return [list(texts[i : i + 40]) for i in range(0, len(texts), 40)]


WAYS: dict[str, Way] = {
    "text": _text,
    "txt": _document(".txt", _paragraphs, _read_paragraphs),
    "md": _document(".md", _paragraphs, _read_paragraphs),
    "html": _document(".html", _html, lambda data: _between("p", data)),
    "srt": _document(".srt", _cues("", ","), _read_cues),
    "vtt": _document(".vtt", _cues("WEBVTT\n\n", "."), _read_cues),
    "docx": _document(".docx", _docx, _read_docx),
    "pptx": _document(".pptx", _pptx, _read_pptx),
    "xlsx": _document(".xlsx", _xlsx, _read_xlsx),
    "epub": _document(".epub", _epub, _read_epub),
    "po": _document(".po", _po, _read_po),
    "xliff": _document(".xliff", _xliff, lambda data: _between("target", data)),
    "odt": _document(".odt", _odt, _read_odt),
    "csv": _document(".csv", _csv, _read_csv),
    "lrc": _document(".lrc", _lrc, _read_lrc),
    "ass": _document(".ass", _ass, _read_ass),
    "json": _document(".json", _json, json.loads),
}
