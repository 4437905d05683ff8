"""A document of HTML or XML: what stays as it is, and the texts to translate in it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from csanmt.markup.marked import MarkedText, Placed
from csanmt.markup.rules import Rules
from csanmt.markup.run import Run
from csanmt.markup.segments import Segment
from csanmt.markup.structure import Structure, is_reading
from csanmt.markup.tokens import Token, TokenKind, tokenize
from csanmt.markup.words import marked

Escape = Callable[[str], str]
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});")
_XML_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);")
_FOREIGN_ENTITY = re.compile(r"&(?!amp;|lt;|gt;|quot;|apos;)[A-Za-z_][\w.-]{0,63};")
_LINE_END = re.compile(r"\r\n|\r|\n")


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
    def __init__(
        self, source: str, tokens: Sequence[Token], structure: Structure, rules: Rules
    ) -> None:
        self._source, self._tokens = source, tokens
        self._structure, self._rules = structure, rules
        self._segments: list[tuple[int, int, Segment]] = []
        self._run = Run(source)

    def parse(self) -> list[tuple[int, int, Segment]]:
        i = 0
        while i < len(self._tokens):
            last = self._structure.kept.get(i, i)
            if i in self._structure.splitting or i in self._structure.islands:
                self._flush()
            elif i in self._structure.kept:
                self._keep(i, last)
            else:
                self._add(i, self._tokens[i])
            i = last + 1
        self._flush()
        return self._segments

    def _keep(self, first: int, last: int) -> None:
        inside = self._tokens[first + 1 : last]
        shown = any(t.kind in (TokenKind.TEXT, TokenKind.CDATA) and t.raw.strip() for t in inside)
        place = self._tokens[first].start, self._tokens[last].end
        self._run.reach(*place)
        is_word = shown and not is_reading(self._tokens[first].name)
        self._run.tag("atom" if is_word else "point", place)

    def _add(self, i: int, token: Token) -> None:
        run, partner = self._run, self._structure.partner.get(i)
        place = token.start, token.end
        blank = token.kind is TokenKind.TEXT and not token.raw.strip()
        if run.empty and (blank or token.kind is TokenKind.OTHER):
            return
        run.reach(*place)
        if token.kind is TokenKind.TEXT:
            self._text(i, token)
        elif token.kind is TokenKind.CDATA:
            run.tag("atom", place)
        elif token.kind is TokenKind.EMPTY and token.name == "br" and not self._rules.xml:
            run.tag("break", place)
        elif token.kind is TokenKind.START and partner is not None:
            run.open(i, place, note=token.name in ("a", "sup"))
        elif token.kind is TokenKind.END and partner is not None:
            run.close(partner, place)
        else:
            run.tag("point", place)

    def _text(self, i: int, token: Token) -> None:
        """Text; a line end in ``<pre>`` stays one, an entity of XML's document type a word."""
        collapse = self._rules.collapse
        pattern = _FOREIGN_ENTITY if self._rules.xml else None
        if i in self._structure.preformatted:
            pattern, collapse = _LINE_END, False
        at = 0
        for found in pattern.finditer(token.raw) if pattern else ():
            self._run.text(self._read(token.raw[at : found.start()]), collapse=collapse)
            place = token.start + found.start(), token.start + found.end()
            self._run.tag("break" if pattern is _LINE_END else "atom", place)
            at = found.end()
        self._run.text(self._read(token.raw[at:]), collapse=collapse)

    def _read(self, raw: str) -> str:
        if self._rules.xml:
            return _XML_ENTITY.sub(lambda m: html.unescape(m.group()), raw)
        return html.unescape(raw)

    def _flush(self) -> None:
        """End the run; one without a word stays as it was."""
        found, self._run = self._run.finish(), Run(self._source)
        if found:
            self._segments.append(found)


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
