"""Gettext catalogues (po): empty ``msgstr`` are filled; every other byte stays.

polib reads what a catalogue says; where its strings stand is found by its lines, since
polib would write all of it anew.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import polib

from csanmt.documents.encoding import Decoded, decode, decode_as
from csanmt.documents.leftovers import Part, count
from csanmt.documents.limits import DocumentError
from csanmt.documents.messages import is_copy, read_message
from csanmt.documents.patches import Change, Consequence, PatchUnit
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import Segment, written

_PLURAL_FORMS = {"en": "nplurals=2; plural=(n != 1);", "zh": "nplurals=1; plural=0;"}
_STRING = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
# A msgstr and the strings that go on below it.
_MSGSTR = re.compile(
    rf"^msgstr(?:\[(?P<form>\d)\])?[ \t]*+"
    rf"(?P<strings>{_STRING}[ \t]*+(?:\r?\n[ \t]*+{_STRING}[ \t]*+)*+)",
    re.M,
)
_CHARSET = re.compile(rb'"Content-Type:[^"\n]{0,200}?charset=([A-Za-z0-9_-]{1,40})', re.I)
_LANGUAGE = re.compile(r'"Language:[ \t]*()\\n"')
_FORMS = re.compile(r'"Plural-Forms:[ \t]*(nplurals=INTEGER[^"\\\n]*|)\\n"')
_WIDTH = 77  # columns, as gettext wraps


def gettext(text: str, kept: Counter[Part], languages: Languages) -> Iterator[Change[str]]:
    """The msgstr to fill, and what the header says then. Raises DocumentError: no catalogue."""
    if text and "msgid" not in text:
        raise DocumentError("a catalogue without a msgid")
    try:
        # polib reads a *file* when the text is the name of one; no name has line ends.
        catalogue = polib.pofile(text.replace("\r\n", "\n") + "\n", encoding="utf-8")
    except (OSError, ValueError, IndexError, KeyError, AttributeError) as error:
        raise DocumentError(f"not a gettext catalogue: {_reason(error)}") from None
    kept += count("fuzzy", (e.msgid for e in catalogue if e.fuzzy and not e.obsolete))
    translations = _Translations(catalogue, text)
    units: list[PatchUnit[str]] = []
    for unit in translations.units():
        units.append(unit)
        yield unit
    yield from translations.header(languages.target, units)


def decoded(data: bytes) -> Decoded:
    """A catalogue says in its header what it is written in."""
    declared = _CHARSET.search(data[:4096])
    found = None if data.startswith(codecs.BOM_UTF8) or not declared else declared[1].decode()
    return (decode_as(data, found) if found else None) or decode(data)


def _reason(error: Exception) -> str:
    """polib's sentence without the text that it quotes."""
    return str(error).partition("(")[2].rstrip(")") or type(error).__name__


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the strings of a msgstr stand, from the first quote to the last."""

    start: int
    end: int
    form: int


class _Translations:
    def __init__(self, catalogue: polib.POFile, text: str) -> None:
        self._catalogue, self._text = catalogue, text
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._places = _places(text)

    def units(self) -> Iterator[PatchUnit[str]]:
        """The msgstr that are to be filled."""
        lines = [0, *(found.end() for found in re.finditer("\n", self._text))]
        for entry in self._catalogue:
            if entry.obsolete or entry.fuzzy or _is_translated(entry):
                continue
            for place in self._of_entry(lines[min(max(entry.linenum - 1, 0), len(lines) - 1)]):
                written = self._text[place.start : place.end]
                if not entry.msgid_plural:
                    yield self._unit(entry.msgid, place)
                elif _unquoted(written) == "" or _is_copy(entry, entry.msgstr_plural[place.form]):
                    single = place.form == 0 and len(entry.msgstr_plural) > 1
                    yield self._unit(entry.msgid if single else entry.msgid_plural, place)

    def _of_entry(self, start: int) -> list[_Place]:
        """The msgstr behind the entry that starts there."""
        i = bisect_left(self._places, start, key=lambda place: place.start)
        if i == len(self._places):
            return []
        found = [self._places[i]]
        while i + 1 < len(self._places) and self._places[i + 1].form == found[-1].form + 1:
            i += 1
            found.append(self._places[i])
        return found

    def _unit(self, source: str, place: _Place) -> PatchUnit[str]:
        def render(segment: Segment, _: object) -> str:
            return self._quoted(_same_ends(source, written(segment)))

        return PatchUnit(read_message(source), place.start, place.end, render)

    def _quoted(self, text: str) -> str:
        """As a string of a catalogue, wrapped as gettext does."""
        entry = polib.POEntry(msgid="", msgstr=text)
        written = entry.__unicode__(wrapwidth=_WIDTH).partition("msgstr ")[2].rstrip("\n")
        return written.replace("\n", self._newline)

    def header(self, target: str, units: list[PatchUnit[str]]) -> Iterator[Consequence[str]]:
        """Language and plural forms, where the header has a place for them and nothing there."""
        forms = _PLURAL_FORMS.get(target, "nplurals=2; plural=(n != 1);")
        head = self._places[0] if self._places else None
        if head is None or not units or head.end > units[0].start:
            return
        header = self._text[head.start : head.end]
        edits = []
        for pattern, value in ((_LANGUAGE, target), (_FORMS, forms)):
            if place := pattern.search(header):
                gap = "" if header[place.start(1) - 1] == " " else " "
                edits.append((*place.span(1), gap + value))
        plural = any(place.form for place in self._places)
        if plural and "Plural-Forms:" not in header and header != '""':
            edits.append((len(header), len(header), f'{self._newline}"Plural-Forms: {forms}\\n"'))
        for start, end, new in sorted(edits):
            yield Consequence(head.start + start, head.start + end, new, units)


def _is_translated(entry: polib.POEntry) -> bool:
    targets = [entry.msgstr, *entry.msgstr_plural.values()]
    return entry.translated() and not any(_is_copy(entry, target) for target in targets)


def _is_copy(entry: polib.POEntry, target: str) -> bool:
    return is_copy(entry.msgid, target) or is_copy(entry.msgid_plural, target)


def _places(text: str) -> list[_Place]:
    places = []
    for found in _MSGSTR.finditer(text):
        strings = found["strings"].rstrip()
        start = found.start("strings")
        places.append(_Place(start, start + len(strings), int(found["form"] or 0)))
    return places


def _unquoted(written: str) -> str:
    return "".join(part for part in re.findall(_STRING, written)).replace('"', "")


def _same_ends(source: str, text: str) -> str:
    """msgfmt wants a line break at the ends of both or of neither."""
    text = text.strip("\n")
    return "\n" * source.startswith("\n") + text + "\n" * source.endswith("\n")
