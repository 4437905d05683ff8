"""Texts of cells that formulas name.

A formula, a list of allowed values, a filter or a rule for colours may name the text of a
cell, and would miss it in English. Such cells stay; everything else is translated, equal
texts equally.
"""

from __future__ import annotations

import re
from collections import Counter

from csanmt.documents.leftovers import Part, chinese, count

_LITERAL = re.compile(r'"((?:[^"]|"")*+)"')
_OPERATOR = re.compile(r"\A[<>=]{1,2}")
# Functions that look into a text, where a literal names a part of a cell's.
_WITHIN = re.compile(
    r"\b(?:FINDB?|SEARCHB?|LEFTB?|RIGHTB?|MIDB?|SUBSTITUTE|REPLACE|TEXT|TEXTBEFORE|TEXTAFTER|TEXTSPLIT"
    r"|REGEX|REGEXTEST|REGEXEXTRACT|REGEXREPLACE|CONTAINS-TEXT|BEGINS-WITH|ENDS-WITH)\s?\(",
    re.I,
)
_CONCATENATED = re.compile(r'"\s?&\s?"')
# A text that is looked for may be built of a literal and of something else.
_LOOKS_UP = re.compile(r"\b(?:MATCH|[VHX]?LOOKUP|\w{1,9}IFS?|FILTER)\s?\(", re.I)
_JOINS = re.compile(r'&\s?"|"\s?&|\b(?:CONCAT(?:ENATE)?|TEXTJOIN)\s?\(', re.I)
_INDIRECT = re.compile(r"\bINDIRECT\s?\(", re.I)
_WILD = re.compile(r"~(?=[*?~])|[*?]+|\.[*+]|\^|\$")  # of Excel, and of LibreOffice's expressions


class NamedCells:
    """What is named of a spreadsheet's cells; counts in ``kept``.

    Attributes:
        names: of sheets, columns and ranges, which a formula may make a reference of.
    """

    def __init__(self, kept: Counter[Part]) -> None:
        self._kept = kept
        self.names: set[str] = set()
        self._exact: set[str] = set()
        self._within: set[str] = set()
        self._indirect = False

    def formula(self, formula: str) -> None:
        """Note what a formula names."""
        whole = _CONCATENATED.sub("", formula)  # "a"&"b" names ab
        literals = [found.replace('""', '"') for found in _LITERAL.findall(whole)]
        built = _LOOKS_UP.search(formula) and _JOINS.search(whole)
        within = _WITHIN.search(formula) is not None or built is not None
        for literal in filter(chinese, literals):
            self.name(literal, within=within)
            for item in literal.split(",") if "," in literal else ():
                self.name(item.strip())
        self._kept.update(count("formulas", ["".join(literals)]))
        self._indirect |= _INDIRECT.search(formula) is not None

    def name(self, text: str, *, within: bool = False) -> None:
        """A cell with this text (or one that holds it; or with ``*`` and ``?`` in it) stays."""
        text = _OPERATOR.sub("", text).casefold()
        if not chinese(text):
            return
        if _WILD.search(text):
            self._within.update(filter(chinese, _WILD.split(text)))
        elif within:
            self._within.add(text)
        else:
            self._exact.add(text)

    def named(self, text: str) -> bool:
        """Whether a cell with this text has to stay as it is; formulas know no case."""
        folded = text.casefold()
        within = any(part in folded for part in self._within)
        return folded in self._exact or within or (self._indirect and text in self.names)

    def stays(self, text: str) -> bool:
        """The same; it is counted then."""
        found = self.named(text)
        self._kept.update(count("named", [text] if found else []))
        return found
