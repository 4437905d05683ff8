"""Text files in the encodings that Chinese text comes in, written back as they came."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from csanmt.documents.leftovers import chinese
from csanmt.documents.limits import DocumentError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# GB 2312 and GBK are parts of GB 18030, and files that claim one often hold the next.
_DECLARED = {
    "utf-8": "utf-8", "utf8": "utf-8", "gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030",
    "gb18030": "gb18030", "big5": "big5hkscs", "big5-hkscs": "big5hkscs", "cp950": "cp950",
    "us-ascii": "utf-8", "ascii": "utf-8",
}  # fmt: skip
_DECLARATION = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_-]+)""", re.I)
_SAMPLE = 20_000  # bytes looked at where nothing says the encoding
_FEW = 8  # Chinese characters, from which on shares mean something
_CHINESE = {
    "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "hz": "gb18030",
    "big5": "big5hkscs", "cp950": "big5hkscs", "big5hkscs": "big5hkscs",
}  # fmt: skip
# First bytes of the characters that each standard calls common (level 1).
_COMMON = {"gb18030": (0xB0, 0xD7), "big5hkscs": (0xA4, 0xC6)}
# Half of all running text, simplified and traditional; a fifth at most of what is read wrongly.
_FREQUENT = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部"
    "其些主样理心她本前开但因只从想实日者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应向头文体美相见被利什二等产或新己身果加西月话合回特"
    "代内信表化老给世位次度门任常先通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活更别打女变四神总何电数安少报才结反受目太量再感建做接必场件计管期市直资命山金指"
    "许区保至形社便空决马五眼书非则听白却界光放强即像难且思王完设式色路记南品住告类求据程北边该交万取望觉领共确师清今让识候带导运吗吧呢请谢呀啊哪谁這個們來爲國說時會對於過發"
    "後裏種經麼學現當沒動還進樣開從實無與長機關點業將兩間問並應頭體見產話內給門兒東聲員論處義幾認條氣題別變總電數報結場計資許區決馬書則聽卻強難設記類據邊該萬覺領確師讓識帶導"
    "運嗎請謝誰"
)
_USUAL = 0.25  # share of frequent characters that any longer text has
_UNKNOWN = "the encoding of this text cannot be told; save it as UTF-8"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text and how to write text like it.

    Attributes:
        declared: the file itself names its encoding, so it cannot be written in another.
        newline: how a line ends in the file, where ``text`` has ``\\n`` instead.
    """

    text: str
    encoding: str
    bom: bytes = b""
    declared: bool = False
    newline: str = "\n"

    def encode(self, text: str, *, errors: str = "strict") -> bytes:
        """``text`` in the encoding it came in; in UTF-8 where that lacks a character and
        nothing in the file names it."""
        if self.newline != "\n":
            text = text.replace("\n", self.newline)
        try:
            return self.bom + text.encode(self.encoding, errors)
        except UnicodeEncodeError:
            if self.declared:
                return self.bom + text.encode(self.encoding, "replace")
            return codecs.BOM_UTF8 + text.encode("utf-8", "replace")

    def again(self, data: bytes) -> bytes:
        """What ``encode`` wrote, in UTF-8 and marked so: its encoding is known, not to be told."""
        if data.startswith(codecs.BOM_UTF8):
            return data
        text = data[len(self.bom) :].decode(self.encoding, "replace")
        return codecs.BOM_UTF8 + text.encode("utf-8", "replace")


def codec(name: str) -> str | None:
    """Python's name of an encoding that Chinese text is declared in; None: another one."""
    return _DECLARED.get(name.lower().replace("_", "-"))


def decode(data: bytes, *, look_for_declaration: bool = False) -> Decoded:
    """Decode by byte order mark, declaration, as UTF-8, or by what the bytes look like.

    Args:
        look_for_declaration: of HTML's ``charset=`` within the first kilobyte.

    Raises:
        DocumentError: it is in none of them, it cannot be told which, or it holds a NUL.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _strict(data[len(bom) :], encoding, bom)
    found = _DECLARATION.search(data[:1024]) if look_for_declaration else None
    if found and (text := decode_as(data, found[1].decode())):
        return text
    try:
        return Decoded(_text(data, "utf-8"), "utf-8")
    except UnicodeDecodeError:
        return _strict(data, _recognised(data))


def decode_as(data: bytes, name: str) -> Decoded | None:
    """Decode as a file says of itself; None where that is not so: it is Chinese in UTF-8, or
    no such text."""
    declared = codec(name)
    if declared is None or (declared != "utf-8" and _is_chinese_utf_8(data)):
        return None
    try:
        return Decoded(_text(data, declared), declared, declared=True)
    except UnicodeDecodeError:
        return None


def _is_chinese_utf_8(data: bytes) -> bool:
    try:
        return chinese(data.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _strict(data: bytes, encoding: str, bom: bytes = b"") -> Decoded:
    try:
        return Decoded(_text(data, encoding), encoding, bom)
    except UnicodeDecodeError:
        raise DocumentError("this is no text in UTF-8, UTF-16, GB 18030 or Big5") from None


def _text(data: bytes, encoding: str) -> str:
    text = data.decode(encoding)
    if "\0" in text:
        raise DocumentError("this is no text in UTF-8, UTF-16, GB 18030 or Big5")
    return text


def _recognised(data: bytes) -> str:
    """The Chinese encoding that the bytes look like."""
    read = {encoding: found for encoding in _COMMON if (found := _Reading.of(data, encoding))}
    ranked = sorted(read, key=lambda encoding: read[encoding].score, reverse=True)
    if not ranked or read[ranked[0]].common < 0.5:
        raise DocumentError(_UNKNOWN)
    likely = ranked[0]
    if len(ranked) > 1 and read[ranked[1]].score == read[likely].score:
        raise DocumentError(_UNKNOWN)
    if read[likely].characters >= _FEW and read[likely].frequent < _USUAL:
        from charset_normalizer import from_bytes

        best = from_bytes(data[:_SAMPLE]).best()
        if best is None or _CHINESE.get(best.encoding) != likely:
            raise DocumentError(_UNKNOWN)
    return likely


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text read in one encoding: Chinese characters, and the shares that are usual ones."""

    characters: int
    common: float
    frequent: float

    @property
    def score(self) -> float:
        return self.common + 2 * self.frequent

    @classmethod
    def of(cls, data: bytes, encoding: str) -> _Reading | None:
        """None: the bytes are not of this encoding, or hold no Chinese."""
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            return None
        hanzi = [c for c in text[:_SAMPLE] if "\u3400" <= c <= "\u9fff"]
        if not hanzi:
            return None
        low, high = _COMMON[encoding]
        common = sum(low <= c.encode(encoding)[0] <= high for c in hanzi)
        frequent = sum(c in _FREQUENT for c in hanzi)
        return cls(len(hanzi), common / len(hanzi), frequent / len(hanzi))
