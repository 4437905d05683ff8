"""A document of HTML or XML: what stays as it is, and the texts to translate in it."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from csanmt.markup.marked import MarkedText, Placed
from csanmt.markup.rules import Rules
from csanmt.markup.segments import Segment, Tag, TagKind, TextOrTag, joined, pair
from csanmt.markup.structure import Structure, is_reading
from csanmt.markup.tokens import Token, TokenKind, tokenize
from csanmt.markup.words import marked

Escape = Callable[[str], str]
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});")
_XML_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);")
_FOREIGN_ENTITY = re.compile(r"&(?!amp;|lt;|gt;|quot;|apos;)[A-Za-z_][\w.-]{0,63};")
_LINE_END = re.compile(r"\r\n|\r|\n|(?<=\S)\t+")
_WHITE = re.compile(r"[ \t\n\r\f]+")
_SPACES = " \t\r\f\n"  # a wide blank is text: it indents
Range = tuple[int, int]


class MarkupDocument(Protocol):
    """A text with markup, taken apart."""

    @property
    def texts(self) -> Sequence[MarkedText]: ...

    def render(self, translations: Sequence[Placed]) -> str:
        """The document with its texts replaced, one translation each."""
        ...


@dataclass(frozen=True)
class TaggedDocument:
    """HTML or XML taken apart.

    Attributes:
        segments: what is translated: its start and end in the source, and the text with its
            tags, whose ``raw`` are such places too.
        escape: how text is written in this kind of document.
    """

    source: str
    tokens: Sequence[Token]
    structure: Structure
    segments: Sequence[tuple[int, int, Segment]]
    escape: Escape

    @cached_property
    def texts(self) -> list[MarkedText]:
        return [marked(segment) for _, _, segment in self.segments]

    def render(self, translations: Sequence[Placed]) -> str:
        """The document with its texts replaced, one translation each."""
        parts, at = list[str](), 0
        for (start, end, _), placed in zip(self.segments, translations, strict=True):
            text = self.written(placed.segment(), lambda a, b: self.source[a:b])
            parts += [self.source[at:start], text]
            at = end
        return "".join([*parts, self.source[at:]])

    def written(self, segment: Segment, raw: Callable[[int, int], str]) -> str:
        """A translation as source; ``raw`` gives that of a tag's place."""
        return "".join(self.escape(p) if isinstance(p, str) else raw(*p.raw) for p in segment)


def parse_markup(source: str, rules: Rules) -> TaggedDocument:
    """Read HTML or XML; whatever is wrong with it, nothing is lost or refused."""
    tokens = tokenize(source, xml=rules.xml)
    structure = Structure(tokens, rules)
    segments = _Parser(source, tokens, structure, rules).parse()
    return TaggedDocument(source, tokens, structure, segments, _escape(tokens, rules))


