"""HTML and XHTML: the texts are translated, with the attributes that are read like texts;
every tag and every other attribute stays as written.

``csanmt.markup`` reads the markup without making a tree of it, so that what is broken,
foreign or a template comes back as it came.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from csanmt.documents.encoding import decode
from csanmt.documents.leftovers import Part, chinese, count
from csanmt.documents.limits import DocumentError, Limits, Meter
from csanmt.documents.patches import Patches
from csanmt.documents.protocol import Languages
from csanmt.markup import MarkedText, MarkupDocument, Placed, html_rules, parse_markup
from csanmt.markup.structure import analyse
from csanmt.markup.tokens import Token, TokenKind, tokenize

_OWN_ENTITIES = re.compile(r"<!ENTITY", re.I)
# A tag that says its language is Chinese.
_LANGUAGE = re.compile(
    r"""(<(?P<name>[A-Za-z][A-Za-z0-9:-]{0,40})(?=\s)[^<>]{0,2000}?[\s"'](?:xml:)?lang\s?=\s?["']?)"""
    r"""(?:zh|cn)[A-Za-z-]{0,40}(?=["'\s/>])(?P<rest>[^<>]{0,2000})""",
    re.I,
)
_UNCHANGED = re.compile(r"""\stranslate\s?=\s?["']?no\b|\bnotranslate\b""", re.I)
_READ = frozenset({"alt", "title", "placeholder", "aria-label", "label", "summary"})
_ATTRIBUTE = re.compile(
    r"""(?<=[\s"'])(?P<name>[A-Za-z][A-Za-z0-9:-]*+)\s*+=\s*+"""
    r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'=<>`]++))"""
)
# What <meta name="…"> says in words.
_META = frozenset({"description", "og:title", "og:description", "twitter:title",
                   "twitter:description", "keywords", "dc.title", "dc.description"})  # fmt: skip
_BUTTONS = frozenset({"button", "submit", "reset"})
_KEPT: dict[str, Part] = {
    "code": "code", "kbd": "code", "samp": "code", "var": "code", "tt": "code", "svg": "images",
    "math": "formulas",
}  # fmt: skip
_UNREAD = frozenset({"script", "style", "rt", "rp", "rtc"})


class Html:
    name = "HTML"
    suffixes = (".html", ".htm", ".xhtml")
    media_type = "text/html"

    def open(self, data: bytes, limits: Limits, languages: Languages) -> HtmlDocument:
        return HtmlDocument(data, limits, languages.target)


class HtmlDocument:
    """A page; ``lang`` becomes the target's where it said Chinese and a text changed.

    Raises:
        DocumentError: it is no text, or declares entities of its own.
    """

    def __init__(self, data: bytes, limits: Limits, target: str) -> None:
        self._source = decode(data, look_for_declaration=True)
        self._limits, self._target = limits, target
        self._range = HtmlRange.of(self._source.text, 0, len(self._source.text))
        meter = Meter(limits)
        for unit in self._range.units:
            meter.count(len(unit.text.text))
        self.units = self._range.units

    def save(self) -> bytes:
        text = self._range.render()
        if any(unit.changed for unit in self.units):
            for _ in range(2):  # lang and xml:lang
                text = _LANGUAGE.sub(self._relabelled, text)
        return self._source.encode(text, errors="xmlcharrefreplace")

    def _relabelled(self, found: re.Match[str]) -> str:
        stays = found["name"].lower() in _UNREAD or _UNCHANGED.search(found[0])
        return found[0] if stays else found[1] + self._target + found["rest"]

    def left(self, data: bytes) -> Counter[Part]:
        return HtmlDocument(self._source.again(data), self._limits, self._target).remaining()

    def remaining(self) -> Counter[Part]:
        """What is Chinese in the page as it was opened."""
        return count("text", (unit.text.text for unit in self.units)) + self._range.kept


@dataclass(slots=True)
class TextUnit:
    """One text of a page, or an attribute's value.

    Attributes:
        place: of the value in the source; ``bare``: it stands there without quotes.
    """

    text: MarkedText
    place: tuple[int, int] | None = None
    bare: bool = False
    translation: Placed | None = None

    def put(self, translation: Placed) -> None:
        self.translation = translation

    @property
    def changed(self) -> bool:
        return self.translation is not None and self.translation.text != self.text.text


@dataclass(slots=True)
class HtmlRange:
    """HTML within a source: all of a page, or a block in Markdown.

    Attributes:
        kept: Chinese in it that stays, being code or marked as not to be translated.
    """

    start: int
    end: int
    source: str
    document: MarkupDocument
    units: list[TextUnit] = field(default_factory=list)
    kept: Counter[Part] = field(default_factory=Counter)

    @classmethod
    def of(cls, source: str, start: int, end: int) -> HtmlRange:
        part = source[start:end]
        if _OWN_ENTITIES.search(part):
            raise DocumentError("HTML with entities of its own is not accepted")
        document = parse_markup(part, html_rules())
        attributes, kept = _read_tokens(part)
        units = [*(TextUnit(text) for text in document.texts), *attributes]
        return cls(start, end, part, document, units, kept)

    def render(self) -> str:
        texts = [unit for unit in self.units if unit.place is None]
        attributes = [u for u in self.units if u.place is not None and u.changed]
        if not attributes:
            return self.document.render([u.translation or _unchanged(u.text) for u in texts])
        pieces, at = [], 0
        for unit in attributes:
            assert unit.place is not None
            assert unit.translation is not None
            start, end = unit.place
            quote = '"' if unit.bare else ""
            value = html.escape(unit.translation.text)
            pieces += [self.source[at:start], quote + value + quote]
            at = end
        pieces.append(self.source[at:])
        # Tags have other attributes now, and all texts are where they were.
        document = parse_markup("".join(pieces), html_rules())
        return document.render(_moved(document.texts, texts))

    def apply(self, patches: Patches[str]) -> None:
        if any(unit.translation for unit in self.units):
            patches.replace(self.start, self.end, self.render())


def _moved(texts: Sequence[MarkedText], units: Sequence[TextUnit]) -> list[Placed]:
    """Translations with the tags of ``texts`` in place of those of the units."""
    placed = []
    for text, unit in zip(texts, units, strict=True):
        old = unit.translation
        placed.append(_unchanged(text) if old is None else Placed(text, old.text, old.ranges))
    return placed


def _unchanged(text: MarkedText) -> Placed:
    return Placed(text, text.text, tuple((mark.start, mark.end) for mark in text.marks))


def _read_tokens(source: str) -> tuple[list[TextUnit], Counter[Part]]:
    """Attributes that are read like texts, and the Chinese that stays."""
    tokens = tokenize(source, xml=False)
    kept_ranges = analyse(tokens, html_rules()).kept
    units: list[TextUnit] = []
    kept: Counter[Part] = Counter()
    at, kept_until, kind = 0, -1, ""
    for i, token in enumerate(tokens):
        if i > kept_until and i in kept_ranges:
            kept_until, kind = kept_ranges[i], token.name
        if i <= kept_until:
            if token.kind is TokenKind.TEXT and kind not in _UNREAD:
                kept += count(_KEPT.get(kind, "marked"), [token.raw])
        elif token.kind in (TokenKind.START, TokenKind.EMPTY) and chinese(token.raw):
            units += _attributes(token, at)
        at += len(token.raw)
    return units, kept


def _attributes(token: Token, at: int) -> Iterator[TextUnit]:
    found = list(_ATTRIBUTE.finditer(token.raw, len(token.name) + 1))
    values = {f["name"].lower(): f[f.lastgroup or "name"] for f in found}
    for attribute in found:
        kind = attribute.lastgroup or "name"
        text = html.unescape(attribute[kind])
        if _is_read(token.name, attribute["name"].lower(), values) and chinese(text):
            start, end = attribute.span(kind)
            yield TextUnit(MarkedText(text), (at + start, at + end), kind == "bare")


def _is_read(element: str, name: str, values: dict[str, str]) -> bool:
    """Whether an attribute says something to people."""
    if element == "meta" and name == "content":
        return (values.get("name") or values.get("property") or "").lower() in _META
    if element == "input" and name == "value":
        return values.get("type", "").lower() in _BUTTONS
    return name in _READ
