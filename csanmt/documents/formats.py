"""The formats there are: of files by the suffixes of their names, of texts by their own."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from pkgutil import resolve_name

from csanmt.documents.limits import UnsupportedDocumentError
from csanmt.documents.protocol import Format
from csanmt.markup import MarkupDocument, html_rules, parse_markup, xml_rules

_OFFICE = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_PLAIN, _MARKDOWN = "text/plain; charset=utf-8", "text/markdown; charset=utf-8"

FORMATS = (
    Format("Plain text", (".txt", ".text"), _PLAIN, "plain:plain_text"),
    Format("Markdown", (".md", ".markdown"), _MARKDOWN, "markdown:opened"),
    Format("HTML", (".html", ".htm", ".xhtml"), "text/html", "hypertext:opened"),
    Format("SubRip subtitles", (".srt",), "application/x-subrip", "subtitles:subrip"),
    Format("WebVTT subtitles", (".vtt",), "text/vtt", "subtitles:webvtt"),
    Format("Word", (".docx",), _OFFICE + "wordprocessingml.document", "office:docx"),
    Format("PowerPoint", (".pptx",), _OFFICE + "presentationml.presentation", "office:pptx"),
    Format("Excel", (".xlsx",), _OFFICE + "spreadsheetml.sheet", "office:xlsx"),
    Format("EPUB", (".epub",), "application/epub+zip", "epub:EpubDocument"),
    Format("OpenDocument text", (".odt",), _ODF + "text", "opendocument:text"),
    Format("OpenDocument spreadsheet", (".ods",), _ODF + "spreadsheet", "opendocument:spreadsheet"),
    Format("OpenDocument presentation", (".odp",), _ODF + "presentation",
           "opendocument:presentation"),
    Format("Gettext catalogue", (".po",), "text/x-gettext-translation", "catalogues:gettext"),
    Format("XLIFF", (".xliff", ".xlf"), "application/xliff+xml", "xliff:XliffDocument"),
    Format("JSON (values)", (".json",), "application/json", "messages:json_values"),
    Format("CSV", (".csv",), "text/csv", "tables:csv"),
    Format("TSV", (".tsv", ".tab"), "text/tab-separated-values", "tables:tsv"),
    Format("SubStation Alpha subtitles", (".ass", ".ssa"), "text/x-ssa", "subtitles:ass"),
    Format("Lyrics", (".lrc",), "application/x-lrc", "subtitles:lrc"),
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


# Texts with markup in a request, by the names that the API gives to their formats.
PARSERS: Mapping[str, Callable[[str], MarkupDocument]] = {
    "html": lambda source: parse_markup(source, html_rules()),
    "xml": lambda source: parse_markup(source, xml_rules()),
    "markdown": lambda source: resolve_name("csanmt.documents.markdown:MarkdownText")(source),
}
