"""HTML and XHTML: the texts are translated, every tag and attribute stays as written.

``csanmt.markup`` reads the markup without making a tree of it, so that what is broken,
foreign or a template comes back as it came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from csanmt.documents.encoding import decode
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.patches import Patches
from csanmt.documents.protocol import Languages
from csanmt.markup import MarkedText, MarkupDocument, Placed, html_rules, parse_markup

_OWN_ENTITIES = re.compile(r"<!DOCTYPE[^<>]*\[|<!ENTITY", re.I)
_LANGUAGE = re.compile(
    r"""(<html\b[^<>]*?\b(?:xml:)?lang\s*=\s*)(["']?)(?:zh|cn)[A-Za-z-]*(?=["'\s>])""", re.I
)


class Html:
    name = "HTML"
    suffixes = (".html", ".htm", ".xhtml")
    media_type = "text/html"

    def open(self, data: bytes, limits: Limits, languages: Languages) -> HtmlDocument:
        return HtmlDocument(data, languages.target)


class HtmlDocument:
    """A page; ``<html lang>`` becomes the target's where it said Chinese.

    Raises:
        DocumentError: it is no text, or declares entities of its own.
    """

    def __init__(self, data: bytes, target: str) -> None:
        self._source, self._target = decode(data, look_for_declaration=True), target
        self._range = HtmlRange.of(self._source.text, 0, len(self._source.text))
        self.units = self._range.units

    def save(self) -> bytes:
        text = self._range.render()
        for _ in range(2):  # lang and xml:lang
            text = _LANGUAGE.sub(rf"\g<1>\g<2>{self._target}", text, count=1)
        return self._source.encode(text, errors="xmlcharrefreplace")


@dataclass(slots=True)
class TextUnit:
    """One text of a page."""

    text: MarkedText
    translation: Placed | None = None

    def put(self, translation: Placed) -> None:
        self.translation = translation


@dataclass(slots=True)
class HtmlRange:
    """HTML within a source: all of a page, or a block in Markdown."""

    start: int
    end: int
    document: MarkupDocument
    units: list[TextUnit] = field(default_factory=list)

    @classmethod
    def of(cls, source: str, start: int, end: int) -> HtmlRange:
        part = source[start:end]
        if _OWN_ENTITIES.search(part):
            raise DocumentError("HTML with entities of its own is not accepted")
        document = parse_markup(part, html_rules())
        return cls(start, end, document, [TextUnit(text) for text in document.texts])

    def render(self) -> str:
        return self.document.render([u.translation or _unchanged(u.text) for u in self.units])

    def apply(self, patches: Patches[str]) -> None:
        if any(unit.translation for unit in self.units):
            patches.replace(self.start, self.end, self.render())


def _unchanged(text: MarkedText) -> Placed:
    return Placed(text, text.text, tuple((mark.start, mark.end) for mark in text.marks))
