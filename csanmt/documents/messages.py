"""Messages of programs, and JSON, which holds them: keys, numbers, order and layout stay.

Markup in a message is read as tags, so that it moves with its words.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from csanmt.documents.leftovers import Part, chinese, count
from csanmt.documents.limits import DocumentError
from csanmt.documents.patches import Code, PatchUnit
from csanmt.documents.plain import text_format
from csanmt.documents.protocol import Languages
from csanmt.markup.segments import Segment, Tag, TagKind, coded, tag_codes, written
from csanmt.markup.tokens import VOID
from csanmt.protected.finder import find_each
from csanmt.surrogates import lone_surrogate

# How the word before it is read, which is no word.
READING = r"<(?:rt|rp)\b[^<>]*>[^<>]*(?:</(?:rt|rp)>)?"
_TAG = re.compile(
    rf"{READING}|(?<=\S)\t+|"
    r"<(/?)([A-Za-z][A-Za-z0-9:._-]{0,60}+|[0-9]{1,3})"
    r"(?:[\s/](?:[^<>\"'\u2e80-\uffef]|\"[^<>\"]*+\"|'[^<>']*+'){0,1000}+)?>"
)
# Tags of HTML that are about the text beside them, when they stand alone.
_BESIDE = frozenset({
    "a", "b", "big", "center", "code", "div", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "kbd", "li", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "sup", "td",
    "tr", "u", "ul", "wbr",
})  # fmt: skip
_AS_TAGS = frozenset({"tag", "element", "comment"})  # other pieces may hold what looks like one
# In valid JSON this finds every string and nothing else.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_COLON = re.compile(r"\s*+:")


def read_message(text: str) -> Segment:
    """What is around words is a pair; a tag without a partner stands where it stood, or in the
    place of a word where HTML does not know it. A tab within a line stays."""
    return coded(text, _tags(text), 0, len(text))


def is_copy(source: str, target: str) -> bool:
    """A target in Chinese that only repeats its source (msginit writes them so, and Symfony
    with two underscores before it) is no translation."""
    return target.removeprefix("__").strip() == source.strip() and chinese(source)


def _tags(text: str) -> list[Code]:
    pieces = [piece for piece in find_each(text) if piece.family.name not in _AS_TAGS]

    def within(at: int) -> bool:
        before = bisect_left(pieces, at, key=lambda piece: piece.start) - 1
        return before >= 0 and at < pieces[before].end

    matches = [match for match in _TAG.finditer(text) if not within(match.start())]
    return tag_codes(text, [(m, _name(m), _kind(m[2] or m[0][0])) for m in matches])


def _name(tag: re.Match[str]) -> str:
    """Of a tag that may have a partner; else none."""
    name = (tag[2] or "").lower()
    return "" if not name or tag[0].endswith("/>") or name in VOID else tag[1] + name


def _kind(name: str) -> TagKind:
    if name.lower() in ("br", "\t"):
        return "break"
    return "point" if name.lower() in _BESIDE or name == "<" else "atom"


@text_format
def json_values(text: str, kept: Counter[Part], _: Languages) -> Iterator[PatchUnit[str]]:
    """The values. Raises DocumentError: it is no JSON."""
    try:
        json.loads(text)
    except RecursionError:
        raise DocumentError("JSON nested too deep") from None
    except ValueError as error:
        raise DocumentError(f"not JSON: {str(error).partition(';')[0]}") from None
    ascii_only = text.isascii()
    for found in _STRING.finditer(text):
        value = json.loads(found[0], strict=False)
        if _COLON.match(text, found.end()):
            kept += count("keys", [value])
            continue
        if lone_surrogate(value) is not None:
            raise DocumentError("a string holds half of a surrogate pair")
        segment = read_message(value)
        kept += count("attributes", (tag.raw for tag in segment if isinstance(tag, Tag)))
        yield PatchUnit(
            segment, *found.span(), lambda s, _: json.dumps(written(s), ensure_ascii=ascii_only)
        )
