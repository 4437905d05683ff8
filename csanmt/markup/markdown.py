"""Markdown: what is code, address or syntax stays; emphasis and links move with their words.

CommonMark with tables and strikethrough, read by markdown-it. Its tokens say what a
piece of a paragraph is but not where it stands, so its inline parser is made to note that.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from csanmt.markup.document import MarkupDocument
from csanmt.markup.marked import MarkedText
from csanmt.markup.run import Run
from csanmt.protected.finder import find

_FRONT_MATTER = re.compile(r"\A---\r?\n.*?\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_DELIMITERS = frozenset("*_~")
_EMPHASIS = frozenset({"*", "**", "_", "__", "~", "~~"})
_SPAN = "span"


def parse_markdown(source: str) -> MarkupDocument:
    """The paragraphs, headings, items and cells of a Markdown text; the rest stays as it is."""
    start = found.end() if (found := _FRONT_MATTER.match(source)) else 0
    reader = _Reader(source[start:])
    parts: list[str | MarkedText] = [source[:start]]
    parts += reader.parts()
    table = str.maketrans(reader.escapes)
    return MarkupDocument(tuple(parts), lambda text: text.translate(table), _EMPHASIS)


class _Inline(ParserInline):
    """Notes in every token's ``meta`` the range of the content it was made of."""

    def tokenize(self, state: StateInline) -> None:
        rules = self.ruler.getRules("")
        pending_from = state.pos
        while state.pos < state.posMax:
            start, count, waiting = state.pos, len(state.tokens), bool(state.pending)
            if not waiting:
                pending_from = start
            nested = state.level < state.md.options.maxNesting
            if not (nested and any(rule(state, False) for rule in rules)):
                state.pending += state.src[state.pos]
                state.pos += 1
            fresh = state.tokens[count:]
            if fresh and waiting:
                fresh[0].meta.setdefault(_SPAN, (pending_from, start))
                fresh = fresh[1:]
            _note(fresh, start, state.pos)
            if fresh and state.pending:  # a rule that left text behind what it pushed
                pending_from = state.pos - len(state.pending)
        if state.pending:
            state.pushPending().meta[_SPAN] = (pending_from, state.pos)


def _note(tokens: list[Token], start: int, end: int) -> None:
    """Ranges of the tokens that one rule made of ``[start, end)``."""
    missing = [token for token in tokens if _SPAN not in token.meta]
    if len(missing) == 2 and missing[0].nesting == 1 and len(tokens) > 2:  # a link's two ends
        missing[0].meta[_SPAN] = (start, tokens[1].meta[_SPAN][0])
        missing[1].meta[_SPAN] = (tokens[-2].meta[_SPAN][1], end)
        return
    if len(missing) > 1 and all(token.type == "text" for token in missing):  # delimiters
        for token in missing:
            token.meta[_SPAN] = (start, start + len(token.content))
            start += len(token.content)
        return
    for token in missing:  # an autolink's three are one
        token.meta[_SPAN] = (start, end)


_AS_MARKDOWN = frozenset({"code", "tag", "comment", "entity", "note"})


def _whole_pieces(source: str) -> tuple[list[int], list[int]]:
    """Starts and ends of what Markdown must not read anything into."""
    pieces = [piece for piece in find(source) if piece.family.name not in _AS_MARKDOWN]
    return [p.start for p in pieces], [p.end for p in pieces]


