"""Gettext catalogues (po): empty ``msgstr`` are filled; every other byte stays.

polib, which would write all of it anew, writes and reads the strings alone.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import polib

from csanmt.documents.encoding import Decoded, decode, decode_as
from csanmt.documents.leftovers import Part, count
from csanmt.documents.limits import DocumentError
from csanmt.documents.messages import is_copy, read_message
from csanmt.documents.patches import Change, Consequence, PatchUnit
from csanmt.documents.plain import text_format
from csanmt.documents.protocol import Languages
from csanmt.markup.segments import Segment, written

_PLURAL_FORMS = {"en": "nplurals=2; plural=(n != 1);", "zh": "nplurals=1; plural=0;"}
_STRING = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
# A comment; a keyword with its string, which may go on below it; what is neither.
_LINE = re.compile(
    r"^[ \t]*+(?:#(?P<comment>[^\n]*+)"
    r"|(?P<key>msgctxt|msgid_plural|msgid|msgstr)(?:\[\d\])?[ \t]*+"
    rf"(?P<strings>{_STRING}(?:[ \t]*+\r?\n[ \t]*+{_STRING})*+)[ \t]*+\r?$"
    r"|(?P<other>[^\s#][^\n]*+))",
    re.M,
)
_CHARSET = re.compile(rb'"Content-Type:[^"\n]{0,200}?charset=([A-Za-z0-9_-]{1,40})', re.I)
_LANGUAGE = re.compile(r'"Language:[ \t]*()\\n"')
_FORMS = re.compile(r'"Plural-Forms:[ \t]*(nplurals=INTEGER[^"\\\n]*|)\\n"')
_WIDTH = 77  # columns, as gettext wraps


@dataclass(slots=True)
class _Entry:
    """A message: its strings by keyword; where each msgstr stands, and what it says."""

    fuzzy: bool = False
    strings: dict[str, str] = field(default_factory=dict)
    targets: list[tuple[int, int, str]] = field(default_factory=list)


def decoded(data: bytes) -> Decoded:
    """A catalogue says in its header what it is written in."""
    declared = _CHARSET.search(data[:4096])
    found = None if data.startswith(codecs.BOM_UTF8) or not declared else declared[1].decode()
    return (decode_as(data, found) if found else None) or decode(data)


@partial(text_format, decoded=decoded)
def gettext(text: str, kept: Counter[Part], languages: Languages) -> Iterator[Change[str]]:
    """The msgstr to fill, and what the header says then. Raises DocumentError: no catalogue."""
    entries = list(_entries(text))
    if text and not entries:
        raise DocumentError("a catalogue without a msgid")
    newline = "\r\n" if "\r\n" in text else "\n"
    units: list[PatchUnit[str]] = []
    for entry in entries:
        single = entry.strings.get("msgid", "")
        several = entry.strings.get("msgid_plural", single)
        if entry.fuzzy:
            kept += count("fuzzy", [single])
            continue
        for form, (start, end, target) in enumerate(entry.targets if single else ()):
            source = single if form == 0 and len(entry.targets) > 1 else several
            if not target or is_copy(single, target) or is_copy(several, target):
                units.append(_unit(source, start, end, newline))
                yield units[-1]
    if units and not entries[0].strings.get("msgid"):
        plural = any(len(entry.targets) == 2 for entry in entries)
        yield from _header(text, entries[0], languages.target, units, plural=plural)


def _entries(text: str) -> Iterator[_Entry]:
    entry = _Entry()
    for line in _LINE.finditer(text):
        key = line["key"]
        if line["other"]:
            number = text.count("\n", 0, line.start()) + 1
            raise DocumentError(f"not a gettext catalogue: line {number}")
        if entry.targets and key != "msgstr":
            yield entry
            entry = _Entry()
        if key is None:  # that of an obsolete entry is a comment too
            entry.fuzzy |= line["comment"].startswith(",") and "fuzzy" in line["comment"]
            continue
        string = polib.unescape("".join(s[1:-1] for s in re.findall(_STRING, line["strings"])))
        if key == "msgstr":
            entry.targets.append((*line.span("strings"), string))
        else:
            entry.strings[key] = string
    if entry.targets:
        yield entry


def _unit(source: str, start: int, end: int, newline: str) -> PatchUnit[str]:
    def render(segment: Segment, _: object) -> str:
        # msgfmt wants a line break at the ends of both or of neither.
        text = written(segment).strip("\n")
        text = "\n" * source.startswith("\n") + text + "\n" * source.endswith("\n")
        entry = polib.POEntry(msgid="", msgstr=text).__unicode__(wrapwidth=_WIDTH)
        return entry.partition("msgstr ")[2].rstrip("\n").replace("\n", newline)

    return PatchUnit(read_message(source), start, end, render)


def _header(
    text: str, entry: _Entry, target: str, units: list[PatchUnit[str]], *, plural: bool
) -> Iterator[Consequence[str]]:
    """Language and plural forms, where the header has a place for them and nothing there."""
    forms = _PLURAL_FORMS.get(target, "nplurals=2; plural=(n != 1);")
    start, end, said = entry.targets[0]
    for pattern, value in ((_LANGUAGE, target), (_FORMS, forms)):
        if place := pattern.search(text, start, end):
            gap = "" if text[place.start(1) - 1] == " " else " "
            yield Consequence(*place.span(1), gap + value, units)
    if plural and said and "Plural-Forms:" not in said:
        newline = "\r\n" if "\r\n" in text else "\n"
        yield Consequence(end, end, f'{newline}"Plural-Forms: {forms}\\n"', units)
