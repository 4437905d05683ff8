"""Markdown (CommonMark with tables): prose is translated; code, addresses and marks stay.

markdown-it finds the blocks and says on which lines they are; within them the marks
become tags. Everything else, front matter included, stays as written. The lines of a
paragraph become one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from csanmt.documents.encoding import decode
from csanmt.documents.hypertext import HtmlRange
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.markdown_inline import inline_unit
from csanmt.documents.patches import Change
from csanmt.documents.plain import TextDocument
from csanmt.documents.protocol import Languages

_FRONT_MATTER = re.compile(
    r"\A(?:---[ \t]*\n.*?\n(?:---|\.\.\.)|\+\+\+[ \t]*\n.*?\n\+\+\+)[ \t]*(?:\n|\Z)", re.S
)
_NESTING = 100


class Markdown:
    name = "Markdown"
    suffixes = (".md", ".markdown")
    media_type = "text/markdown; charset=utf-8"

    def open(self, data: bytes, limits: Limits, languages: Languages) -> TextDocument:
        source = decode(data)
        text = source.text.replace("\r\n", "\n").replace("\r", "\n")
        crlf = "\r\n" in source.text

        def encode(result: str) -> bytes:
            return source.encode(result.replace("\n", "\r\n") if crlf else result)

        return TextDocument(text, list(_changes(text)), encode)


def _changes(text: str) -> Iterator[Change[str]]:
    front = _FRONT_MATTER.match(text)
    body = front.end() if front else 0
    places = _Places(text, body)
    parser = MarkdownIt("commonmark", {"maxNesting": _NESTING}).enable(["table", "strikethrough"])
    parser.disable(["inline", "text_join"])  # places are wanted, not trees
    try:
        tokens = parser.parse(text[body:])
    except RecursionError:
        raise DocumentError("Markdown nested too deep") from None
    cell = False
    for token in tokens:
        if token.type in ("th_open", "td_open", "th_close", "td_close"):
            cell = token.type.endswith("open")
        elif token.type == "html_block" and token.map:
            yield HtmlRange.of(text, places.line(token.map[0]), places.line(token.map[1]))
        elif token.type == "inline" and token.content.strip():
            place = places.cell(token) if cell else places.block(token)
            if place:
                yield inline_unit(text, place, cell=cell)


class _Places:
    """Where in the text the content of a token is."""

    def __init__(self, text: str, body: int) -> None:
        self._text = text
        self._starts = [body, *(m.end() for m in re.finditer("\n", text) if m.end() > body)]
        self._starts.append(len(text))
        self._cursor = body

    def line(self, number: int) -> int:
        return self._starts[min(number, len(self._starts) - 1)]

    def cell(self, token: Token) -> list[tuple[int, int]] | None:
        """Cells of one line come in order; a pipe in one is written with a backslash."""
        if not token.map:
            return None
        start = max(self._cursor, self.line(token.map[0]))
        end = self.line(token.map[1])
        for content in (token.content, token.content.replace("|", "\\|")):
            at = self._text.find(content, start, end)
            if at >= 0:
                self._cursor = at + len(content)
                return [(at, at + len(content))]
        return None

    def block(self, token: Token) -> list[tuple[int, int]] | None:
        """The content of each of the block's lines, without markers of lists and quotes."""
        if not token.map:
            return None
        places = []
        for number, content in enumerate(token.content.split("\n"), token.map[0]):
            start, end = self.line(number), self.line(number + 1)
            wanted = content.strip()
            line = self._text[start:end]
            at = line.rfind(wanted)
            if at < 0:
                return None
            places.append((start + at, start + at + len(wanted)))
        return places