class _Parser:
    """Builds a segment of the tokens between two structural tags, one after the other."""

    def __init__(
        self, source: str, tokens: Sequence[Token], structure: Structure, rules: Rules
    ) -> None:
        self._source, self._tokens = source, tokens
        self._structure, self._rules = structure, rules
        self._segments: list[tuple[int, int, Segment]] = []
        self._begin()

    def _begin(self) -> None:
        self._items: list[TextOrTag] = []
        self._last = ""  # character of the text
        self._open: list[tuple[int, int]] = []  # token and item of the start tags that wait
        self._unopened: list[Tag] = []  # of end tags whose start tags stand before
        self._start = self._end = -1

    def parse(self) -> list[tuple[int, int, Segment]]:
        i = 0
        while i < len(self._tokens):
            last = self._structure.kept.get(i, i)
            if i in self._structure.splitting or i in self._structure.islands:
                self._finish()
            elif i in self._structure.kept:
                self._keep(i, last)
            else:
                self._add(i, self._tokens[i])
            i = last + 1
        self._finish()
        return self._segments

    def _keep(self, first: int, last: int) -> None:
        inside = self._tokens[first + 1 : last]
        shown = any(t.kind in (TokenKind.TEXT, TokenKind.CDATA) and t.raw.strip() for t in inside)
        place = self._tokens[first].start, self._tokens[last].end
        self._reach(*place)
        is_word = shown and not is_reading(self._tokens[first].name)
        self._tag("atom" if is_word else "point", place)

    def _add(self, i: int, token: Token) -> None:
        partner, place = self._structure.partner.get(i), (token.start, token.end)
        blank = token.kind is TokenKind.TEXT and not token.raw.strip()
        if self._start < 0 and (blank or token.kind is TokenKind.OTHER):
            return
        self._reach(*place)
        if token.kind is TokenKind.TEXT:
            self._add_text(i, token)
        elif token.kind is TokenKind.CDATA or token.raw.startswith("<%="):
            self._tag("atom", place)
        elif token.kind is TokenKind.EMPTY and token.name == "br" and not self._rules.xml:
            self._tag("break", place)
        elif token.kind is TokenKind.START and partner is not None:
            self._open.append((i, len(self._items)))
            self._items.append(Tag("open", place, note=token.name in ("a", "sup")))
        elif token.kind is TokenKind.END and partner is not None:
            self._close(partner, place)
        else:
            self._tag("point", place)

    def _reach(self, start: int, end: int) -> None:
        """Take this part of the source into the segment."""
        self._start, self._end = start if self._start < 0 else self._start, end

    def _add_text(self, i: int, token: Token) -> None:
        """Text; a line end in ``<pre>`` stays one, an entity of XML's document type a word."""
        collapse = self._rules.collapse
        pattern = _FOREIGN_ENTITY if self._rules.xml else None
        if i in self._structure.preformatted:
            pattern, collapse = _LINE_END, False
        at = 0
        for found in pattern.finditer(token.raw) if pattern else ():
            self._text(token.raw[at : found.start()], collapse=collapse)
            place = token.start + found.start(), token.start + found.end()
            self._tag("break" if pattern is _LINE_END else "atom", place)
            at = found.end()
        self._text(token.raw[at:], collapse=collapse)

    def _text(self, raw: str, *, collapse: bool) -> None:
        """Add plain text. With ``collapse`` white space is as HTML shows it."""
        if self._rules.xml:
            text = _XML_ENTITY.sub(lambda m: html.unescape(m.group()), raw)
        else:
            text = html.unescape(raw)
        if text := self._collapsed(text) if collapse else text:
            self._items.append(text)
            self._last = text[-1]

    def _collapsed(self, text: str) -> str:
        def shown(found: re.Match[str]) -> str:
            left = text[found.start() - 1] if found.start() else self._last
            right = text[found.end() : found.end() + 1]
            if left in (" ", "\n") and left:
                return ""
            wide = all(c and unicodedata.east_asian_width(c) in "WF" for c in (left, right))
            return "" if wide and "\n" in found.group() else " "

        return _WHITE.sub(shown, text)

    def _tag(self, kind: TagKind, place: Range) -> None:
        """Add what is no text and has no partner."""
        self._items.append(Tag(kind, place))
        self._last = {"break": "\n", "atom": "x"}.get(kind, self._last)

    def _close(self, token: int, place: Range) -> None:
        """An end tag; ``token`` is the index of its start tag.

        Pairs do not cross, so that is the innermost open one, or it stood before this segment
        and none is open.
        """
        if self._open and self._open[-1][0] == token:
            self._pair(place)
        else:
            opening, closing = pair((self._start, self._start), place)
            self._unopened.append(opening)
            self._items.append(closing)

    def _pair(self, closing: Range) -> None:
        at = self._open.pop()[1]
        opening = self._items[at]
        assert isinstance(opening, Tag)
        self._items[at], close = pair(opening.raw, closing, note=opening.note)
        self._items.append(close)

    def _finish(self) -> None:
        """End the segment; there is none without a word that a translator would read.

        What began before it, or goes on behind it, begins and ends with it. White space
        at the ends stays outside, but for lines: they may be those of ``<pre>``.
        """
        texts = [item for item in self._items if isinstance(item, str)]
        if any(c.isalnum() for text in texts for c in text):
            lines = any(isinstance(item, Tag) and item.kind == "break" for item in self._items)
            first, last = self._items[0], self._items[-1]
            raw = self._source[self._start : self._end]
            if isinstance(first, str) and not lines:
                self._start += len(raw) - len(raw.lstrip(_SPACES))
                self._items[0] = first.lstrip(_SPACES)
            if isinstance(last, str) and not lines:
                self._end -= len(raw) - len(raw.rstrip(_SPACES))
                self._items[-1] = str(self._items[-1]).rstrip(_SPACES)
            while self._open:
                self._pair((self._end, self._end))
            segment = joined([*reversed(self._unopened), *self._items])
            self._segments.append((self._start, self._end, segment))
        self._begin()


def _escape(tokens: Sequence[Token], rules: Rules) -> Escape:
    """Write text as the document writes it: a character it names stays named."""
    table = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
    pattern = _XML_ENTITY if rules.xml else _ENTITY
    for token in tokens:
        if token.kind is TokenKind.TEXT and "&" in token.raw:
            for entity in pattern.findall(token.raw):
                character = html.unescape(entity)
                if len(character) == 1 and not character.isalnum():
                    table.setdefault(character, entity)
    translation = str.maketrans(table)
    return lambda text: text.translate(translation)
