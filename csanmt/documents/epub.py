"""EPUB 2 and 3: chapters, contents and title are translated, everything else stays."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote

from csanmt.documents.archives import Archive
from csanmt.documents.hypertext import HtmlDocument
from csanmt.documents.inline_xml import InlineXml
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.patches import PatchUnit, patched
from csanmt.documents.protocol import Languages, Unit
from csanmt.documents.xml_source import find, in_utf8

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
# Fonts are scrambled in every second book; text never is, except by a copy protection.
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_CHAPTER = "application/xhtml+xml"
_CONTENTS = "application/x-dtbncx+xml"


class Epub:
    name = "EPUB"
    suffixes = (".epub",)
    media_type = "application/epub+zip"

    def open(self, data: bytes, limits: Limits, languages: Languages) -> _EpubDocument:
        return _EpubDocument(Archive(data, limits), limits, languages)


class _EpubDocument:
    def __init__(self, archive: Archive, limits: Limits, languages: Languages) -> None:
        self._archive, self._limits, self._target = archive, limits, languages.target
        _refuse_protection(archive, limits)
        package = _package(archive, limits)
        self._xml: dict[str, tuple[bytes, list[PatchUnit[bytes]]]] = {}
        self._pages: dict[str, HtmlDocument] = {}
        self._add_xml(package, "title", "description")
        for name, kind in _manifest(self._xml[package][0], package, limits):
            if name not in archive.names or name in self._xml:
                continue
            if kind == _CONTENTS:
                self._add_xml(name, "text")
            elif kind == _CHAPTER and name not in self._pages:
                self._pages[name] = HtmlDocument(archive.read(name), languages.target)
        self.units: list[Unit] = [
            *(unit for _, units in self._xml.values() for unit in units),
            *(unit for page in self._pages.values() for unit in page.units),
        ]

    def _add_xml(self, name: str, *wanted: str) -> None:
        """Elements of these names hold plain text."""
        source = in_utf8(self._archive.read(name))
        units = []
        for element in find(source, lambda _, local: local in wanted, self._limits):
            inline = InlineXml(source, lambda _: False)
            segment = inline.read(element)
            if element.inner < element.outer:
                units.append(PatchUnit(segment, element.inner, element.outer, inline.render))
        self._xml[name] = (source, units)

    def save(self) -> bytes:
        changed = {name: patched(*part) for name, part in self._xml.items()}
        changed |= {name: page.save() for name, page in self._pages.items()}
        package = next(iter(self._xml))
        changed[package] = self._with_language(changed[package])
        return self._archive.rewritten(changed)

    def _with_language(self, source: bytes) -> bytes:
        """The package says in which language the book is now."""
        languages = find(source, lambda uri, name: name == "language", self._limits)
        for element in reversed(languages):
            middle = self._target.encode()
            source = source[: element.inner] + middle + source[element.outer :]
        return source


def _refuse_protection(archive: Archive, limits: Limits) -> None:
    if _ENCRYPTION not in archive.names:
        return
    source = in_utf8(archive.read(_ENCRYPTION))
    methods = find(source, lambda _, name: name == "EncryptionMethod", limits)
    if any(method.attribute("Algorithm") not in _FONTS for method in methods):
        raise DocumentError("the book is protected against copying")


def _package(archive: Archive, limits: Limits) -> str:
    """The package document that the container names."""
    source = in_utf8(archive.read(_CONTAINER))
    roots = find(source, lambda _, name: name == "rootfile", limits)
    if not roots:
        raise DocumentError("the book's container names no package")
    return roots[0].attribute("full-path")


def _manifest(source: bytes, package: str, limits: Limits) -> list[tuple[str, str]]:
    """Name in the archive and media type of the book's files, in the order of the manifest."""
    folder = posixpath.dirname(package)
    items = find(source, lambda _, name: name == "item", limits)
    return [
        (
            posixpath.normpath(posixpath.join(folder, unquote(item.attribute("href")))),
            item.attribute("media-type"),
        )
        for item in items
    ]
