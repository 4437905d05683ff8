"""Text files in the encodings that Chinese text comes in, written back as they came."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from csanmt.documents.limits import DocumentError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# GB 2312 and GBK are parts of GB 18030, and files that claim one often hold the next.
_DECLARED = {
    "utf-8": "utf-8", "utf8": "utf-8", "gb2312": "gb18030", "gbk": "gb18030",
    "gb18030": "gb18030", "big5": "big5", "us-ascii": "utf-8",
}  # fmt: skip
_DECLARATION = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_-]+)""", re.I)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text and how to write text like it."""

    text: str
    encoding: str
    bom: bytes = b""

    def encode(self, text: str, *, errors: str = "replace") -> bytes:
        return self.bom + text.encode(self.encoding, errors)


def decode(data: bytes, *, look_for_declaration: bool = False) -> Decoded:
    """Decode by byte order mark, declaration, UTF-8, or GB 18030, in this order.

    Args:
        look_for_declaration: of HTML's ``charset=`` within the first kilobyte.

    Raises:
        DocumentError: it is none of them, or holds a NUL: no text.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _checked(data[len(bom) :], (encoding,), bom)
    found = _DECLARATION.search(data[:1024]) if look_for_declaration else None
    declared = _DECLARED.get(found[1].decode().lower()) if found else None
    return _checked(data, (*([declared] if declared else []), "utf-8", "gb18030"))


def _checked(data: bytes, encodings: tuple[str, ...], bom: bytes = b"") -> Decoded:
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return Decoded(text, encoding, bom)
    raise DocumentError("this is no text in UTF-8, UTF-16 or GB 18030")
