"""What a document may cost, and how it is refused."""

from __future__ import annotations

from dataclasses import dataclass

from csanmt.errors import InvalidInputError

MEGABYTE = 1 << 20


class DocumentError(InvalidInputError):
    """The file is not what its name says, is damaged, or holds what is refused."""

    code = "bad_document"


class UnsupportedDocumentError(InvalidInputError):
    """No format here fits the file's name."""

    code = "unsupported_document"


class DocumentTooLargeError(InvalidInputError):
    """More bytes, entries or text than the limits allow, also after unpacking."""

    code = "document_too_large"


@dataclass(frozen=True, slots=True)
class Limits:
    """Most that one document may hold; sizes in bytes. They apply while it is read.

    Attributes:
        characters: of text to translate.
        units: pieces of text that are translated on their own, and lines of Markdown.
        unpacked: all entries of an archive together, as they claim and as they are.
        part: one XML part that holds text.
        ratio: unpacked to packed size of an entry of more than a megabyte. Office
            files reach about 100, a bomb made with deflate 1,000.
        depth: elements within one another.
    """

    characters: int = 1_000_000
    units: int = 100_000
    unpacked: int = 128 * MEGABYTE
    part: int = 16 * MEGABYTE
    entries: int = 5_000
    ratio: int = 250
    depth: int = 200


class Meter:
    """What was read so far of one document.

    Raises:
        DocumentTooLargeError: from ``count``: more than the limits allow.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._units = self._characters = 0

    def count(self, characters: int) -> None:
        """One more unit of this length."""
        self._units += 1
        self._characters += characters
        if self._characters > self.limits.characters:
            raise DocumentTooLargeError(
                f"the document holds more than {self.limits.characters} characters of text"
            )
        if self._units > self.limits.units:
            raise DocumentTooLargeError(
                f"the document holds more than {self.limits.units} pieces of text"
            )
