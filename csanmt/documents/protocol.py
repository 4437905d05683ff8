"""The seam between documents and those who translate them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from csanmt.documents.leftovers import Part
from csanmt.documents.limits import Limits
from csanmt.markup import MarkedText, Placed


@dataclass(frozen=True, slots=True)
class Languages:
    """ISO 639-1 codes of the text and of its translation."""

    source: str = "zh"
    target: str = "en"


class Unit(Protocol):
    """One piece of a document that is translated on its own: a paragraph, a cell, a value."""

    @property
    def text(self) -> MarkedText:
        """What it says now."""
        ...

    def put(self, translation: Placed) -> None:
        """Take the translation of ``text``."""
        ...


class OpenDocument(Protocol):
    """A document taken apart."""

    @property
    def units(self) -> Sequence[Unit]:
        """In reading order."""
        ...

    def save(self) -> bytes:
        """The document with the translations that were put; the rest as it was."""
        ...

    def left(self, data: bytes) -> Counter[Part]:
        """How many pieces of text in this state of the document are Chinese, by what they are.

        Where it counts the same twice, once as text and once as what it stands in, the
        former is enough; what is no text for readers (comments of the file format, names of
        fonts) is not counted.
        """
        ...


class Format(Protocol):
    """One file format. To add one: a module here and its line in ``formats``."""

    @property
    def name(self) -> str: ...

    @property
    def suffixes(self) -> tuple[str, ...]:
        """In lower case, with the dot."""
        ...

    @property
    def media_type(self) -> str: ...

    def open(self, data: bytes, limits: Limits, languages: Languages) -> OpenDocument:
        """Take a document apart.

        Raises:
            DocumentError: it is damaged, or not of this format.
            DocumentTooLargeError: it is beyond the limits.
        """
        ...
