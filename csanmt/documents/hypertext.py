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
from dataclasses import replace
from functools import partial

from csanmt.documents.encoding import Decoded, decode
from csanmt.documents.leftovers import Part, chinese, count
from csanmt.documents.limits import DocumentError
from csanmt.documents.patches import Change, Consequence, Patches, PatchUnit, Render
from csanmt.documents.plain import text_format
from csanmt.documents.protocol import Languages
from csanmt.markup import Segment, TaggedDocument, html_rules, parse_markup
from csanmt.markup.segments import words
from csanmt.markup.tokens import ATTRIBUTE, Token, TokenKind

_OWN_ENTITIES = re.compile(r"<!ENTITY", re.I)
_READ = frozenset({"alt", "title", "placeholder", "aria-label", "label", "summary", "abbr",
                   "aria-description", "aria-placeholder", "aria-roledescription",
                   "aria-valuetext"})  # fmt: skip
# What <meta name="…"> says in words.
_META = frozenset({"description", "og:title", "og:description", "twitter:title",
                   "twitter:description", "og:image:alt", "twitter:image:alt", "keywords",
                   "dc.title", "dc.description"})  # fmt: skip
_BUTTONS = frozenset({"button", "submit", "reset"})
_KEPT: dict[str, Part] = {"svg": "images", "math": "formulas"}
_KEPT |= dict.fromkeys(("code", "kbd", "samp", "var", "tt"), "code")
# What scripts and styles say, without their comments.
_COMMENT = r"/\*(?:[^*]|\*(?!/))*+"
_SAID = {
    "script": re.compile(
        rf"""{_COMMENT}|//[^\n]*+|("(?:[^"\\\n]|\\.)*+|'(?:[^'\\\n]|\\.)*+|`(?:[^`\\]|\\.)*+)["'`]?""",
        re.S,
    ),
    "style": re.compile(rf"{_COMMENT}|\bcontent\s*+:([^;{{}}]*+)"),
}
_SAYS_NOTHING = ("<!--", "<!d", "<!D", "<?xml", "<%#", "<%--")  # of what is no tag
_UNREAD = frozenset({"script", "style", "rt", "rp", "rtc"})


def _decoded(data: bytes) -> Decoded:
    return replace(decode(data, look_for_declaration=True), errors="xmlcharrefreplace")


@partial(text_format, decoded=_decoded)
def opened(text: str, kept: Counter[Part], languages: Languages) -> Iterator[Change[str]]:
    """A page. Raises DocumentError: it is no text, or declares entities of its own."""
    return changes(text, 0, len(text), kept, languages.target)


def shown_by(kind: str, text: str) -> Counter[Part]:
    """What a script or a style sheet writes on a page."""
    return count("code", _SAID[kind].findall(text))


def changes(
    text: str, start: int, end: int, kept: Counter[Part], target: str
) -> Iterator[Change[str]]:
    """Units of the HTML in ``text[start:end]``; ``lang`` becomes the target's where it said
    Chinese and a text changed. Chinese that is code or marked to stay is counted in ``kept``."""
    source = text[start:end]
    if _OWN_ENTITIES.search(source):
        raise DocumentError("HTML with entities of its own is not accepted")
    document = parse_markup(source, html_rules())

    def render(segment: Segment, patches: Patches[str]) -> str:
        return document.written(segment, lambda a, b: patches.part(a + start, b + start))

    units = [PatchUnit(s, a + start, b + start, render) for a, b, s in document.segments]
    yield from units
    for token in _read_tokens(document, kept):
        for change in _attributes(token, token.start + start, kept, target, units):
            if isinstance(change, PatchUnit):
                units.append(change)
            yield change


def _read_tokens(document: TaggedDocument, kept: Counter[Part]) -> Iterator[Token]:
    """The start tags of what is read; the Chinese in what is not is counted."""
    kept_until, kind = -1, ""
    for i, token in enumerate(document.tokens):
        if i > kept_until and i in document.structure.kept:
            kept_until, kind = document.structure.kept[i], token.name
        if i <= kept_until:
            if token.kind is TokenKind.TEXT and kind not in _UNREAD:
                kept += count(_KEPT.get(kind, "marked"), [token.raw])
            elif kind in _SAID:
                kept += shown_by(kind, token.raw)
        elif token.kind in (TokenKind.START, TokenKind.EMPTY):
            yield token
        elif token.kind is TokenKind.OTHER and not token.raw.startswith(_SAYS_NOTHING):
            kept += count("code", [token.raw])


def _attributes(
    token: Token, at: int, kept: Counter[Part], target: str, causes: Sequence[PatchUnit[str]]
) -> Iterator[Change[str]]:
    """Those that are read like texts; a language that follows ``causes``."""
    found = list(ATTRIBUTE.finditer(token.raw, len(token.name) + 1))
    values = {f["name"].lower(): f[f.lastgroup or "name"] for f in found}
    for attribute in found:
        kind, name = attribute.lastgroup or "name", attribute["name"].lower()
        text = html.unescape(attribute[kind])
        start, end = (at + place for place in attribute.span(kind))
        if name in ("lang", "xml:lang") and text.lower().startswith(("zh", "cn")):
            yield Consequence(start, end, target, causes)
        if name == "srcdoc" or (token.name, name) == ("input", "value"):
            kept += count("attributes", [text])
        if _is_read(token.name, name, values) and chinese(text):
            form = '"{}"' if kind == "bare" else "{}"
            yield PatchUnit((text,), start, end, _value(form))


def _value(form: str) -> Render[str]:
    return lambda segment, _: form.format(html.escape(words(segment)))


def _is_read(element: str, name: str, values: dict[str, str]) -> bool:
    """Whether an attribute says something to people."""
    if element == "meta" and name == "content":
        return (values.get("name") or values.get("property") or "").lower() in _META
    if element == "input" and name == "value":
        return values.get("type", "").lower() in _BUTTONS
    return name in _READ
