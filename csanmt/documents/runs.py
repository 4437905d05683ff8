"""Paragraphs made of runs: how Word, PowerPoint and Excel write styled text.

A paragraph is cut into many runs, also where nothing changes for the eye. Runs that
look alike are read as one stretch of text; the most frequent look is the paragraph's
own, every other one becomes a pair of tags. What is no text (images, fields, notes'
numbers, bookmarks) becomes a tag of its own and is written back byte for byte.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise, takewhile

from csanmt.documents.leftovers import Part, chinese, count, unread
from csanmt.documents.patches import Patches, PatchUnit, Render
from csanmt.documents.xml_source import Element, escaped
from csanmt.markup.segments import Segment, Tag, TagKind, TextOrTag, joined, pair, written

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
                    "bdo", "dir"})  # fmt: skip
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
    r'HYPERLINK\s[^\\]*(?:\\[lnmt]\s[^\\]*)?\\o\s{1,9}"(?P<tip>[^"]*)"|'
    r'(?:XE|TC)\s{1,9}"(?P<entry>[^":\\]*)")',
    re.I | re.S,
)
_CHOOSING = re.compile(
    r"\A\s{0,9}(?:IF|FILLIN|ASK|MACROBUTTON|QUOTE|SET|XE|TC|EQ|AUTOTEXTLIST)\b", re.I
)
_SILENT = re.compile(r"\A\s{0,9}(?:XE|TC|TA|RD|SET|ASK)\b", re.I)  # they show nothing here
_PICTURE = re.compile(r'\\[@#]\s{0,9}"([^"]*)"')  # how a field writes a date or a number
_HEADS = frozenset({"pPr", "bodyPr", "lstStyle"})
_TAIL = "endParaRPr"
_DEEPEST_FIELD = 20


@dataclass(slots=True, eq=False)
class _Look:
    """How runs look: their properties as first written."""

    properties: bytes
    letters: int = 0


@dataclass(frozen=True, slots=True)
class _Place:
    """What is written back as it is: where it stands, and the tags of the run around it."""

    start: int
    end: int
    before: bytes = b""
    after: bytes = b""


class Paragraph:
    """One paragraph being read; ``units`` is what it says and how to write it.

    Args:
        kept: counts the Chinese in it that no unit reads.
        space: what makes a text keep its outer blanks, as an attribute of ``t``.
    """

    def __init__(
        self, source: bytes, element: Element, kept: Counter[Part], space: bytes = b""
    ) -> None:
        self._source, self._element, self._kept, self._space = source, element, kept, space
        self._excel = element.name in _EXCEL
        self._looks: dict[bytes, _Look] = {}
        self._items: list[tuple[_Look | None, TextOrTag]] = []
        self._controls: list[PatchUnit[bytes]] = []

    def units(self) -> list[PatchUnit[bytes]]:
        """What it says, after what the controls in it say; nothing where it holds no text."""
        children = list(self._element.elements())
        head = [c for c in children if c.name in _HEADS]
        tail = [c for c in children if c.name == _TAIL]
        self._read([c for c in children if c.name not in _HEADS and c.name != _TAIL])
        if not any(isinstance(piece, str) and piece.strip() for _, piece in self._items):
            return self._controls
        start = head[-1].end if head else self._element.inner
        end = tail[0].start if tail else self._element.outer
        return [*self._controls, PatchUnit(self._segment(), start, end, self._writer())]

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
                    inner = Paragraph(self._source, content, self._kept, self._space)
                    self._controls += inner.units()
                self._single(_Place(child.start, child.end), "control")
            elif child.name in _LINKS and child.inner < child.outer:
                pictures = _PICTURE.findall(child.attribute("instr"))
                self._kept.update(count("number_formats", pictures))
                self._pair(*_container(child))
            elif child.name not in _DROPPED:
                self._kept += _hidden(child)
                self._single(_Place(child.start, child.end), child.name)
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
                told = children[first : separate or i]
                whole = not any(map(_field_mark, told[1:]))  # no other field in it
                pieces = [e for c in told for e in c.elements("instrText")]
                self._instruction(pieces, whole=whole)
                silent = _SILENT.match("".join(piece.text for piece in pieces))
                result = children[separate + 1 : i] if separate else []
                if not any(run.text.strip() for run in result):
                    place = _Place(children[first].start, children[i].end)
                    self._single(place, "mark" if silent else "field")
                else:
                    opening = (children[first].start, children[separate or first].end)
                    self._pair(opening, (children[i].start, children[i].end), result)
                return i + 1
        self._single(_Place(children[first].start, children[first].end), "mark")
        return first + 1

    def _run(self, run: Element) -> None:
        inner = list(run.elements())
        properties = b""
        if inner and inner[0].name == "rPr":
            properties = self._source[inner[0].start : inner[0].end]
            inner = inner[1:]
        if any(child.name in ("fldChar", "instrText", "delText") for child in inner):
            self._instruction(list(run.elements("instrText")))
            self._single(_Place(run.start, run.end), "mark")
            return
        before = self._source[run.start : run.inner] + properties
        after = self._source[run.outer : run.end]
        for child in inner:
            if child.name == "t":
                self._text(properties, child.text)
            elif child.name == "ruby":  # what is written; how it is read says no English word
                self._read([r for base in child.elements("rubyBase") for r in base.elements()])
            elif child.name not in _DROPPED:
                self._kept += _hidden(child)
                self._single(_Place(child.start, child.end, before, after), child.name)

    def _instruction(self, elements: list[Element], *, whole: bool = True) -> None:
        """What a field's instruction, in pieces, shows is a unit; what it chooses from stays."""
        text = "".join(element.text for element in elements)
        found = _SHOWN.match(text)
        if not chinese(text):
            return
        if not found or not whole:
            self._kept["formulas"] += _CHOOSING.match(text) is not None
            self._kept.update(count("number_formats", _PICTURE.findall(text)))
            return
        start, end = found.span(found.lastgroup or 0)
        tags = b"".join(self._source[a.outer : b.inner] for a, b in pairwise(elements))

        def render(segment: Segment, _: object) -> bytes:
            said = text[:start] + written(segment).replace('"', "'") + text[end:]
            return escaped(said) + tags

        unit = PatchUnit((text[start:end],), elements[0].inner, elements[-1].outer, render)
        self._controls.append(unit)

    def _text(self, properties: bytes, text: str) -> None:
        if self._excel:
            text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).replace("\r\n", "\n")
        key = _PLAIN.sub(b"", _UNSEEN.sub(b"", properties))
        before = self._items[-1][0] if self._items else None
        if text.strip() or before in (None, self._looks.get(b"")):
            look = self._looks.setdefault(key, _Look(properties))
        else:
            look = before  # a blank looks like what is before it
        look.letters += len(text)
        self._items.append((look, text))

    def _single(self, place: _Place, name: str) -> None:
        """Something that is written back as it is."""
        kind: TagKind = "break" if name in _BREAKS else "atom" if name in _WORDS else "point"
        self._items.append((None, Tag(kind, place)))

    def _pair(
        self, opening: tuple[int, int], closing: tuple[int, int], within: Iterable[Element]
    ) -> None:
        first, last = pair(_Place(*opening), _Place(*closing))
        self._items.append((None, first))
        self._read(list(within))
        self._items.append((None, last))

    def _segment(self) -> Segment:
        usual, pieces = self._usual, list[TextOrTag]()
        styled: Tag | None = None
        for look, piece in self._items:
            if styled and look is not styled.raw:
                pieces.append(styled.closing or "")
                styled = None
            if look and look is not usual and styled is None:
                styled, _ = pair(look, look)
                pieces.append(styled)
            pieces.append(piece)
        if styled:
            pieces.append(styled.closing or "")
        return joined(pieces)

    @property
    def _usual(self) -> _Look:
        """The paragraph's own look."""
        return max(self._looks.values(), key=lambda look: look.letters)

    # ---- writing

    def _writer(self) -> Render[bytes]:
        """A unit lives long, and a paragraph's tree is many times its size: it is not kept."""
        usual, space, excel = self._usual, self._space, self._excel
        bare = len(self._looks) == 1 and self._element.name in _STRINGS
        runs = (child.tag for child in self._element.elements() if child.name == "r")
        prefix, colon, _ = next(runs, self._element.tag).rpartition(":")
        p = (prefix + colon).encode()

        def text_in(look: _Look, text: str) -> bytes:
            if excel:
                text = _LIKE_ESCAPED.sub("_x005F_", text)
            body = b"<%st%s>%s</%st>" % (p, space, escaped(text), p)
            if bare and not look.properties:
                return body
            return b"<%sr>%s%s</%sr>" % (p, look.properties, body, p)

        def render(segment: Segment, patches: Patches[bytes]) -> bytes:
            out, looks = list[bytes](), [usual]
            for piece in segment:
                if isinstance(piece, str):
                    out.append(text_in(looks[-1], piece))
                elif isinstance(place := piece.raw, _Place):
                    out.append(place.before + patches.part(place.start, place.end) + place.after)
                elif piece.kind == "open":
                    looks.append(piece.raw)
                else:
                    looks.pop()
            return b"".join(out)

        return render


def _field_mark(run: Element) -> str:
    mark = next(run.elements("fldChar"), None)
    return mark.attribute("fldCharType") if mark else ""


def _container(child: Element) -> tuple[tuple[int, int], tuple[int, int], list[Element]]:
    """Opening, closing and runs of a link or control, whose properties are part of its opening:
    no text may stand before or between them."""
    content = next(child.elements("sdtContent"), child)
    parts = list(content.elements())
    heads = list(takewhile(lambda e: e.name.endswith("Pr") or e.name == "fldData", parts))
    start = heads[-1].end if heads else content.inner
    return (child.start, start), (content.outer, child.end), parts[len(heads) :]


def _apart(child: Element) -> list[Element]:
    """Contents that are told on their own: of a control that is filled from elsewhere, of
    what is there once for new programs and once for old ones."""
    if child.name == "AlternateContent":
        branches = list(child.elements())
        return branches if any(next(branch.elements("r"), None) for branch in branches) else []
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
