"""HTML and XHTML: the texts are translated, with the attributes that are read like texts;
every tag and every other attribute stays as written.

``csanmt.markup`` reads the markup without making a tree of it, so that what is broken,
foreign or a template comes back as it came.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from csanmt.documents.encoding import Decoded, decode
from csanmt.documents.leftovers import Part, chinese, count
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.patches import Patches, PatchUnit, Render, patched
from csanmt.documents.plain import text_format
from csanmt.documents.protocol import Languages, OpenDocument, Unit
from csanmt.documents.segments import words
from csanmt.markup import MarkedText, Placed, html_rules, parse_markup
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
                   "twitter:description", "og:image:alt", "twitter:image:alt", "keywords",
                   "dc.title", "dc.description"})  # fmt: skip
_BUTTONS = frozenset({"button", "submit", "reset"})
_KEPT: dict[str, Part] = {
    "code": "code",
    "kbd": "code",
    "samp": "code",
    "var": "code",
    "tt": "code",
    "svg": "images",
    "math": "formulas",
}
# What scripts and styles say, without their comments.
_COMMENT = r"/\*(?:[^*]|\*(?!/))*+"
_SAID = {
    "script": re.compile(
        rf"""{_COMMENT}|//[^\n]*+|("(?:[^"\\\n]|\\.)*+|'(?:[^'\\\n]|\\.)*+|`(?:[^`\\]|\\.)*+)["'`]?""",
        re.S,
    ),
    "style": re.compile(rf"{_COMMENT}|\bcontent\s*+:([^;{{}}]*+)"),
}
_UNREAD = frozenset({"script", "style", "rt", "rp", "rtc"})


def opened(data: bytes, limits: Limits, languages: Languages) -> OpenDocument:
    """A page. Raises DocumentError: it is no text, or declares entities of its own."""
    return text_format(_changes, _decoded)(data, limits, languages)


def _decoded(data: bytes) -> Decoded:
    return replace(decode(data, look_for_declaration=True), errors="xmlcharrefreplace")


def _changes(text: str, kept: Counter[Part], languages: Languages) -> list[HtmlRange]:
    page = HtmlRange(text, 0, len(text), languages.target)
    kept += page.kept
    return [page]


def shown_by_style(text: str) -> Counter[Part]:
    """What a style sheet writes on a page."""
    return count("code", _SAID["style"].findall(text))


@dataclass(slots=True)
class TextUnit:
    """One text of a page."""

    text: MarkedText
    placed: Placed = field(init=False)
    part: Part = "text"

    def __post_init__(self) -> None:
        ranges = tuple((mark.start, mark.end) for mark in self.text.marks)
        self.placed = Placed(self.text, self.text.text, ranges)

    @property
    def says(self) -> str:
        return self.placed.text

    def put(self, translation: Placed) -> None:
        self.placed = translation


class HtmlRange:
    """HTML within a source: all of a page, or a block in Markdown; ``lang`` becomes the target's
    where it said Chinese and a text changed.

    Attributes:
        kept: Chinese in it that stays, being code or marked as not to be translated.
    """

    def __init__(self, source: str, start: int, end: int, target: str) -> None:
        self.start, self.end, self._target = start, end, target
        self._source = source[start:end]
        if _OWN_ENTITIES.search(self._source):
            raise DocumentError("HTML with entities of its own is not accepted")
        self._document = parse_markup(self._source, html_rules())
        self._texts = [TextUnit(text) for text in self._document.texts]
        self._attributes, self.kept = _read_tokens(self._source)
        self.units: list[Unit] = [*self._texts, *self._attributes]

    def apply(self, patches: Patches[str]) -> None:
        if any(unit.says != unit.text.text for unit in self.units):
            text = self._render()
            for _ in range(2):  # lang and xml:lang
                text = _LANGUAGE.sub(self._relabelled, text)
            patches.replace(self.start, self.end, text)

    def _render(self) -> str:
        placed = [unit.placed for unit in self._texts]
        if all(unit.translation is None for unit in self._attributes):
            return self._document.render(placed)
        # Tags have other attributes now, and all texts are where they were.
        document = parse_markup(patched(self._source, self._attributes), html_rules())
        moved = zip(document.texts, placed, strict=True)
        return document.render([Placed(text, p.text, p.ranges) for text, p in moved])

    def _relabelled(self, found: re.Match[str]) -> str:
        stays = found["name"].lower() in _UNREAD or _UNCHANGED.search(found[0])
        return found[0] if stays else found[1] + self._target + found["rest"]


def _read_tokens(source: str) -> tuple[list[PatchUnit[str]], Counter[Part]]:
    """Attributes that are read like texts, and the Chinese that stays."""
    tokens = tokenize(source, xml=False)
    kept_ranges = analyse(tokens, html_rules()).kept
    units: list[PatchUnit[str]] = []
    kept: Counter[Part] = Counter()
    at, kept_until, kind = 0, -1, ""
    for i, token in enumerate(tokens):
        if i > kept_until and i in kept_ranges:
            kept_until, kind = kept_ranges[i], token.name
        if i <= kept_until:
            if token.kind is TokenKind.TEXT and kind not in _UNREAD:
                kept += count(_KEPT.get(kind, "marked"), [token.raw])
            elif kind in _SAID:
                kept += count("code", _SAID[kind].findall(token.raw))
        elif token.kind in (TokenKind.START, TokenKind.EMPTY) and chinese(token.raw):
            units += _attributes(token, at, kept)
        at += len(token.raw)
    return units, kept


def _attributes(token: Token, at: int, kept: Counter[Part]) -> Iterator[PatchUnit[str]]:
    found = list(_ATTRIBUTE.finditer(token.raw, len(token.name) + 1))
    values = {f["name"].lower(): f[f.lastgroup or "name"] for f in found}
    for attribute in found:
        kind = attribute.lastgroup or "name"
        text = html.unescape(attribute[kind])
        name = attribute["name"].lower()
        if name == "srcdoc" or (token.name, name) == ("input", "value"):
            kept += count("attributes", [text])
        if _is_read(token.name, attribute["name"].lower(), values) and chinese(text):
            start, end = attribute.span(kind)
            form = '"{}"' if kind == "bare" else "{}"
            yield PatchUnit((text,), at + start, at + end, _value(form))


def _value(form: str) -> Render[str]:
    return lambda segment, _: form.format(html.escape(words(segment)))


def _is_read(element: str, name: str, values: dict[str, str]) -> bool:
    """Whether an attribute says something to people."""
    if element == "meta" and name == "content":
        return (values.get("name") or values.get("property") or "").lower() in _META
    if element == "input" and name == "value":
        return values.get("type", "").lower() in _BUTTONS
    return name in _READ
