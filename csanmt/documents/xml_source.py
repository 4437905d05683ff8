"""XML read with its places in the bytes, so that only what is translated gets rewritten.

Expat reports where every tag begins. Small trees are made of the elements that are
asked for (paragraphs), never of the whole part. Prefixes, attribute order, quotes,
declarations and everything unknown thus stay byte for byte, which a parse and a
serialisation would not promise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html.entities import html5
from xml.parsers import expat

from csanmt.documents.encoding import codec
from csanmt.documents.leftovers import chinese
from csanmt.documents.limits import DocumentError, DocumentTooLargeError, Limits

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DECLARATION_LENGTH = 200  # characters in which an XML declaration ends
_ENCODING = re.compile(
    r"""\A(\s*<\?xml\s[^<>]{0,100}?encoding\s{0,9}=\s{0,9})(["'])([A-Za-z0-9._-]{1,40})\2"""
)
_PUBLIC_TYPES = (
    "-//NISO//DTD ncx ",
    "-//NISO//DTD dtbook ",
    "+//ISBN 0-9673008-1-9//DTD OEB ",
    "-//W3C//DTD ",
    "-//XLIFF//DTD XLIFF",
)
_SYSTEM_TYPES = (
    "about:legacy-compat",
    "xliff.dtd",
    "http://www.oasis-open.org/committees/xliff/",
    "http://www.daisy.org/z3986/",
    "http://www.w3.org/",
    "http://openebook.org/dtds/",
)
# What may stand in no XML 1.0 text, not even as a reference.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True, eq=False)
class Element:
    """An element and its places: ``source[start:end]`` with tags, ``[inner:outer]`` without.

    Attributes:
        uri, name: namespace and local name.
        tag: the name as written, prefix and all.
        attributes: by ``name`` or ``uri name``.
        children: elements and texts, in order.
        translate: what XML's ``translate`` says nearest to it, at itself or around.
    """

    uri: str
    name: str
    tag: str
    attributes: dict[str, str]
    start: int
    inner: int = 0
    outer: int = 0
    end: int = 0
    children: list[Element | str] = field(default_factory=list)
    translate: str = ""

    def elements(self, name: str = "") -> Iterator[Element]:
        """Child elements (of this local name)."""
        for child in self.children:
            if isinstance(child, Element) and name in ("", child.name):
                yield child

    @property
    def text(self) -> str:
        """All text within."""
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    def attribute(self, name: str, default: str = "") -> str:
        """An attribute by its local name."""
        found = (v for k, v in self.attributes.items() if k.rpartition(" ")[2] == name)
        return next(found, default)


Wanted = Callable[[str, str], bool]  # (uri, local name)
Visit = Callable[[Element], None]
Stray = Callable[[Sequence[str]], None]


def in_utf8(data: bytes) -> bytes:
    """The same document in UTF-8.

    Raises:
        DocumentError: it is in another encoding than Unicode's or China's.
    """
    encoding: str | None = "utf-16"
    if not data.startswith(_UTF16):
        head = data[:_DECLARATION_LENGTH].decode("ascii", "replace").lstrip("\ufffd")
        declared = _ENCODING.match(head)
        encoding = codec(name := declared[3] if declared else "utf-8")
        if encoding is None:
            raise DocumentError(f"XML in {name}; only Unicode, GB 18030 and Big5 are read")
        if encoding == "utf-8":
            return data
    try:
        text = data.decode(encoding or "")
    except UnicodeDecodeError:
        raise DocumentError("XML that is not in the encoding that it names") from None
    head, rest = text[:_DECLARATION_LENGTH], text[_DECLARATION_LENGTH:]
    return _ENCODING.sub(r"\1\2UTF-8\2", head, count=1).encode() + rest.encode()


def find(data: bytes, limits: Limits, *names: str) -> list[Element]:
    """Elements of these local names; see ``visit``."""
    found, wanted = list[Element](), frozenset(names)
    visit(data, lambda _, name: name in wanted, limits, found.append)
    return found


def visit(
    data: bytes,
    wanted: Wanted,
    limits: Limits,
    take: Visit,
    enter: Visit | None = None,
    stray: Stray | None = None,
) -> None:
    """Give each element that ``wanted`` names to ``take``, those within one before it.

    Outside of them every start tag goes to ``enter``, and the local names around a text in
    Chinese, once for each element that holds one, to ``stray``.

    Only the elements that stand open are held, so that what ``take`` raises ends the
    reading of a part before it costs much.

    Raises:
        DocumentError: not well-formed, or with a document type or an entity of its own:
            they could name files and addresses, or grow without bound.
        DocumentTooLargeError: nested deeper than the limit.
    """
    builder = _TreeBuilder(data, wanted, limits, take, enter, stray)
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise DocumentError(f"XML not well-formed: {reason}, line {error.lineno}") from None


class _TreeBuilder:
    """Builds trees from expat's events while one is wanted."""

    def __init__(
        self,
        data: bytes,
        wanted: Wanted,
        limits: Limits,
        take: Visit,
        enter: Visit | None,
        stray: Stray | None,
    ) -> None:
        self._data, self._wanted, self._limits, self._take = data, wanted, limits, take
        self._enter, self._stray = enter, stray
        self._names: list[str] = []  # of the elements that stand open
        self._told: list[bool] = []  # of each that it holds a stray text
        self._translate = [""]  # of the elements that stand open
        self._open: list[Element] = []
        self._fresh: Element | None = None  # its start tag ends where the next event begins
        self.parser = parser = expat.ParserCreate("UTF-8", " ")
        parser.namespace_prefixes = True
        parser.buffer_text = False
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.DefaultHandlerExpand = self._other
        parser.StartDoctypeDeclHandler = self._document_type
        parser.EntityDeclHandler = self._refuse
        parser.AttlistDeclHandler = self._refuse
        parser.SkippedEntityHandler = self._entity

    def _document_type(
        self, _name: str, system: str | None, public: str | None, _own: bool
    ) -> None:
        """The document types that standards prescribe are let be; none is ever loaded."""
        known = (public or "").startswith(_PUBLIC_TYPES)
        if not known and not (system or _SYSTEM_TYPES[0]).startswith(_SYSTEM_TYPES):
            self._refuse()

    def _refuse(self, *_: object) -> None:
        raise DocumentError("XML with a document type or entities of its own is not accepted")

    def _entity(self, name: str, parameter: bool) -> None:
        """An entity of XHTML's document type."""
        character = html5.get(f"{name};")
        if parameter or character is None:
            raise DocumentError(f"XML with an entity that nothing defines: {name[:40]!r}")
        self._text(character)

    def _settle(self) -> int:
        place: int = self.parser.CurrentByteIndex
        if self._fresh is not None:
            self._fresh.inner = place
            self._fresh = None
        return place

    def _start(self, full_name: str, attributes: dict[str, str]) -> None:
        place = self._settle()
        if len(self._names) == self._limits.depth:
            raise DocumentTooLargeError(f"XML nested deeper than {self._limits.depth}")
        uri, name, prefix = _split(full_name)
        self._names.append(name)
        self._told.append(False)
        self._translate.append(attributes.get("translate", self._translate[-1]))
        outside = not self._open and not self._wanted(uri, name)
        if outside and self._enter is None:
            return
        tag = f"{prefix}:{name}" if prefix else name
        plain = {" ".join(k.split(" ")[:2]): v for k, v in attributes.items()}
        element = Element(uri, name, tag, plain, place, translate=self._translate[-1])
        if outside:
            assert self._enter is not None
            self._enter(element)
            return
        if self._open:
            self._open[-1].children.append(element)
        self._open.append(element)
        self._fresh = element

    def _end(self, _name: str) -> None:
        place = self._settle()
        self._names.pop()
        self._told.pop()
        self._translate.pop()
        if not self._open:
            return
        element = self._open.pop()
        empty = self._data[place - 2 : place] == b"/>" and element.inner == place
        element.outer = place
        element.end = place if empty else self._data.index(b">", place) + 1
        if self._wanted(element.uri, element.name):
            self._take(element)

    def _text(self, text: str) -> None:
        self._settle()
        if self._open:
            self._open[-1].children.append(text)
        elif self._stray is not None and not self._told[-1] and chinese(text):
            self._told[-1] = True
            self._stray(self._names)

    def _other(self, _data: str) -> None:
        self._settle()


def _split(full_name: str) -> tuple[str, str, str]:
    uri, _, rest = full_name.rpartition(" ") if " " in full_name else ("", "", full_name)
    if " " in uri:  # "uri name prefix"
        uri, _, name = uri.rpartition(" ")
        return uri, name, rest
    return uri, rest, ""


def escaped(text: str) -> bytes:
    """Text as element content; what XML cannot hold is left out."""
    clean = _NO_XML.sub("", text)
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").encode()
