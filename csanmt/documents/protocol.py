"""The seam between documents and those who translate them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, Protocol

from csanmt.documents.leftovers import Part, chinese
from csanmt.documents.limits import Limits
from csanmt.documents.patches import PatchUnit


@dataclass(frozen=True, slots=True)
class Languages:
    """ISO 639-1 codes of the text and of its translation."""

    source: str = "zh"
    target: str = "en"


class OpenDocument(Protocol):
    """A document taken apart."""

    @property
    def units(self) -> Sequence[PatchUnit[Any]]:
        """In reading order."""
        ...

    @property
    def kept(self) -> Counter[Part]:
        """How many pieces of Chinese no unit reads, by what they are; not counted is what is no
        text for readers (comments of the file format, names of fonts)."""
        ...

    def save(self) -> bytes:
        """The document with the translations that were put; the rest as it was. A unit whose
        translation cannot stand there says what it did."""
        ...


def remaining(document: OpenDocument) -> Counter[Part]:
    """How many pieces of a document are in Chinese, by what they are."""
    return document.kept + Counter(unit.part for unit in document.units if chinese(unit.says))


Reader = Callable[[bytes, Limits, Languages], OpenDocument]


@dataclass(frozen=True, slots=True)
class Format:
    """One file format; ``formats`` lists them.

    Attributes:
        suffixes: in lower case, with the dot.
        reader: module and object in ``csanmt.documents`` that take a document apart, as an
            entry point names them; imported when the first is opened.
    """

    name: str
    suffixes: tuple[str, ...]
    media_type: str
    reader: str

    def open(self, data: bytes, limits: Limits, languages: Languages) -> OpenDocument:
        """A document taken apart.

        Raises:
            DocumentError: it is damaged or not of this format.
            DocumentTooLargeError: it is beyond the limits.
        """
        reader: Reader = resolve_name(f"csanmt.documents.{self.reader}")
        return reader(data, limits, languages)
