"""Text files in the encodings that Chinese text comes in, written back as they came."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from csanmt.documents.leftovers import chinese
from csanmt.documents.limits import DocumentError
from csanmt.tables import read_toml

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_TABLE = read_toml(Path(__file__).with_name("encodings.toml"))
_DECLARATION = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_-]+)""", re.I)
_SAMPLE = 20_000  # bytes looked at where nothing says the encoding
_FEW = 8  # Chinese characters, from which on shares mean something
_COMMON: dict[str, list[int]] = _TABLE["common"]
_FREQUENT = frozenset(_TABLE["frequent"]["characters"])
_USUAL = 0.25  # share of frequent characters that any longer text has
_NO_TEXT = "this is no text in UTF-8, UTF-16, GB 18030 or Big5"
_UNKNOWN = "the encoding of this text cannot be told; save it as UTF-8"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text and how to write text like it.

    Attributes:
        declared: the file itself names its encoding, so it cannot be written in another.
        newline: how a line ends in the file, where ``text`` has ``\\n`` instead.
        errors: what is done where the encoding lacks a character, as ``str.encode`` has it.
    """

    text: str
    encoding: str
    bom: bytes = b""
    declared: bool = False
    newline: str = "\n"
    errors: str = "strict"

    def encode(self, text: str) -> bytes:
        """``text`` in the encoding it came in; in UTF-8 where that lacks a character and
        nothing in the file names it."""
        if self.newline != "\n":
            text = text.replace("\n", self.newline)
        try:
            return self.bom + text.encode(self.encoding, self.errors)
        except UnicodeEncodeError:
            if self.declared:
                return self.bom + text.encode(self.encoding, "replace")
            return codecs.BOM_UTF8 + text.encode("utf-8", "replace")


def codec(name: str) -> str | None:
    """Python's name of an encoding that Chinese text is declared in; None: another one."""
    found: str | None = _TABLE["declared"].get(name.lower().replace("_", "-"))
    return found


def decode(data: bytes, *, look_for_declaration: bool = False) -> Decoded:
    """Decode by byte order mark, declaration, as UTF-8, or by what the bytes look like.

    Args:
        look_for_declaration: of HTML's ``charset=`` within the first kilobyte.

    Raises:
        DocumentError: it is in none of them, it cannot be told which, or it holds a NUL.
    """
    bom, encoding = next((mark for mark in _BOMS if data.startswith(mark[0])), (b"", "utf-8"))
    said = _DECLARATION.search(data[:1024]) if look_for_declaration and not bom else None
    if said and (text := decode_as(data, said[1].decode())):
        return text
    found = _decoded(data[len(bom) :], encoding, bom)
    if found is None and not bom:
        found = _decoded(data, _recognised(data))
    if found is None:
        raise DocumentError(_NO_TEXT)
    return found


def decode_as(data: bytes, name: str) -> Decoded | None:
    """Decode as a file says of itself; None where that is not so: it is Chinese in UTF-8, or
    no such text."""
    declared = codec(name)
    if declared not in (None, "utf-8") and (text := _decoded(data, "utf-8")) and chinese(text.text):
        return None
    return _decoded(data, declared, declared=True) if declared else None


def _decoded(
    data: bytes, encoding: str, bom: bytes = b"", *, declared: bool = False
) -> Decoded | None:
    """None: it is not in this encoding. Raises DocumentError: it holds a NUL."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        raise DocumentError(_NO_TEXT)
    if "\r" in text and "\n" not in text:
        return Decoded(text.replace("\r", "\n"), encoding, bom, declared, newline="\r")
    return Decoded(text, encoding, bom, declared)


class _Reading(NamedTuple):
    """A text read in one encoding: Chinese characters, and the shares that are usual ones."""

    score: float
    common: float
    frequent: float
    characters: int
    encoding: str


def _recognised(data: bytes) -> str:
    """The Chinese encoding that the bytes look like."""
    ranked = sorted((r for e in _COMMON if (r := _reading(data, e))), reverse=True)
    if not ranked or ranked[0].common < 0.5:
        raise DocumentError(_UNKNOWN)
    likely = ranked[0]
    if len(ranked) > 1 and ranked[1].score == likely.score:
        raise DocumentError(_UNKNOWN)
    if likely.characters >= _FEW and likely.frequent < _USUAL:
        from charset_normalizer import from_bytes

        best = from_bytes(data[:_SAMPLE]).best()
        if best is None or _TABLE["found"].get(best.encoding) != likely.encoding:
            raise DocumentError(_UNKNOWN)
    return likely.encoding


def _reading(data: bytes, encoding: str) -> _Reading | None:
    """None: the bytes are not of this encoding, or hold no Chinese."""
    try:
        text = data.decode(encoding)[:_SAMPLE]
    except UnicodeDecodeError:
        return None
    hanzi = [c for c in text if "\u3400" <= c <= "\u9fff"]
    if sum("\u3041" <= c <= "\u30fe" for c in text) > len(hanzi):
        raise DocumentError(_UNKNOWN)  # Japanese, whose kana stand in all of them
    if not hanzi:
        return None
    low, high = _COMMON[encoding]
    common = sum(low <= c.encode(encoding)[0] <= high for c in hanzi) / len(hanzi)
    frequent = sum(c in _FREQUENT for c in hanzi) / len(hanzi)
    return _Reading(common + 2 * frequent, common, frequent, len(hanzi), encoding)
