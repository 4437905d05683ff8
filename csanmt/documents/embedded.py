"""Documents within an office document: Word's ``altChunk`` is read, others are looked into."""

from __future__ import annotations

import re
from collections.abc import Callable

from csanmt.documents import hypertext, plain
from csanmt.documents.archives import Archive
from csanmt.documents.limits import MEGABYTE, DocumentError, DocumentTooLargeError, Limits
from csanmt.documents.protocol import Languages, OpenDocument

HAN = re.compile(rb"[\xe4-\xe9][\x80-\xbf]{2}|&#(?:x[4-9][0-9a-fA-F]{3}|[23]\d{4});")
_TEXTS = re.compile(r"(?:strings|document|/sheet\d{1,5}|/slide\d{1,5})\.xml\Z", re.I)
_LOOKED_INTO = 8 * MEGABYTE
_ZIP = b"PK\x03\x04"


def opened(
    name: str,
    kind: str,
    data: bytes,
    limits: Limits,
    languages: Languages,
    open_word: Callable[[bytes], OpenDocument],
) -> OpenDocument:
    """A part that is a document. Raises DocumentError: it is of no kind that is read here."""
    suffix = name.rpartition(".")[2].lower()
    if data.startswith(_ZIP):
        return open_word(data)
    if "html" in kind or suffix in ("html", "htm", "xhtml"):
        return hypertext.opened(data, limits, languages)
    if kind == "text/plain" or suffix == "txt":
        return plain.text_format(plain.plain_text)(data, limits, languages)
    raise DocumentError(f"a document in a document, of a kind that is not read: {kind}")


def chinese_embedded(archive: Archive, limits: Limits) -> int:
    """How many embedded office documents (data of charts, objects) hold Chinese."""
    names = [name for name in archive.names if "/embeddings/" in name.lower()]
    return sum(
        _holds_chinese(archive.read(name), limits)
        for name in names
        if archive.size(name) <= _LOOKED_INTO
    )


def _holds_chinese(data: bytes, limits: Limits) -> bool:
    if not data.startswith(_ZIP):
        return False
    try:
        inner = Archive(data, limits)
        return any(HAN.search(inner.read(n)) for n in inner.names if _TEXTS.search(n))
    except (DocumentError, DocumentTooLargeError):
        return False
