"""Texts with markup in a request, by the names that the API gives to their formats."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from csanmt.documents import markdown
from csanmt.documents.limits import Limits
from csanmt.documents.protocol import Languages
from csanmt.markup import (
    MarkedText,
    MarkupDocument,
    Placed,
    html_rules,
    parse_markup,
    xml_rules,
)

_NO_LIMITS = Limits(characters=sys.maxsize, units=sys.maxsize)  # a request has its own


class MarkdownText:
    """Implements ``MarkupDocument``: what a document of Markdown does, for a string."""

    def __init__(self, source: str) -> None:
        self._document = markdown.opened(source.encode(), _NO_LIMITS, Languages())
        self.texts: list[MarkedText] = [unit.text for unit in self._document.units]

    def render(self, translations: Sequence[Placed]) -> str:
        for unit, translation in zip(self._document.units, translations, strict=True):
            unit.put(translation)
        return self._document.save().decode()


PARSERS: Mapping[str, Callable[[str], MarkupDocument]] = {
    "html": lambda source: parse_markup(source, html_rules()),
    "xml": lambda source: parse_markup(source, xml_rules()),
    "markdown": MarkdownText,
}
