"""Lines with times: Advanced SubStation Alpha (ass, ssa) and lyrics (lrc)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from csanmt.documents.leftovers import Part, count
from csanmt.documents.limits import DocumentError
from csanmt.documents.patches import PatchUnit, range_unit
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import Tag

_SECTION = re.compile(r"^\[[^\]\n]{1,100}\][ \t\r]*$", re.M)
_FILM = re.compile(r"^Title:([^\n]*)", re.M)
_FIELDS = re.compile(r"^Format:([^\n]*)$", re.M)
_DIALOGUE = re.compile(r"^Dialogue:", re.M)
# Codes with the drawing that they begin, codes, breaks.
_MARK = re.compile(
    r"\{(?:[^{}\n\\]|\\(?!p[1-9]))*+\\p[1-9][^{}\n]*\}[^{}\n]*|(?<![$%#@])\{[^{}\n]*\}|\\[Nnh]"
)
_TIMED = re.compile(
    r"^[ \t]{0,20}(?:\[\d{1,4}:\d{2}(?:[.:]\d{1,3})?\][ \t]{0,20})+(?P<text>[^\n]*)", re.M
)
_WORD_TIME = re.compile(r"<\d{1,4}:\d{2}(?:[.:]\d{1,3})?>")
_TITLE = re.compile(r"^\[(?:ti|al):(?P<text>[^\]\n]{1,500})\]", re.M)
_UNTIMED = re.compile(r"^[ \t]{0,20}(?P<text>[^\[\s][^\n]*)", re.M)
_TEXT_FIELD = 9  # fields before the text, where no line says how many


def ass(text: str, kept: Counter[Part], _: Languages) -> Iterator[PatchUnit[str]]:
    """Dialogues. Raises DocumentError: there is no place for them."""
    events = text.find("[Events]")
    if events < 0:
        raise DocumentError("no section [Events] in it")
    kept += count("properties", _FILM.findall(text[:events]))
    end = next((s.start() for s in _SECTION.finditer(text, events + 8)), len(text))
    fields = _FIELDS.search(text, events, end)
    before = fields[1].count(",") if fields else _TEXT_FIELD
    for found in _DIALOGUE.finditer(text, events, end):
        stop = text.find("\n", found.end(), end)
        stop = end if stop < 0 else stop
        parts = text[found.end() : stop].split(",", before)
        if len(parts) > before:
            yield from _line(text, stop - len(parts[-1]), stop, _MARK)


def lrc(text: str, _kept: Counter[Part], _: Languages) -> Iterator[PatchUnit[str]]:
    """Lines and titles. Raises DocumentError: no line has a time."""
    lines = list(_TIMED.finditer(text))
    if not lines and text.strip():
        raise DocumentError("no line with a time ([00:01.00]) in it")
    others = (*_TITLE.finditer(text), *_UNTIMED.finditer(text))
    for place in sorted(found.span("text") for found in (*others, *lines)):
        yield from _line(text, *place, _WORD_TIME)


def _line(text: str, start: int, end: int, marks: re.Pattern[str]) -> Iterator[PatchUnit[str]]:
    """A line's text, if any, whose marks stay; a break is a border between sentences."""
    part = text[start:end]
    start, end = start + len(part) - len(part.lstrip()), start + len(part.rstrip())
    if start < end:
        codes = [
            (*m.span(), Tag("break" if m[0] in ("\\N", "\\n") else "point", m[0]))
            for m in marks.finditer(text, start, end)
        ]
        yield range_unit(text, start, end, codes)
