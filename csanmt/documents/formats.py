"""The formats there are, by the suffixes of files' names."""

from pathlib import PurePosixPath

from csanmt.documents import (
    catalogues,
    epub,
    hypertext,
    markdown,
    messages,
    office,
    opendocument,
    plain,
    subtitles,
    tables,
    xliff,
)
from csanmt.documents.limits import UnsupportedDocumentError
from csanmt.documents.plain import text_format
from csanmt.documents.protocol import Format

_OFFICE = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_PLAIN, _MARKDOWN = "text/plain; charset=utf-8", "text/markdown; charset=utf-8"

FORMATS = (
    Format("Plain text", (".txt", ".text"), _PLAIN, text_format(plain.plain_text)),
    Format("Markdown", (".md", ".markdown"), _MARKDOWN, markdown.opened),
    Format("HTML", (".html", ".htm", ".xhtml"), "text/html", hypertext.opened),
    Format("SubRip subtitles", (".srt",), "application/x-subrip", text_format(subtitles.subrip)),
    Format("WebVTT subtitles", (".vtt",), "text/vtt", text_format(subtitles.webvtt)),
    Format("Word", (".docx",), _OFFICE + "wordprocessingml.document", office.reader("docx")),
    Format("PowerPoint", (".pptx",), _OFFICE + "presentationml.presentation",
           office.reader("pptx")),
    Format("Excel", (".xlsx",), _OFFICE + "spreadsheetml.sheet", office.reader("xlsx")),
    Format("EPUB", (".epub",), "application/epub+zip", epub.EpubDocument),
    Format("OpenDocument text", (".odt",), _ODF + "text", opendocument.reader("text")),
    Format("OpenDocument spreadsheet", (".ods",), _ODF + "spreadsheet",
           opendocument.reader("spreadsheet")),
    Format("OpenDocument presentation", (".odp",), _ODF + "presentation",
           opendocument.reader("presentation")),
    Format("Gettext catalogue", (".po",), "text/x-gettext-translation",
           text_format(catalogues.gettext, catalogues.decoded)),
    Format("XLIFF", (".xliff", ".xlf"), "application/xliff+xml", xliff.XliffDocument),
    Format("JSON (values)", (".json",), "application/json", text_format(messages.json_values)),
    Format("CSV", (".csv",), "text/csv", text_format(tables.table(",;\t|，"))),
    Format("TSV", (".tsv", ".tab"), "text/tab-separated-values", text_format(tables.table("\t"))),
    Format("SubStation Alpha subtitles", (".ass", ".ssa"), "text/x-ssa",
           text_format(subtitles.ass)),
    Format("Lyrics", (".lrc",), "application/x-lrc", text_format(subtitles.lrc)),
)  # fmt: skip
SUFFIXES = tuple(suffix for known in FORMATS for suffix in known.suffixes)


def find(name: str) -> Format:
    """The format of a file of this name.

    Raises:
        UnsupportedDocumentError: none here; lists the suffixes there are.
    """
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    for known in FORMATS:
        if suffix in known.suffixes:
            return known
    given = f"{suffix!r} files are not" if suffix else "a file without a suffix is not"
    raise UnsupportedDocumentError(f"{given} supported; these are: {', '.join(SUFFIXES)}")
