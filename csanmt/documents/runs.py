"""Paragraphs made of runs: how Word, PowerPoint and Excel write styled text.

A paragraph is cut into many runs, also where nothing changes for the eye. Runs that
look alike are read as one stretch of text; the most frequent look is the paragraph's
own, every other one becomes a pair of tags. What is no text (images, fields, notes'
numbers, bookmarks) becomes a tag of its own and is written back byte for byte.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from csanmt.documents.leftovers import Part, chinese, unread
from csanmt.documents.patches import Patches, PatchUnit, coded_unit
from csanmt.documents.segments import Segment, Tag, TextOrTag, joined
from csanmt.documents.xml_source import Element, escaped

# Differences between runs that nobody sees: spelling, language, revision, font hints.
_UNSEEN = re.compile(
    rb"<(?:\w+:)?(?:lang|noProof|proofErr)\b[^>]*/>|\s(?:\w+:)?(?:hint|rsid\w*|lang|altLang|dirty|"
    rb'err|smtClean|noProof)="[^"]*"'
)
_PLAIN = re.compile(rb"\A<[\w:]+\s*(?:/>|></[\w:]+>)\Z")  # properties that say nothing
_BREAKS = frozenset({"br", "cr", "tab", "ptab"})
_WORDS = frozenset(
    {"sym", "noBreakHyphen", "oMath", "fld", "field", "control"}
)  # stand like a word
_DROPPED = frozenset({"lastRenderedPageBreak", "proofErr", "rPh", "phoneticPr"})
_LINKS = frozenset({"hyperlink", "ins", "moveTo", "smartTag", "customXml", "fldSimple", "sdt",
                    "sdtContent", "bdo", "dir"})  # fmt: skip
_STRINGS = frozenset({"si", "is"})  # Excel's, where a text without a look is in no run
_EXCEL = frozenset({"si", "is", "text"})  # where _xHHHH_ is a character
_ESCAPED = re.compile("_x(00[01][0-9A-Fa-f]|005[Ff])_")
_LIKE_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
# A content control that is filled from a list or a property: what it shows is told on its own,
# so that it says the same as there.
_FILLED = frozenset({"dropDownList", "comboBox", "dataBinding", "date"})
# Instructions of fields that people are shown a text of.
_SHOWN = re.compile(
    r"\A\s{0,9}(?:MACROBUTTON\s{1,9}\S{1,80}\s{1,9}(?P<button>\S.*)|"
    r'(?:FILLIN|ASK\s{1,9}\S{1,80})\s{1,9}"(?P<question>[^"]*)"|'
    r'HYPERLINK\s[^\\]*(?:\\[lnmt]\s[^\\]*)?\\o\s{1,9}"(?P<tip>[^"]*)")',
    re.I | re.S,
)
_CHOOSING = re.compile(r"\A\s{0,9}(?:IF|FILLIN|ASK|MACROBUTTON|QUOTE|SET)\b", re.I)
_HEADS = frozenset({"pPr", "bodyPr", "lstStyle"})
_TAIL = "endParaRPr"
_DEEPEST_FIELD = 20


@dataclass(slots=True)
class _Look:
    """How a run looks: its properties as first written, and in what it is wrapped."""

    properties: bytes
    letters: int = 0


@dataclass(slots=True)
class Paragraph:
    """One paragraph being read; ``units`` is what it says and how to write it.

    Args:
        space: what makes a text keep its outer blanks, as an attribute of ``t``.

    Attributes:
        kept: Chinese in it that no unit reads.
    """

    source: bytes
    element: Element
    space: bytes = b""
    _looks: dict[bytes, _Look] = field(default_factory=dict)
    _items: list[tuple[bytes | None, TextOrTag]] = field(default_factory=list)  # (look, piece)
    _places: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    _around: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    _styles: dict[int, bytes] = field(default_factory=dict)  # key of a pair: look
    _count: int = 0
    _prefix: bytes = b""
    _bare: bool = False  # Excel's string, where a text without a look is in no run
    _excel: bool = False
    _controls: list[PatchUnit[bytes]] = field(default_factory=list)
    kept: Counter[Part] = field(default_factory=Counter)

    def units(self) -> list[PatchUnit[bytes]]:
        """What it says, after what the controls in it say; nothing where it holds no text."""
        own = self._unit()
        return self._controls if own is None else [*self._controls, own]

    def _unit(self) -> PatchUnit[bytes] | None:
        self._excel = self.element.name in _EXCEL
        children = list(self.element.elements())
        tag = next((child.tag for child in children if child.name == "r"), self.element.tag)
        prefix, colon, _ = tag.rpartition(":")
        self._prefix = (prefix + colon).encode()
        head = [c for c in children if c.name in _HEADS]
        tail = [c for c in children if c.name == _TAIL]
        body = [c for c in children if c.name not in _HEADS and c.name != _TAIL]
        self._read(body)
        if not any(isinstance(piece, str) and piece.strip() for _, piece in self._items):
            return None
        start = head[-1].end if head else self.element.inner
        end = tail[0].start if tail else self.element.outer
        segment = self._segment()
        self._bare = self.element.name in _STRINGS
        self._items.clear()
        del self.element  # a unit lives long, and the tree is many times its size
        return PatchUnit(segment, start, end, self._render)

    # ---- reading

    def _read(self, children: list[Element]) -> None:
        i = 0
        while i < len(children):
            child = children[i]
            if child.name == "r" and _field_mark(child) == "begin":
                i = self._field(children, i)
                continue
            if child.name == "r":
                self._run(child)
            elif child.name == "t":  # Excel's plain string
                self._text(b"", child.text)
            elif contents := _apart(child):
                for content in contents:
                    inner = Paragraph(self.source, content, self.space)
                    self._controls += inner.units()
                    self.kept += inner.kept
                self._single((child.start, child.end), "control")
            elif child.name in _LINKS and child.inner < child.outer:
                self._pair((child.start, child.inner), (child.outer, child.end), child)
            elif child.name not in _DROPPED:
                self.kept += _hidden(child)
                self._single((child.start, child.end), child.name)
            i += 1

    def _field(self, children: list[Element], first: int) -> int:
        """A field within one paragraph is a pair around its result; else its marks stand alone."""
        depth, separate = 0, None
        for i in range(first, len(children)):
            mark = _field_mark(children[i]) if children[i].name == "r" else ""
            depth += (mark == "begin") - (mark == "end")
            if mark == "separate" and depth == 1:
                separate = i
            if depth > _DEEPEST_FIELD:
                break
            if depth == 0:
                for instruction in (e for c in children[first:i] for e in c.elements("instrText")):
                    self._instruction(instruction)
                result = children[separate + 1 : i] if separate else []
                if not any(run.text.strip() for run in result):
                    self._single((children[first].start, children[i].end), "field")
                else:
                    opening = (children[first].start, children[separate or first].end)
                    self._pair(opening, (children[i].start, children[i].end), result)
                return i + 1
        self._single((children[first].start, children[first].end), "mark")
        return first + 1

    def _run(self, run: Element) -> None:
        inner = list(run.elements())
        properties = b""
        if inner and inner[0].name == "rPr":
            properties = self.source[inner[0].start : inner[0].end]
            inner = inner[1:]
        if any(child.name in ("fldChar", "instrText", "delText") for child in inner):
            for instruction in run.elements("instrText"):
                self._instruction(instruction)
            self._single((run.start, run.end), "mark")
            return
        opening = self.source[run.start : run.inner] + properties
        closing = self.source[run.outer : run.end]
        for child in inner:
            if child.name == "t":
                self._text(properties, child.text)
            elif child.name == "ruby":  # what is written; how it is read says no English word
                self._read([r for base in child.elements("rubyBase") for r in base.elements()])
            elif child.name not in _DROPPED:
                place = (child.start, child.end)
                self.kept += _hidden(child)
                self._single(place, child.name, (opening, closing))

    def _instruction(self, element: Element) -> None:
        """What a field's instruction shows is a unit; what it chooses from stays."""
        text = element.text
        found = _SHOWN.match(text)
        if not chinese(text):
            return
        if not found:
            self.kept["formulas"] += _CHOOSING.match(text) is not None
            return
        start, end = found.span(found.lastgroup or 0)

        def write(shown: str) -> bytes:
            return escaped(text[:start] + shown.replace('"', "'") + text[end:])

        place = (element.inner, element.outer)
        self._controls.append(coded_unit(text[start:end], (), place, write))

    def _text(self, properties: bytes, text: str) -> None:
        if self._excel:
            text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).replace("\r\n", "\n")
        look = _PLAIN.sub(b"", _UNSEEN.sub(b"", properties))
        if not text.strip() and self._items and isinstance(self._items[-1][1], str):
            look = self._items[-1][0] or look  # a blank looks like what is before it
        self._looks.setdefault(look, _Look(properties)).letters += len(text)
        self._items.append((look, text))

    def _key(self) -> int:
        self._count += 1
        return self._count

    def _single(
        self, place: tuple[int, int], name: str, around: tuple[bytes, bytes] = (b"", b"")
    ) -> None:
        """Something that is written back as it is; ``around`` is its run where it has one."""
        kind: Literal["break", "atom", "point"]
        kind = "break" if name in _BREAKS else "atom" if name in _WORDS else "point"
        key = self._key()
        self._places[kind, key], self._around[key] = place, around
        self._items.append((None, Tag(kind, key)))

    def _pair(
        self,
        opening: tuple[int, int],
        closing: tuple[int, int],
        within: Element | list[Element],
    ) -> None:
        key = self._key()
        self._places["open", key], self._places["close", key] = opening, closing
        self._items.append((None, Tag("open", key)))
        self._read(list(within.elements()) if isinstance(within, Element) else within)
        self._items.append((None, Tag("close", key)))

    def _segment(self) -> Segment:
        letters = Counter({look: found.letters for look, found in self._looks.items()})
        usual = letters.most_common(1)[0][0]
        self._styles[0] = usual
        pieces: list[TextOrTag] = []
        styled: Tag | None = None
        for look, piece in self._items:
            if styled and (look is None or self._styles[styled.key] != look):
                pieces.append(Tag("close", styled.key))
                styled = None
            if look is not None and look != usual and styled is None:
                styled = Tag("open", self._key())
                self._styles[styled.key] = look
                pieces.append(styled)
            pieces.append(piece)
        if styled:
            pieces.append(Tag("close", styled.key))
        return joined(pieces)

    # ---- writing

    def _render(self, segment: Segment, patches: Patches[bytes]) -> bytes:
        out: list[bytes] = []
        looks = [self._styles[0]]
        for piece in segment:
            if isinstance(piece, str):
                out.append(self._write(looks[-1], piece))
            elif piece.key in self._styles:
                if piece.kind == "open":
                    looks.append(self._styles[piece.key])
                else:
                    looks.pop()
            else:
                out.append(self._tag(piece, patches))
        return b"".join(out)

    def _write(self, look: bytes, text: str) -> bytes:
        p = self._prefix
        properties = self._looks[look].properties
        if self._excel:
            text = _LIKE_ESCAPED.sub("_x005F_", text)
        body = b"<%st%s>%s</%st>" % (p, self.space, escaped(text), p)
        if not properties and len(self._looks) == 1 and self._bare:
            return body
        return b"<%sr>%s%s</%sr>" % (p, properties, body, p)

    def _tag(self, tag: Tag, patches: Patches[bytes]) -> bytes:
        body = patches.part(*self._places[tag.kind, tag.key])
        before, after = self._around.get(tag.key, (b"", b""))
        return before + body + after


def _field_mark(run: Element) -> str:
    mark = next(run.elements("fldChar"), None)
    return mark.attribute("fldCharType") if mark else ""


def _apart(child: Element) -> list[Element]:
    """Contents that are told on their own: of a control that is filled from elsewhere, of
    what is there once for new programs and once for old ones."""
    if child.name == "AlternateContent":
        return [branch for branch in child.elements() if next(branch.elements("r"), None)]
    properties = next(child.elements("sdtPr"), None) if child.name == "sdt" else None
    if properties is None or not any(e.name in _FILLED for e in properties.elements()):
        return []
    return list(child.elements("sdtContent"))[:1]


def _hidden(element: Element, around: tuple[str, ...] = ()) -> Counter[Part]:
    """Chinese within what is written back as it is; paragraphs and formulas have units."""
    if element.name in ("p", "instrText") or element.uri.endswith("/math"):
        return Counter()
    names = (*around, element.name)
    own = any(isinstance(child, str) and chinese(child) for child in element.children)
    found = unread(names, "text") if own else Counter[Part]()
    for child in element.elements():
        found += _hidden(child, names)
    return found
