"""Which elements end a sentence, which are kept as they are, which are one word's dress."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

# The text before one of these has nothing to do with the text behind it.
_BLOCKS = """address article aside blockquote body canvas caption center col colgroup dd details
    dialog dir div dl dt fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 head
    header hgroup hr html iframe legend li link main menu meta nav noframes noscript ol optgroup
    option p pre search section select summary table tbody td template tfoot th thead title tr ul
    base video audio object textarea button"""
_KEPT = "script style code kbd samp var math svg tt"


@dataclass(frozen=True, slots=True)
class Rules:
    """How to read one kind of markup.

    Attributes:
        xml: names keep their case, CDATA exists, nothing is known about the elements.
        splitting: elements that end a sentence.
        non_splitting: elements that do not, whatever else says so.
        kept: elements whose content is not translated.
        outline: in XML, find out which elements are structure: those that stand where no
            text stands beside them.
        collapse: white space is as in HTML: a line break is a space.
    """

    xml: bool = False
    splitting: frozenset[str] = frozenset()
    non_splitting: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    outline: bool = False
    collapse: bool = False


def html_rules(
    splitting: Collection[str] = (), non_splitting: Collection[str] = (), kept: Collection[str] = ()
) -> Rules:
    """HTML, with elements added to its own."""
    return Rules(
        splitting=frozenset(_BLOCKS.split()) | _lower(splitting),
        non_splitting=_lower(non_splitting),
        kept=frozenset(_KEPT.split()) | _lower(kept),
        collapse=True,
    )


def xml_rules(
    splitting: Collection[str] = (),
    non_splitting: Collection[str] = (),
    kept: Collection[str] = (),
    *,
    outline: bool = True,
    collapse: bool = False,
) -> Rules:
    """XML: only what is named here is special."""
    return Rules(
        xml=True,
        splitting=frozenset(splitting),
        non_splitting=frozenset(non_splitting),
        kept=frozenset(kept),
        outline=outline,
        collapse=collapse,
    )


def _lower(names: Collection[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)
