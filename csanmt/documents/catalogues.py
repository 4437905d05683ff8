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
from csanmt.documents.leftovers import Part, chinese
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.messages import is_copy, read_message
from csanmt.documents.patches import Patches, PatchUnit, metered, patched
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import Segment

_PLURAL_FORMS = {"en": "nplurals=2; plural=(n != 1);", "zh": "nplurals=1; plural=0;"}
_STRING = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
# A msgstr and the strings that go on below it.
_MSGSTR = re.compile(
    rf"^msgstr(?:\[(?P<form>\d)\])?[ \t]*+"
    rf"(?P<strings>{_STRING}[ \t]*+(?:\r?\n[ \t]*+{_STRING}[ \t]*+)*+)",
    re.M,
)
_CHARSET = re.compile(rb'"Content-Type:[^"\n]{0,200}?charset=([A-Za-z0-9_-]{1,40})', re.I)
_WIDTH = 77  # columns, as gettext wraps


class Gettext:
    name = "Gettext catalogue"
    suffixes = (".po",)
    media_type = "text/x-gettext-translation"

    def open(self, data: bytes, limits: Limits, languages: Languages) -> _Catalogue:
        source = _decoded(data)
        if source.text and "msgid" not in source.text:
            raise DocumentError("a catalogue without a msgid")
        try:
            # polib reads a *file* when the text is the name of one; no name has line ends.
            catalogue = polib.pofile(source.text.replace("\r\n", "\n") + "\n", encoding="utf-8")
        except (OSError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise DocumentError(f"not a gettext catalogue: {_reason(error)}") from None
        return _Catalogue(catalogue, source, limits, languages)


def _decoded(data: bytes) -> Decoded:
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


class _Catalogue:
    def __init__(
        self, catalogue: polib.POFile, source: Decoded, limits: Limits, languages: Languages
    ) -> None:
        self._catalogue, self._source = catalogue, source
        self._limits, self._languages = limits, languages
        self._newline = "\r\n" if "\r\n" in source.text else "\n"
        self._places = _places(source.text)
        self.units = list(metered(self._read(), limits))

    def _read(self) -> Iterator[PatchUnit[str]]:
        lines = _LineStarts(self._source.text)
        for entry in self._catalogue:
            if entry.obsolete or entry.fuzzy or _is_translated(entry):
                continue
            for place in self._of_entry(lines.offset(entry.linenum)):
                written = self._source.text[place.start : place.end]
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
        message = read_message(source)

        def render(segment: Segment, _patches: Patches[str]) -> str:
            return self._quoted(_same_ends(source, message.write(segment)))

        return PatchUnit(message.segment, place.start, place.end, render)

    def _quoted(self, text: str) -> str:
        """As a string of a catalogue, wrapped as gettext does."""
        entry = polib.POEntry(msgid="", msgstr=text)
        written = entry.__unicode__(wrapwidth=_WIDTH).partition("msgstr ")[2].rstrip("\n")
        return written.replace("\n", self._newline)

    def save(self) -> bytes:
        changes: list[PatchUnit[str]] = [u for u in self.units if u.translation is not None]
        if changes:
            changes = [*self._header(), *changes]
        return self._source.encode(patched(self._source.text, changes))

    def _header(self) -> list[PatchUnit[str]]:
        """Language and plural forms, where the header has a place for them and nothing there."""
        forms = _PLURAL_FORMS.get(self._languages.target, "nplurals=2; plural=(n != 1);")
        head = self._places[0] if self._places else None
        if head is None or head.end > self.units[0].start:
            return []
        found = []
        for pattern, value in (
            (r'"Language:[ \t]*()\\n"', self._languages.target),
            (r'"Plural-Forms:[ \t]*(nplurals=INTEGER[^"\\\n]*|)\\n"', forms),
        ):
            place = re.compile(pattern).search(self._source.text, head.start, head.end)
            if place:
                start, end = place.span(1)
                gap = "" if self._source.text[start - 1] == " " else " "
                found.append(_replacement(start, end, gap + value))
        header = self._source.text[head.start : head.end]
        plural = any(place.form for place in self._places)
        if plural and "Plural-Forms:" not in header and header != '""':
            line = f'{self._newline}"Plural-Forms: {forms}\\n"'
            found.append(_replacement(head.end, head.end, line))
        return sorted(found, key=lambda unit: unit.end)

    def left(self, data: bytes) -> Counter[Part]:
        again = Gettext().open(self._source.again(data), self._limits, self._languages)
        counts: Counter[Part] = Counter()
        for entry in again._catalogue:
            if not entry.obsolete and chinese(entry.msgid):
                counts["fuzzy"] += entry.fuzzy
                counts["text"] += not entry.fuzzy and not _is_translated(entry)
        return +counts


def _is_translated(entry: polib.POEntry) -> bool:
    targets = [entry.msgstr, *entry.msgstr_plural.values()]
    return entry.translated() and not any(_is_copy(entry, target) for target in targets)


def _is_copy(entry: polib.POEntry, target: str) -> bool:
    return is_copy(entry.msgid, target) or is_copy(entry.msgid_plural, target)


class _LineStarts:
    """Offsets of a text's lines; asked for in order."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def offset(self, number: int) -> int:
        """Where line ``number`` (from 1) starts."""
        return self._starts[min(max(number - 1, 0), len(self._starts) - 1)]


def _places(text: str) -> list[_Place]:
    places = []
    for found in _MSGSTR.finditer(text):
        strings = found["strings"].rstrip()
        start = found.start("strings")
        places.append(_Place(start, start + len(strings), int(found["form"] or 0)))
    return places


def _unquoted(written: str) -> str:
    return "".join(part for part in re.findall(_STRING, written)).replace('"', "")


def _replacement(start: int, end: int, value: str) -> PatchUnit[str]:
    return PatchUnit((), start, end, lambda _segment, _patches: value, ("",))


def _same_ends(source: str, text: str) -> str:
    """msgfmt wants a line break at the ends of both or of neither."""
    text = text.strip("\n")
    return "\n" * source.startswith("\n") + text + "\n" * source.endswith("\n")
