"""Attributes of XML whose values are read like texts: a unit is a value."""

from __future__ import annotations

import re

from csanmt.documents.leftovers import chinese
from csanmt.documents.patches import PatchUnit, coded_unit
from csanmt.documents.segments import Tag
from csanmt.documents.xml_source import Element, escaped

_QUOTED = rb"""\s*+=\s*+(?:"([^"]*)"|'([^']*)')"""


def attribute_unit(
    source: bytes,
    element: Element,
    name: str,
    *,
    codes: re.Pattern[str] | None = None,
    longest: int | None = None,
) -> PatchUnit[bytes] | None:
    """The value of an attribute as a unit; None: there is none, or nothing to translate in it.

    Args:
        codes: what in it means something to a program and stays.
        longest: characters that the format allows; a longer translation is not written.
    """
    value = element.attribute(name)
    if not chinese(value):
        return None
    pattern = re.compile(rb"(?<=\s)(?:[\w.-]++:)?" + name.encode() + _QUOTED)
    # Where the start tag ends is not known of an element that was only entered.
    found = pattern.search(source, element.start, element.inner or len(source))
    if found is None:
        return None
    start, end = found.span(found.lastindex or 0)
    found_codes = enumerate(codes.finditer(value)) if codes else ()

    def write(text: str) -> bytes:
        too_long = longest is not None and len(text) > longest
        return source[start:end] if too_long else attribute_value(text)

    kept = [(*code.span(), Tag("atom", i)) for i, code in found_codes]
    return coded_unit(value, kept, (start, end), write)


def attribute_value(text: str) -> bytes:
    """Text as it is written between the quotes of an attribute."""
    return escaped(text).replace(b'"', b"&quot;").replace(b"'", b"&apos;").replace(b"\n", b"&#10;")
