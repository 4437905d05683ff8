"""Documents within an office document: Word's ``altChunk`` is read, others are looked into."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from csanmt.documents.archives import Archive
from csanmt.documents.hypertext import HtmlDocument
from csanmt.documents.leftovers import Part
from csanmt.documents.limits import MEGABYTE, DocumentError, DocumentTooLargeError, Limits
from csanmt.documents.packages import Package
from csanmt.documents.plain import PlainText
from csanmt.documents.protocol import Languages, OpenDocument

_MAIN = "wordprocessingml.document.main+xml"
HAN = re.compile(rb"[\xe4-\xe9][\x80-\xbf]{2}|&#(?:x[4-9][0-9a-fA-F]{3}|[23]\d{4});")
_TEXTS = re.compile(r"(?:strings|document|/sheet\d{1,5}|/slide\d{1,5})\.xml\Z", re.I)
_LOOKED_INTO = 8 * MEGABYTE
_ZIP = b"PK\x03\x04"


@dataclass(slots=True)
class Embedded:
    """A part that is a document of its own."""

    document: OpenDocument
    before: bytes


def body_parts(
    package: Package,
    limits: Limits,
    languages: Languages,
    open_word: Callable[[bytes], OpenDocument],
) -> tuple[dict[str, Embedded], Counter[Part]]:
    """What Word shows in the text where it stands; and how many of them are not read."""
    found: dict[str, Embedded] = {}
    unread: Counter[Part] = Counter()
    for main in package.of_types((_MAIN,)):
        for part in package.related(main, "aFChunk"):
            data = package.archive.read(part)
            kind = package.types.get(part, "")
            document = _opened(part, kind, data, limits, languages, open_word)
            if document is None:
                unread["embedded"] += 1
            else:
                found[part] = Embedded(document, data)
    return found, unread


def _opened(
    part: str,
    kind: str,
    data: bytes,
    limits: Limits,
    languages: Languages,
    open_word: Callable[[bytes], OpenDocument],
) -> OpenDocument | None:
    suffix = part.rpartition(".")[2].lower()
    try:
        if data.startswith(_ZIP):
            return open_word(data)
        if "html" in kind or suffix in ("html", "htm", "xhtml"):
            return HtmlDocument(data, limits, languages.target)
        if kind == "text/plain" or suffix == "txt":
            return PlainText().open(data, limits, languages)
    except DocumentError:
        return None
    return None


def chinese_embedded(package: Package, limits: Limits) -> int:
    """How many embedded office documents (data of charts, objects) hold Chinese."""
    return sum(
        _holds_chinese(package, name, limits)
        for name in package.archive.names
        if "/embeddings/" in name.lower() and package.archive.size(name) <= _LOOKED_INTO
    )


def _holds_chinese(package: Package, name: str, limits: Limits) -> bool:
    data = package.archive.read(name)
    if not data.startswith(_ZIP):
        return False
    try:
        inner = Archive(data, limits)
        return any(HAN.search(inner.read(n)) for n in inner.names if _TEXTS.search(n))
    except (DocumentError, DocumentTooLargeError):
        return False
