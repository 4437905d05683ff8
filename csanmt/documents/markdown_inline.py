"""The marks within a Markdown paragraph as tags, and a translation written as Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from markdown_it.common.utils import normalizeReference

from csanmt.documents.leftovers import Part, count
from csanmt.documents.messages import READING
from csanmt.documents.patches import PatchUnit
from csanmt.markup.segments import Segment, Tag, TagKind, TextOrTag, joined, pair
from csanmt.protected.finder import find

_DESTINATION = r"\((?:[^()\\]|\\.|\([^()]*\))*\)"
_MARK = re.compile(
    rf"""
    (?P<ticks>`+)
  | (?P<wiki>!?\[\[[^\[\]\n]*\]\])
  | (?P<image>!\[(?P<alt>(?:[^\[\]\\]|\\.)*+)\](?:{_DESTINATION}|\[[^\[\]]*\])?)
  | (?P<note>\[\^[^\[\]]+\]:?)
  | (?P<task>\A\[[ xX]\](?=\s))
  | (?P<link>\](?:{_DESTINATION}|\[[^\[\]]*\]|\{{[^{{}}\n]*\}}))
  | (?P<bracket>\^?\[)
  | (?P<label>\])
  | (?P<attributes>\{{:?[ ]*[.\#:%a-zA-Z][^{{}}\n]*\}}|(?<=[ ])\^[A-Za-z0-9-]+(?=\n|\Z))
  | (?P<reading>{READING})
  | (?P<tag><[^<>\s][^<>]*>)
  | (?P<math>\$\$[^$]++\$\$|\$(?=[^\s$])(?![^$\n\\]{{0,99}}[⺀-￮])[^$\n]*+(?<=\S)\$(?!\d)
     |\\[(\[](?:[^\\⺀-￮]|\\(?![()\[\]]))*+\\[)\]])
  | (?P<escape>\\[!-/:-@\[-`{{-~])
  | (?P<entity>&(?:\#\d{{1,7}}|\#x[0-9a-fA-F]{{1,6}}|[A-Za-z]\w{{1,31}});)
  | (?P<break>(?:(?<![ ])[ ]{{2,}}+|\\)\n)
  | (?P<emoji>(?<![\w:]):[a-z0-9_+-]{{2,40}}:(?![\w:]))
  | (?P<emphasis>\*{{1,3}}|_{{1,3}}|~{{1,2}}|==|\+\+|\^)
    """,
    re.X | re.S | re.A,
)
MOST_WAITING = 50  # marks without a partner so far; older ones are text
# What Markdown itself reads, and marks that give way to something protected.
_AS_MARKDOWN = frozenset({"code", "tag", "comment", "entity"})
_LOOSE = frozenset({"emphasis", "bracket", "escape"})
_TICKS = re.compile("`+")
_ELEMENT = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)(?=[\s/>])")
_VOID = frozenset({"br", "img", "wbr", "hr", "input"})
_COUNTED: dict[str, Part] = {
    "image": "attributes", "code": "code", "math": "formulas", "protected": "text",
}  # fmt: skip
# What is said beside a link, or in an attribute of a tag.
_SAID = re.compile(
    r"""\s["'(]([^"'()\n]*)["')]\s?\)\Z|\b(?:title|alt|aria-label)\s?=\s?["']([^"'\n]*)["']"""
)
_KINDS: dict[str, TagKind] = {"break": "break"}
_KINDS |= dict.fromkeys(("note", "task", "attributes", "reading"), "point")
_SPECIAL = re.compile(
    r"[*`\[\]~]|<(?=[A-Za-z/!?])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|\\(?=[!-/:-@\[-`{-~])"
)
_BLOCK_START = re.compile(r"(?:(?=[-+>#=])|(\d{1,9})(?=[.)](?:\s|$)))")


class Inline:
    """The content of a block; pairs marks with each other, and what has no partner is text.

    Attributes:
        kept: Chinese in it that stays.
    """

    def __init__(
        self, text: str, places: Sequence[tuple[int, int]], references: frozenset[str]
    ) -> None:
        self._start, self._end = places[0][0], places[-1][1]
        self._references = references
        self._content, self._gaps = _content(text, places)
        self.kept: Counter[Part] = Counter()
        self._escaped: set[str] = set()  # marks that the source writes with a backslash
        self._items: list[TextOrTag] = []
        self._waiting: list[tuple[str, int, int]] = []  # mark, its index in the items, its end
        at = 0
        for kind, start, end in _marks(self._content):
            self._items.append(_soft(self._content[at:start]))
            self._take(kind, start, end)
            at = end
        self._items.append(_soft(self._content[at:]))

    def unit(self, *, cell: bool) -> PatchUnit[str]:
        """Of all the content.

        Args:
            cell: of a table, where a pipe has to be written with a backslash.
        """
        bare = {c for c in "[]~" for item in self._items if isinstance(item, str) and c in item}
        bare -= self._escaped

        def render(segment: Segment, _: object) -> str:
            out = [""]
            before: TextOrTag = ""
            for piece in segment:
                if isinstance(piece, str):
                    first = before == "" and not cell
                    out.append(_as_markdown(piece, bare, first=first, cell=cell))
                elif piece.raw[0] not in "*_~=+^":
                    out.append(piece.raw)
                elif isinstance(before, Tag) and before.closing is piece:
                    out.pop()  # around nothing it would mean something else
                else:
                    apart = piece.kind == "open" and isinstance(before, Tag)
                    apart = apart and out[-1].endswith(piece.raw[0])
                    out.append(" " * apart + piece.raw)
                before = piece
            return "".join(out)

        return PatchUnit(joined(self._items), self._start, self._end, render)

    def _take(self, kind: str, start: int, end: int) -> None:
        raw = self._content[start:end]
        if kind in ("link", "tag"):
            self.kept += count("attributes", [a or b for a, b in _SAID.findall(raw)])
        if kind == "bracket":
            self._open(raw, end=end)
        elif kind == "link":
            if not self._close("[", raw):
                self._items.append(_soft(raw))
        elif kind == "label":
            self._label(start)
        elif kind == "emphasis":
            self._emphasis(raw, start, end)
        elif kind == "escape":
            self._items.append(raw[1:])
            self._escaped.add(raw[1:])
        elif kind == "entity":
            self._items.append(raw)  # protected as any entity in a text
        elif kind == "tag":
            self._element(raw)
        else:
            if kind in _COUNTED:
                self.kept += count(_COUNTED[kind], [raw.partition("](")[0]])
            gap = self._gaps[end - 1] if kind == "break" else ""
            silent = raw.startswith("![]")  # an image without words
            self._items.append(Tag("point" if silent else _KINDS.get(kind, "atom"), raw + gap))

    def _label(self, start: int) -> None:
        """``[label]`` alone is a link where the label is defined, and must then be told it."""
        opened = next((w for w in reversed(self._waiting) if w[0] in ("[", "^[")), None)
        label = self._content[opened[2] : start] if opened else ""
        if opened and opened[0] == "^[":  # a footnote where it is called
            self._close("^[", "]")
        elif label and normalizeReference(label) in self._references:
            self._close("[", f"][{label}]")
        else:
            self._items.append("]")

    def _element(self, raw: str) -> None:
        """An inline HTML tag, or an address in angle brackets."""
        found = _ELEMENT.match(raw)
        name = found[2].lower() if found else ""
        if found is None:
            self._items.append(Tag("atom", raw))
        elif found[1]:
            if not self._close(name, raw):
                self._items.append(Tag("point", raw))
        elif raw.endswith("/>") or name in _VOID:
            self._items.append(Tag("break" if name == "br" else "point", raw))
        else:
            self._open(raw, name)

    def _emphasis(self, raw: str, start: int, end: int) -> None:
        before, after = self._content[max(0, start - 1) : start], self._content[end : end + 1]
        if raw[0] == "_" and _latin(before) and _latin(after):  # within a word
            self._items.append(raw)
        elif not (before.strip() and self._close(raw, raw)):
            if after.strip():
                self._open(raw)
            else:
                self._items.append(raw)

    def _open(self, raw: str, mark: str = "", end: int = 0) -> None:
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[: MOST_WAITING // 2]
        self._waiting.append((mark or raw, len(self._items), end))
        self._items.append(raw)  # text until its partner comes

    def _close(self, mark: str, raw: str) -> bool:
        for i in range(len(self._waiting) - 1, -1, -1):
            if self._waiting[i][0] == mark:
                place = self._waiting[i][1]
                del self._waiting[i:]
                self._items[place], closing = pair(self._items[place], raw)
                self._items.append(closing)
                return True
        return False


def _content(text: str, places: Sequence[tuple[int, int]]) -> tuple[str, dict[int, str]]:
    """The lines as one text, and what in the source stands behind a line end of it (``> ``)."""
    content, gaps = "", dict[int, str]()
    for (start, end), (following, _) in pairwise([*places, (places[-1][1], 0)]):
        head, line_end, gap = text[end:following].partition("\n")
        content += text[start:end] + head + line_end  # two blanks at its end are a line break
        gaps[len(content) - 1] = gap
    return content, gaps


def _soft(text: str) -> str:
    """A line end is a blank between words, and nothing within Chinese."""
    if "\n" not in text:
        return text
    first, *rest = text.split("\n")
    result = first
    for i, line in enumerate(rest):
        result = result.rstrip(" \t")
        line = line.lstrip(" \t") if i == len(rest) - 1 else line.strip(" \t")
        wide = _is_wide(result[-1:]) and _is_wide(line[:1])
        result += line if wide else " " + line
    return result


def _is_wide(character: str) -> bool:
    return "⺀" <= character <= "\uffee"


def _marks(content: str) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of the marks, and of what is protected in the text between."""
    pieces = [p for p in find(content) if p.family.name not in _AS_MARKDOWN]
    ticks: dict[int, list[int]] = {}
    for run in reversed(list(_TICKS.finditer(content))):
        ticks.setdefault(len(run[0]), []).append(run.start())
    at = k = 0
    found = _MARK.search(content)
    while True:
        if found is not None and found.start() < at:
            found = _MARK.search(content, at)
        while k < len(pieces) and pieces[k].start < at:
            k += 1
        loose = found is not None and found.lastgroup in _LOOSE
        if k < len(pieces) and (not found or pieces[k].start < found.start() + loose):
            kind, start, at = "protected", pieces[k].start, pieces[k].end
        elif found:
            kind, (start, at) = found.lastgroup or "", found.span()
        else:
            return
        if kind == "ticks":
            kind, at = _code(ticks, start, at)
        if kind != "text":
            yield "image" if kind == "alt" else kind, start, at


def _code(ticks: dict[int, list[int]], start: int, end: int) -> tuple[str, int]:
    """Where code that these ticks open ends; ``text`` where nothing closes it."""
    length = end - start
    runs = ticks.get(length, [])
    while runs and runs[-1] <= start:
        runs.pop()
    return ("code", runs[-1] + length) if runs else ("text", end)


def _latin(character: str) -> bool:
    return character.isalnum() and character.isascii()


def _as_markdown(text: str, bare: set[str], *, first: bool, cell: bool) -> str:
    """As Markdown; marks that are text in the source without a backslash (``bare``) need none."""
    text = text.lstrip(" ") if first else text  # a block's indent means something
    result = _SPECIAL.sub(lambda m: m[0] if m[0] in bare else "\\" + m[0], text)
    if cell:
        result = result.replace("|", "\\|")
    if first and _BLOCK_START.match(result):
        return _BLOCK_START.sub(r"\1\\", result, count=1)
    return result
