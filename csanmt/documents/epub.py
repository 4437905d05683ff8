"""EPUB 2 and 3: chapters, contents and title are translated, everything else stays."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote

from csanmt.documents import hypertext
from csanmt.documents.leftovers import Part, chinese, count
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.protocol import Languages, OpenDocument, remaining
from csanmt.documents.xml_source import Element, find
from csanmt.documents.xml_units import Units, XmlArchive, attribute_unit, unit_of

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
# Fonts are scrambled in every second book; text never is, except by a copy protection.
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_CHAPTERS = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document",
                       "application/x-dtbook+xml", "application/xml", "text/xml"})  # fmt: skip
_PAGES = (".xhtml", ".html", ".htm")
_CONTENTS = "application/x-dtbncx+xml"
# In the package: what is not the name of a person or of a house.
_METADATA = frozenset({"title", "description", "subject", "rights"})
_LANGUAGE = re.compile(
    rb"""(<(?:\w{1,20}:)?(?:ncx|package)\s[^<>]{0,2000}?\sxml:lang\s?=\s?["'])"""
    rb"""(?:zh|cn)[A-Za-z-]{0,40}""",
    re.I,
)
_LABELS = frozenset({"doctitle", "navlabel", "navinfo"})


class EpubDocument(XmlArchive):
    """A book. Raises DocumentError: it is protected, or its container names no package."""

    def __init__(self, data: bytes, limits: Limits, languages: Languages) -> None:
        super().__init__(data, limits)
        self._languages = languages
        self._refuse_protection()
        self._package = self._found_package()
        self._contents: set[str] = set()
        self._read(self._package, _METADATA | {"reference"}, "properties")
        for name, kind in self._manifest():
            if name in self.parts or name in self.inner:
                continue
            if kind == _CONTENTS:
                self._read(name, _LABELS)
                self._contents.add(name)
            elif kind == "text/css" or "script" in kind:
                shown = self.archive.read(name).decode("utf-8", "replace")
                self.kept += hypertext.shown_by("style" if kind == "text/css" else "script", shown)
            elif kind in _CHAPTERS or name.lower().endswith(_PAGES):
                self.embed(name, self._page(name))
            elif kind == "image/svg+xml":
                self.kept += remaining(self._page(name))

    def _page(self, name: str) -> OpenDocument:
        return hypertext.opened(self.archive.read(name), self.limits, self._languages)

    def _read(self, name: str, names: frozenset[str], usual: Part = "text") -> None:
        part = self.part(name)

        def take(element: Element) -> Units:
            if element.name == "reference":
                return [attribute_unit(part.source, element, "title")]
            inner = list(element.elements("text")) or [element]  # of a label
            return [unit_of(e) for e in inner if chinese(e.text)]

        def enter(element: Element) -> Units:
            if element.name == "meta" and "author" not in element.attribute("name"):
                self.kept += count("properties", [element.attribute("content")])
            return ()

        part.read(lambda _, local: local.lower() in names, take, usual=usual, enter=enter)

    def changed(self) -> dict[str, bytes]:
        changed = super().changed()
        target = self._languages.target.encode()
        if not changed.keys().isdisjoint(self.inner):
            package = changed.get(self._package, self.parts[self._package].source)
            for element in reversed(find(package, self.limits, "language", "Language")):
                if element.text.strip().lower().startswith(("zh", "cn", "chi", "zho")):
                    package = package[: element.inner] + target + package[element.outer :]
            changed[self._package] = package
        for name in changed.keys() & {self._package, *self._contents}:
            changed[name] = _LANGUAGE.sub(rb"\g<1>" + target, changed[name], count=1)
        return changed

    def _refuse_protection(self) -> None:
        if (name := self.archive.find(_ENCRYPTION)) is not None:
            for method in find(self.archive.xml(name), self.limits, "EncryptionMethod"):
                if method.attribute("Algorithm") not in _FONTS:
                    raise DocumentError("the book is protected against copying")

    def _found_package(self) -> str:
        """The package document that the container names."""
        source = self.archive.xml(self.archive.find(_CONTAINER) or _CONTAINER)
        for root in find(source, self.limits, "rootfile"):
            if (found := self.archive.find(root.attribute("full-path"))) is not None:
                return found
        raise DocumentError("the book's container names no package")

    def _manifest(self) -> Iterator[tuple[str, str]]:
        """Name in the archive and media type of the book's files, in the order of the manifest."""
        folder = posixpath.dirname(self._package)
        for item in find(self.parts[self._package].source, self.limits, "item"):
            path = posixpath.normpath(posixpath.join(folder, unquote(item.attribute("href"))))
            if (name := self.archive.find(path)) is not None:
                kind = item.attribute("media-type").strip().lower().partition(";")[0]
                yield name, kind
