"""Counts what a document holds while it is read, so that no more is read than is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from csanmt.documents.limits import DocumentTooLargeError, Limits
from csanmt.documents.patches import Change

Counted = TypeVar("Counted", bound="Change[str] | Change[bytes]")


class Meter:
    """What was read so far of one document.

    Raises:
        DocumentTooLargeError: from ``count``: more than the limits allow.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._units = self._characters = 0

    def count(self, characters: int) -> None:
        """One more unit of this length."""
        self._units += 1
        self._characters += characters
        if self._characters > self._limits.characters:
            raise DocumentTooLargeError(
                f"the document holds more than {self._limits.characters} characters of text"
            )
        if self._units > self._limits.units:
            raise DocumentTooLargeError(
                f"the document holds more than {self._limits.units} pieces of text"
            )


def metered(changes: Iterable[Counted], limits: Limits) -> Iterator[Counted]:
    """The same changes, as long as the limits allow."""
    meter = Meter(limits)
    for change in changes:
        for unit in change.units:
            meter.count(len(unit.text.text))
        yield change