def _protected(state: StateInline, silent: bool) -> bool:
    """A rule of markdown-it: what is protected is text, whatever it looks like."""
    key = f"protected {state.src}"
    if key not in state.env:
        state.env[key] = _whole_pieces(state.src)
    starts, ends = state.env[key]
    at = bisect_right(starts, state.pos) - 1
    if at < 0 or not state.pos < ends[at] <= state.posMax:
        return False
    if not silent:
        state.pending += state.src[state.pos : ends[at]]
    state.pos = ends[at]
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.inline.ruler.before("text", "protected", _protected)
    inline = _Inline()
    inline.ruler, inline.ruler2 = parser.inline.ruler, parser.inline.ruler2
    parser.inline = inline
    # They join neighbouring text tokens, and so lose where each stands.
    parser.disable(["fragments_join", "text_join"])
    return parser


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of an inline token's content: its range there, and its start in the source."""

    low: int
    high: int
    at: int


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._starts = [0] + [m.end() for m in re.finditer("\r\n|\r|\n", source)]
        self._cursor = 0  # everything before it is done
        self.escapes: dict[str, str] = {}

    def parts(self) -> Iterator[str | MarkedText]:
        for token in _parser().parse(self._source):
            if token.type != "inline" or not token.map or not token.children:
                continue
            lines = self._lines(token)
            if not lines:
                continue
            run = Run()
            self._fill(run, token, lines)
            if run.wordless:
                continue
            end = lines[-1].at + lines[-1].high - lines[-1].low
            yield self._source[self._cursor : lines[0].at]
            yield run.finish()
            self._cursor = end
        yield self._source[self._cursor :]

    def _lines(self, token: Token) -> list[_Line]:
        """Where the content stands in the source; nothing if it cannot be found."""
        assert token.map
        found, low, cursor = [], 0, self._cursor
        for number, line in enumerate(token.content.split("\n"), token.map[0]):
            if number >= len(self._starts):
                return []
            until = self._starts[number + 1] if number + 1 < len(self._starts) else None
            at = self._source.find(line, max(cursor, self._starts[number]), until)
            if at < 0:
                return []
            found.append(_Line(low, low + len(line), at))
            low += len(line) + 1
            cursor = at + len(line)
        return found

    def _fill(self, run: Run, inline: Token, lines: list[_Line]) -> None:
        tokens = _whole_delimiters(inline.children or [])
        opened: list[int] = []
        i = 0
        while i < len(tokens):
            token = tokens[i]
            low, high = token.meta[_SPAN]
            raw = inline.content[low:high]
            run.raw.append(raw)
            if token.type == "link_open" and token.info == "auto":
                run.atom(raw)
                i += 3
                continue
            if token.nesting > 0:
                opened.append(i)
                run.open(i, raw)
            elif token.nesting < 0 and opened:
                run.close(opened.pop(), raw)
            else:
                self._leaf(run, token, raw, (low, high), lines)
            i += 1

    def _leaf(
        self, run: Run, token: Token, raw: str, span: tuple[int, int], lines: list[_Line]
    ) -> None:
        if token.type == "text" and raw and set(raw) <= _DELIMITERS:
            run.point(raw)  # emphasis that did not come about
        elif token.type == "text":
            run.text(token.content, collapse=False)
        elif token.type == "text_special" and token.info == "entity":
            run.text(raw, collapse=False)  # protected as any entity in a text
        elif token.type == "text_special":
            if len(token.content) == 1 and not token.content.isalnum():
                self.escapes[token.content] = raw
            run.text(token.content, collapse=False)
        elif token.type == "softbreak":
            run.text("\n", collapse=True)
        elif token.type == "hardbreak":
            run.line_break(self._break(span, lines))
        elif token.type == "code_inline":
            run.atom(raw)
        else:  # an image, HTML
            run.point(raw)

    def _break(self, span: tuple[int, int], lines: list[_Line]) -> str:
        """A hard line break as it stands in the source, with the next line's indentation."""
        number = bisect_right(lines, span[0], key=lambda line: line.low) - 1
        if not 0 <= number < len(lines) - 1:
            return "\n"
        line, following = lines[number], lines[number + 1]
        return self._source[line.at + span[0] - line.low : following.at]


def _whole_delimiters(tokens: list[Token]) -> list[Token]:
    """``**`` is two delimiters, one of which is left over as an empty text: make them one."""
    kept: list[Token] = []
    low: int | None = None
    for i, token in enumerate(tokens):
        span = token.meta.get(_SPAN, (0, 0))
        token.meta[_SPAN] = span
        if token.type == "text" and not token.content:
            if i + 1 < len(tokens) and tokens[i + 1].nesting > 0:
                low = span[0]
            elif kept and kept[-1].nesting < 0:
                kept[-1].meta[_SPAN] = (kept[-1].meta[_SPAN][0], span[1])
            continue
        if low is not None:
            token.meta[_SPAN] = (low, span[1])
            low = None
        kept.append(token)
    return kept
