"""EPUB 2 and 3: chapters, contents and title are translated, everything else stays."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from urllib.parse import unquote

from csanmt.documents.archives import Archive
from csanmt.documents.hypertext import HtmlDocument
from csanmt.documents.leftovers import Part, chinese, count
from csanmt.documents.limits import DocumentError, Limits, Meter
from csanmt.documents.protocol import Languages, Unit
from csanmt.documents.xml_source import Element, find, in_utf8
from csanmt.documents.xml_units import Units, XmlPart, attribute_unit, plain_unit

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
# Fonts are scrambled in every second book; text never is, except by a copy protection.
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_CHAPTERS = frozenset({
    "application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/x-dtbook+xml",
    "application/xml", "text/xml",
})  # fmt: skip
_CONTENTS = "application/x-dtbncx+xml"
# In the package: what is not the name of a person or of a house.
_METADATA = frozenset({"title", "description", "subject", "rights"})
_LANGUAGE = re.compile(
    rb"""(<ncx\s[^<>]{0,2000}?\sxml:lang\s?=\s?["'])(?:zh|cn)[A-Za-z-]{0,40}""", re.I
)
_LABELS = frozenset({"docTitle", "navLabel", "navInfo"})


class Epub:
    name = "EPUB"
    suffixes = (".epub",)
    media_type = "application/epub+zip"

    def open(self, data: bytes, limits: Limits, languages: Languages) -> EpubDocument:
        return EpubDocument(Archive(data, limits), limits, languages)


class EpubDocument:
    def __init__(self, archive: Archive, limits: Limits, languages: Languages) -> None:
        self._archive, self._limits, self._languages = archive, limits, languages
        self._meter = Meter(limits)
        self._kept: Counter[Part] = Counter()
        _refuse_protection(archive, limits)
        self._package = _package(archive, limits)
        self._xml: dict[str, XmlPart] = {}
        self._pages: dict[str, HtmlDocument] = {}
        self._contents: set[str] = set()
        self._read(self._package, _METADATA | {"reference"}, "properties")
        package = self._xml[self._package].source
        for name, kind in _manifest(package, self._package, archive, limits):
            if name in self._xml or name in self._pages:
                continue
            if kind == _CONTENTS:
                self._read(name, _LABELS)
                self._contents.add(name)
            elif kind == "image/svg+xml":
                page = HtmlDocument(archive.read(name), limits, languages.target)
                self._kept += page.remaining()
            elif kind in _CHAPTERS:
                self._pages[name] = page = HtmlDocument(
                    archive.read(name), limits, languages.target
                )
                for unit in page.units:
                    self._meter.count(len(unit.text.text))
        self.units: list[Unit] = [
            *(unit for part in self._xml.values() for unit in part.units),
            *(unit for page in self._pages.values() for unit in page.units),
        ]

    def _read(self, name: str, names: frozenset[str], usual: Part = "text") -> None:
        part = XmlPart(in_utf8(self._archive.read(name)), self._meter, self._kept)

        def take(element: Element) -> Units:
            if element.name == "reference":
                return [attribute_unit(part.source, element, "title")]
            inner = list(element.elements("text")) or [element]  # of a label
            return [plain_unit(part.source, e) for e in inner if chinese(e.text)]

        part.read(lambda _, local: local in names, take, usual=usual)
        self._xml[name] = part

    def save(self) -> bytes:
        changed = {name: part.save() for name, part in self._xml.items() if part.changed}
        changed |= {
            name: page.save()
            for name, page in self._pages.items()
            if any(unit.changed for unit in page.units)
        }
        target = self._languages.target.encode()
        for name in changed.keys() & self._contents:
            changed[name] = _LANGUAGE.sub(rb"\g<1>" + target, changed[name], count=1)
        if any(name in self._pages for name in changed):
            package = changed.get(self._package, self._xml[self._package].source)
            changed[self._package] = self._with_language(package)
        return self._archive.rewritten(changed)

    def _with_language(self, source: bytes) -> bytes:
        """The package says in which language the book is now, where it said Chinese."""
        languages = find(source, lambda uri, name: name == "language", self._limits)
        for element in reversed(languages):
            if element.text.strip().lower().startswith(("zh", "cn", "chi", "zho")):
                middle = self._languages.target.encode()
                source = source[: element.inner] + middle + source[element.outer :]
        return source

    def left(self, data: bytes) -> Counter[Part]:
        again = EpubDocument(Archive(data, self._limits), self._limits, self._languages)
        units = [unit for part in again._xml.values() for unit in part.units]
        counts = again._kept + count("text", (unit.text.text for unit in units))
        for page in again._pages.values():
            counts += page.remaining()
        return counts


def _refuse_protection(archive: Archive, limits: Limits) -> None:
    name = archive.find(_ENCRYPTION)
    if name is None:
        return
    source = in_utf8(archive.read(name))
    methods = find(source, lambda _, local: local == "EncryptionMethod", limits)
    if any(method.attribute("Algorithm") not in _FONTS for method in methods):
        raise DocumentError("the book is protected against copying")


def _package(archive: Archive, limits: Limits) -> str:
    """The package document that the container names."""
    source = in_utf8(archive.read(archive.find(_CONTAINER) or _CONTAINER))
    for root in find(source, lambda _, name: name == "rootfile", limits):
        if (found := archive.find(root.attribute("full-path"))) is not None:
            return found
    raise DocumentError("the book's container names no package")


def _manifest(
    source: bytes, package: str, archive: Archive, limits: Limits
) -> list[tuple[str, str]]:
    """Name in the archive and media type of the book's files, in the order of the manifest."""
    folder = posixpath.dirname(package)
    items = []
    for item in find(source, lambda _, name: name == "item", limits):
        path = posixpath.normpath(posixpath.join(folder, unquote(item.attribute("href"))))
        if (name := archive.find(path)) is not None:
            items.append((name, item.attribute("media-type").strip().lower().partition(";")[0]))
    return items
