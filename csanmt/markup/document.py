"""A document of HTML or XML: what stays as it is, and the texts to translate in it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from csanmt.markup.marked import Kind, MarkedText, MarkupEvent, Placed
from csanmt.markup.rules import Rules
from csanmt.markup.run import Run
from csanmt.markup.structure import Structure, analyse, is_reading
from csanmt.markup.tokens import Token, TokenKind, tokenize

Escape = Callable[[str], str]
_SPACES = " \t\r\f\n"  # a wide blank is text: it indents
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});")
_XML_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);")
_FOREIGN_ENTITY = re.compile(r"(&(?!amp;|lt;|gt;|quot;|apos;)[A-Za-z_][\w.-]{0,63};)")


class MarkupDocument(Protocol):
    """A text with markup, taken apart."""

    @property
    def texts(self) -> Sequence[MarkedText]: ...

    def render(self, translations: Sequence[Placed]) -> str:
        """The document with its texts replaced, one translation each."""
        ...


@dataclass(frozen=True, slots=True)
class TaggedDocument:
    """Raw parts and texts in turn.

    Attributes:
        parts: a string stays as it is; a ``MarkedText`` is translated.
        escape: how text is written in this kind of document.
    """

    parts: tuple[str | MarkedText, ...]
    escape: Escape

    @property
    def texts(self) -> list[MarkedText]:
        return [part for part in self.parts if isinstance(part, MarkedText)]

    def render(self, translations: Sequence[Placed]) -> str:
        """The document with its texts replaced, one translation each."""
        rest = iter(translations)
        return "".join(
            part if isinstance(part, str) else self._joined(next(rest).pieces())
            for part in self.parts
        )

    def _joined(self, pieces: Iterable[MarkupEvent]) -> str:
        written: list[str] = []
        for piece in pieces:
            value = piece.value
            if piece.kind is Kind.TEXT:
                value = self.escape(value)
            elif piece.kind in (Kind.OPEN, Kind.CLOSE):
                value = value[piece.kind is Kind.CLOSE]
            elif isinstance(value, list):  # a word that went through whole
                value = self._joined(value)
            written.append(value)
        return "".join(written)


def parse_markup(source: str, rules: Rules) -> TaggedDocument:
    """Read HTML or XML; whatever is wrong with it, nothing is lost or refused."""
    tokens = tokenize(source, xml=rules.xml)
    parser = _Parser(tokens, analyse(tokens, rules), rules)
    return TaggedDocument(tuple(parser.parse()), _escape(tokens, rules))


class _Parser:
    def __init__(self, tokens: Sequence[Token], structure: Structure, rules: Rules) -> None:
        self._tokens = tokens
        self._structure = structure
        self._rules = rules
        self._parts: list[str | MarkedText] = []
        self._run = Run()

    def parse(self) -> list[str | MarkedText]:
        i = 0
        while i < len(self._tokens):
            last = self._structure.kept.get(i, i)
            raw = "".join(token.raw for token in self._tokens[i : last + 1])
            if i in self._structure.splitting or i in self._structure.islands:
                self._flush()
                self._parts.append(raw)
            elif i in self._structure.kept:
                self._run.raw.append(raw)
                self._keep(i, last, raw)
            else:
                self._add(i, self._tokens[i])
            i = last + 1
        self._flush()
        return self._parts

    def _keep(self, first: int, last: int, raw: str) -> None:
        inside = self._tokens[first + 1 : last]
        shown = any(t.kind in (TokenKind.TEXT, TokenKind.CDATA) and t.raw.strip() for t in inside)
        if shown and not is_reading(self._tokens[first].name):
            self._run.atom(raw)
        else:
            self._run.point(raw)

    def _add(self, i: int, token: Token) -> None:
        run, partner = self._run, self._structure.partner.get(i)
        blank = token.kind is TokenKind.TEXT and not token.raw.strip()
        if run.empty and (blank or token.kind is TokenKind.OTHER):
            self._parts.append(token.raw)
            return
        run.raw.append(token.raw)
        if token.kind is TokenKind.TEXT:
            self._text(i, token.raw)
        elif token.kind is TokenKind.CDATA:
            run.atom(token.raw)
        elif token.kind is TokenKind.EMPTY and token.name == "br" and not self._rules.xml:
            run.line_break(token.raw)
        elif token.kind is TokenKind.START and partner is not None:
            run.open(i, token.raw)
        elif token.kind is TokenKind.END and partner is not None:
            run.close(partner, token.raw)
        else:
            run.point(token.raw)

    def _text(self, i: int, raw: str) -> None:
        if i in self._structure.preformatted:
            self._run.lines(html.unescape(raw))
            return
        if not self._rules.xml:
            self._run.text(html.unescape(raw), collapse=self._rules.collapse)
            return
        for part in _FOREIGN_ENTITY.split(raw):
            if _FOREIGN_ENTITY.fullmatch(part):
                self._run.atom(part)
            elif part:
                text = _XML_ENTITY.sub(lambda m: html.unescape(m.group()), part)
                self._run.text(text, collapse=self._rules.collapse)

    def _flush(self) -> None:
        """End the run; one without a word stays as it was."""
        run, self._run = self._run, Run()
        if run.wordless:
            self._parts += run.raw
            return
        marked = run.finish()
        # With breaks, white space at the ends belongs to the text: it may be lines of <pre>.
        leading, trailing = ("", "") if marked.breaks else _white_ends(run.raw)
        self._parts += [leading, _stripped(marked, bool(leading), bool(trailing)), trailing]


def _white_ends(raw: Sequence[str]) -> tuple[str, str]:
    """White space before the first token's text and behind the last one's."""
    first, last = raw[0], raw[-1]
    return first[: len(first) - len(first.lstrip(_SPACES))], last[len(last.rstrip(_SPACES)) :]


def _stripped(marked: MarkedText, leading: bool, trailing: bool) -> MarkedText:
    """``marked`` without the white space that its surroundings already hold."""
    text = marked.text
    start = len(text) - len(text.lstrip(_SPACES)) if leading else 0
    end = len(text.rstrip(_SPACES)) if trailing else len(text)
    if (start, end) == (0, len(text)):
        return marked

    def moved(offset: int) -> int:
        return min(max(offset - start, 0), end - start)

    marks = tuple(replace(m, start=moved(m.start), end=moved(m.end)) for m in marked.marks)
    return replace(marked, text=text[start:end], marks=marks)


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
