"""Markdown (CommonMark with tables): prose is translated; code, addresses and marks stay.

markdown-it finds the blocks and says on which lines they are; within them the marks
become tags. What many dialects add to it stays too: notes (``[!NOTE]``, ``!!! note``,
``:::``), lists of definitions, attributes (``{: .lead}``), footnotes. Everything else,
front matter included, stays as written. The lines of a paragraph become one line.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from csanmt.documents import hypertext
from csanmt.documents.encoding import Decoded, decode
from csanmt.documents.leftovers import Part, count
from csanmt.documents.limits import DocumentError, DocumentTooLargeError, Limits
from csanmt.documents.markdown_inline import Inline
from csanmt.documents.patches import Change
from csanmt.documents.plain import text_format
from csanmt.documents.protocol import Languages, OpenDocument
from csanmt.markup import MarkedText, Placed

_FRONT_MATTER = re.compile(
    r"\A(?:---[ \t]*\n.*?\n(?:---|\.\.\.)|\+\+\+[ \t]*\n.*?\n\+\+\+)[ \t]*(?:\n|\Z)", re.S
)
_NESTING = 100
# A footnote's text; CommonMark would take its first word for the address of a link.
_FOOTNOTE = re.compile(r"^(?:[ ]{0,3}>[ ]?){0,9}[ ]{0,3}(\[\^[^\[\]\n]{1,200}\]:)", re.M)
# What a line begins with that stays there: the marker of a note, a definition, a footnote.
_MARKER = re.compile(
    r"\[![A-Za-z-]{1,40}\][+-]?[ \t]*+|:[ \t]++(?=\S)|~[ \t]++(?=\S)|\[\^[^\[\]\n]{1,200}\]:[ \t]*+"
    r"|:{2,}[\w-]{1,40}\[(?=[^\[\]\n]*\](?:\{[^{}\n]*\})?$)"
    r"|\*\[[^\[\]\n]{1,100}\]:[ \t]*+|///[ \t]++[A-Za-z][\w.-]{0,39}[ \t]*+\|[ \t]*+"
    r"|(?:!!!|\?\?\?\+?|///|:{3,}[ ]?\{?[A-Za-z0-9_.-]{1,40}\}?|={3})[ \t]++"
    r"(?:[A-Za-z][A-Za-z0-9_.-]{0,39}[ \t]++)*(?:[A-Za-z][A-Za-z0-9_.-]{0,39}$|\"|(?=[^\x00-\x7f]))"
)
# Lines that say nothing to readers.
_SYNTAX = re.compile(
    r"(?::{3,}|!!!|\?\?\?\+?|///)[ \t]*+[\w.{}\s-]*$|:{2,}[ ]?[\w-]*\{[^{}]*\}$|\{:?[^{}]*\}$"
    r"|\{\{[^{}]*\}\}$|:[\w-]{1,40}:(?:[ \t][\x00-\x7f]*)?$|\[(?:TOC|\[_?toc_?\])\]$"
    r"|\^[\w-]+$",
    re.I | re.A,
)
_NOTE_START = re.compile(r"[ ]{0,3}(?:!!!|\?\?\?|===[!+]?[ \t]|///|\[\^|:[ \t])")
# A note or a tab with what is indented below it; of a definition or footnote, behind an empty line.
_NOTE = re.compile(
    r"^(?P<quote>(?:> )*+)(?P<head>(?:!!!|\?\?\?|===[!+]?[ \t]++\")[^\n]*+\n"
    r"|(?:\[\^|:[ \t])[^\n]*+\n(?:(?!(?:> )*+(?:\[\^|:[ \t]))[> \t]*+[^> \t\n][^\n]*+\n)*+"
    r"(?=[> \t]*+\n))"
    r"(?P<body>(?:(?P=quote)(?:(?:[ ]{4}|\t)[^\n]*+(?:\n|\Z)|[ \t]*+\n))++)",
    re.M,
)
_INDENT = re.compile(r"^((?:> )*+)(?:[ ]{4}|\t|(?=\n))", re.M)
_DEEPEST_NOTE = 5
_DEFINITION = re.compile(r"[^\n]*+\n(?:[ ]{0,3}>[ ]?)*+[ ]{0,3}:[ \t]")
_NO_LIMITS = Limits(characters=sys.maxsize, units=sys.maxsize)  # a request has its own
Range = tuple[int, int]


def opened(data: bytes, limits: Limits, languages: Languages) -> OpenDocument:
    """Take Markdown apart; the lines of it are limited, since each costs the parser."""

    def decoded(data: bytes) -> Decoded:
        source = decode(data)
        text = source.text.replace("\r\n", "\n").replace("\r", "\n")
        if text.count("\n") > limits.units:
            raise DocumentTooLargeError(f"the document holds more than {limits.units} lines")
        newline = "\r\n" if "\r\n" in source.text else source.newline
        return replace(source, text=text, newline=newline)

    return text_format(lambda *text: _ProseFinder(*text).changes(), decoded)(
        data, limits, languages
    )


class _ProseFinder:
    """Finds what of a text is prose; ``kept`` counts the Chinese that is not."""

    def __init__(self, text: str, kept: Counter[Part], languages: Languages) -> None:
        self._text, self.kept, self._target = text, kept, languages.target
        front = _FRONT_MATTER.match(text)
        self._body = front.end() if front else 0
        self.kept += count("properties", [text[: self._body]])
        self._places = _Places(text, self._body)
        self._lines = _quoted(text[self._body :]).split("\n")
        self._references: frozenset[str] = frozenset()

    def changes(self) -> Iterator[Change[str]]:
        cell = False
        for token in self._tokens():
            if token.type in ("th_open", "td_open", "th_close", "td_close"):
                cell = token.type.endswith("open")
            elif token.type == "html_block" and token.map:
                for start, end in self._places.html(token):
                    yield from hypertext.changes(self._text, start, end, self.kept, self._target)
            elif token.type == "code_block" and token.map and self._is_note(token.map[0]):
                yield from self._block(token)
            elif token.type in ("fence", "code_block"):
                self.kept += count("code", [token.content])
            elif token.type == "inline" and token.content.strip():
                if cell:
                    if place := self._places.cell(token):
                        yield from self._unit([place], cell=True)
                else:
                    yield from self._block(token)

    def _tokens(self) -> list[Token]:
        parser = MarkdownIt("commonmark", {"maxNesting": _NESTING})
        parser.enable(["table", "strikethrough"])
        parser.disable(["inline", "text_join"])  # places are wanted, not trees
        masked = _FOOTNOTE.sub(
            lambda m: m[0][: m.start(1) - m.start()] + "x" * len(m[1]), "\n".join(self._lines)
        )
        found: dict[str, Any] = {}
        try:
            tokens = parser.parse(masked, found)
        except RecursionError:
            raise DocumentError("Markdown nested too deep") from None
        references = found.get("references", {})
        self._references = frozenset(references)
        titles = (reference["title"] for reference in references.values())
        self.kept += count("attributes", titles)
        return tokens

    def _is_note(self, line: int) -> bool:
        """Whether lines that are indented go on with a note, a definition or a footnote."""
        above = (self._lines[number] for number in range(line - 1, -1, -1))
        outside = (said for said in above if said.strip() and not said.startswith(("    ", "\t")))
        return _NOTE_START.match(next(outside, "")) is not None

    def _block(self, token: Token) -> Iterator[Change[str]]:
        """The paragraphs that the lines of a block are; markers at their starts stay."""
        group: list[Range] = []
        for place in self._places.block(token):
            start, end = place
            line = self._text[start:end]
            marker = _MARKER.match(line)
            if not line or marker or _SYNTAX.match(line):
                yield from self._unit(group)
                group = []
                if not line:
                    continue
                begin = start + (marker.end() if marker else len(line))
                self.kept += count("attributes", [] if marker else [line])
                if self._text[begin - 1 : begin] == '"' and line.endswith('"'):
                    end -= 1  # the title of a note
                    yield from self._unit([(begin, end)] if begin < end else [])
                elif line[0] == ":" and self._text[begin - 1] == "[":
                    yield from self._unit([(begin, self._text.rindex("]", begin, end))])
                elif begin < end:
                    if line[:2] in ("[!", "::", "!!", "??", "//", "=="):
                        yield from self._unit([(begin, end)])
                    else:
                        group = [(begin, end)]
            elif self._defines(end):
                yield from self._unit([*group, place])  # a term, behind which its definition is
                group = []
            else:
                group.append(place)
        yield from self._unit(group)

    def _defines(self, end: int) -> bool:
        """Whether the next line is the definition of this one."""
        return _DEFINITION.match(self._text, end) is not None

    def _unit(self, places: list[Range], *, cell: bool = False) -> Iterator[Change[str]]:
        if any(self._text[start:end].strip() for start, end in places):
            inline = Inline(self._text, places, self._references)
            self.kept += inline.kept
            yield inline.unit(cell=cell)


def _quoted(text: str) -> str:
    """The text, as many lines, where what is indented below a note is a quote instead: Markdown
    as any, which a parser would take for code."""

    def quote(note: re.Match[str]) -> str:
        return note["quote"] + note["head"] + _INDENT.sub(r"\1> ", note["body"])

    for _ in range(_DEEPEST_NOTE):
        text = _NOTE.sub(quote, text)
    return text


class _Places:
    """Where in the text the content of a token is."""

    def __init__(self, text: str, body: int) -> None:
        self._text = text
        self._starts = [body, *(m.end() for m in re.finditer("\n", text) if m.end() > body)]
        self._starts.append(len(text))
        self._cursor = body

    def line(self, number: int) -> int:
        return self._starts[min(number, len(self._starts) - 1)]

    def cell(self, token: Token) -> Range | None:
        """Cells of one line come in order; a pipe in one is written with a backslash."""
        if not token.map:
            return None
        start = max(self._cursor, self.line(token.map[0]))
        end = self.line(token.map[1])
        for content in (token.content, token.content.replace("|", "\\|")):
            at = self._text.find(content, start, end)
            if at >= 0:
                self._cursor = at + len(content)
                return (at, at + len(content))
        return None

    def html(self, token: Token) -> Iterable[Range]:
        """A block of HTML; in a quote each of its lines."""
        start, end = (self.line(number) for number in token.map or (0, 0))
        return self.block(token) if ">" in self._text[start:end].split("<")[0] else [(start, end)]

    def block(self, token: Token) -> Iterator[Range]:
        """The content of each of the block's lines, without markers of lists and quotes."""
        if not token.map:
            return
        for number, content in enumerate(token.content.rstrip("\n").split("\n"), token.map[0]):
            start, end = self.line(number), self.line(number + 1)
            line = self._text[start:end].rstrip()
            wanted = content.strip()
            at = line.rfind(wanted)
            if at < 0:  # a footnote's first line, which the parser did not see
                at = max(0, len(line) - len(wanted))
            yield start + at, start + at + len(wanted)


class MarkdownText:
    """Implements ``MarkupDocument``: what a document of Markdown does, for a string."""

    def __init__(self, source: str) -> None:
        self._document = opened(source.encode(), _NO_LIMITS, Languages())
        self.texts: list[MarkedText] = [unit.text for unit in self._document.units]

    def render(self, translations: Sequence[Placed]) -> str:
        for unit, translation in zip(self._document.units, translations, strict=True):
            unit.put(translation)
        return self._document.save().decode()
