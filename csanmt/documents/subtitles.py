"""Lines with times: subtitles (srt, WebVTT, SubStation Alpha) and lyrics (lrc).

Times, numbers, cue settings, styles, notes and regions stay byte for byte, and so do the
dashes before what each of two persons says. (The libraries for these formats drop the
settings and the notes; the tests read the results with one of them.)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from csanmt.documents.leftovers import Part, count
from csanmt.documents.limits import DocumentError
from csanmt.documents.messages import READING
from csanmt.documents.patches import PatchUnit, range_unit
from csanmt.documents.plain import paragraphs, text_format
from csanmt.documents.protocol import Languages
from csanmt.markup.segments import Tag, TagKind, coded, tag_codes, words

_TIME = r"(?:\d{1,4}:)?\d{1,2}:\d{2}[.,:]\d{1,3}"
_TIMES = re.compile(rf"^[ \t]{{0,20}}{_TIME}[ \t]{{0,20}}-->[ \t]{{0,20}}{_TIME}[^\n]*+", re.M)
_NUMBER = re.compile(r"\n[ \t]{0,20}\d{1,9}[ \t\r]{0,20}\n\Z")
_MARK = re.compile(
    rf"{READING}|"
    r"(?<!%)<(?P<slash>/?)(?P<name>[A-Za-z]*)[^<>\n]*>|\{\\[^{}\n]*\}"
)  # <i>, <v Mary>, <00:01.000>, {\an8}
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SPECIAL = re.compile(rf"{_ENTITY.pattern}|[&<]")
_DASH = re.compile(r"^(?:[ \t]|<[^<>\n]*+>|\{\\[^{}\n]*+\})*+[-‐‑–—―－](?!-)[ \t　]*+", re.M)
_POINT: TagKind = "point"
_SECTION = re.compile(r"^\[[^\]\n]{1,100}\][ \t\r]*$", re.M)
_FILM = re.compile(r"^Title:([^\n]*)", re.M)
_FIELDS = re.compile(r"^Format:([^\n]*)$", re.M)
_DIALOGUE = re.compile(r"^Dialogue:", re.M)
# Codes with the drawing that they begin, codes, breaks.
_STYLE = re.compile(
    r"\{(?:[^{}\n\\]|\\(?!p[1-9]))*+\\p[1-9][^{}\n]*\}[^{}\n]*|(?<![$%#@])\{[^{}\n]*\}|\\[Nnh]"
)
_TIMED = re.compile(
    r"^[ \t]{0,20}(?:\[\d{1,4}:\d{2}(?:[.:]\d{1,3})?\][ \t]{0,20})+(?P<text>[^\n]*)", re.M
)
_WORD_TIME = re.compile(r"<\d{1,4}:\d{2}(?:[.:]\d{1,3})?>")
_TITLE = re.compile(r"^\[(?:ti|al):(?P<text>[^\]\n]{1,500})\]", re.M)
# Lines without a time; what is in brackets there is the name of a verse.
_UNTIMED = re.compile(
    r"^[ \t]{0,20}(?:\[(?P<verse>[^\]\n:：]{1,100})\][ \t\r]*$|(?P<text>[^\[\s][^\n]*))", re.M
)
_TEXT_FIELD = 9  # fields before the text, where no line says how many


@text_format
def subrip(text: str, _kept: Counter[Part], _: Languages) -> Iterator[PatchUnit[str]]:
    """What is said; an empty line does not end a cue. Raises DocumentError: no time in it."""
    return _units(text, "")


@text_format
def webvtt(text: str, _kept: Counter[Part], _: Languages) -> Iterator[PatchUnit[str]]:
    """What is said. Raises DocumentError: it does not begin as WebVTT does, or has no time."""
    return _units(text, "WEBVTT")


def _units(text: str, start: str) -> Iterator[PatchUnit[str]]:
    if not text.lstrip().startswith(start):
        raise DocumentError(f"a vtt file starts with {start!r}")
    times = list(_TIMES.finditer(text))
    if not times and text.strip() not in ("", start):
        raise DocumentError("no subtitle with a time (00:00:01,000 --> 00:00:02,000) in it")
    for cue in _cues(text, times, blank_line_ends=bool(start)):
        for place in _speeches(text, *cue):
            yield _unit(text, *place, escape=bool(start))


def _cues(
    text: str, times: list[re.Match[str]], *, blank_line_ends: bool
) -> Iterator[tuple[int, int]]:
    """Where the texts of the cues are."""
    for i, found in enumerate(times):
        end = times[i + 1].start() if i + 1 < len(times) else len(text)
        tail = text[max(found.end(), end - 60) : end]
        if i + 1 < len(times) and (number := _NUMBER.search(tail)):
            end -= len(tail) - number.start()
        for start, stop in paragraphs(text, min(found.end() + 1, end), end):
            if blank_line_ends and text[found.end() : start].count("\n") > 1:
                break
            yield start, stop
            if blank_line_ends:
                break


def _speeches(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """What each person says, without the dash that stands before it."""
    at = start
    for dash in _DASH.finditer(text, start, end):
        if before := text[at : dash.start()].rstrip():
            yield at, at + len(before)
        at = dash.end()
    if rest := text[at:end].rstrip():
        yield at, at + len(rest)


def _unit(text: str, start: int, end: int, *, escape: bool) -> PatchUnit[str]:
    """A unit whose marks stay; entities are protected as in any text."""
    marks = _MARK.finditer(text, start, end)
    found = [(m, (m["slash"] or "") + m["name"] if m["name"] else "", _POINT) for m in marks]
    segment = coded(text, tag_codes(text, found), start, end)
    bare = _ENTITY.sub("", words(segment))
    names = {"&": "&amp;", "<": "&lt;"} if escape else {}
    named = {c: name for c, name in names.items() if c not in bare}  # as the file writes them

    def shown(piece: str) -> str:
        return _SPECIAL.sub(lambda m: named.get(m[0], m[0]), piece) if named else piece

    return PatchUnit(
        segment,
        start,
        end,
        lambda s, _: "".join(shown(p) if isinstance(p, str) else p.raw for p in s),
    )


@text_format
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
            yield from _line(text, stop - len(parts[-1]), stop, _STYLE)


@text_format
def lrc(text: str, _kept: Counter[Part], _: Languages) -> Iterator[PatchUnit[str]]:
    """Lines and titles. Raises DocumentError: no line has a time."""
    lines = list(_TIMED.finditer(text))
    if not lines and text.strip():
        raise DocumentError("no line with a time ([00:01.00]) in it")
    others = (*_TITLE.finditer(text), *_UNTIMED.finditer(text))
    for place in sorted(found.span(found.lastgroup or 0) for found in (*others, *lines)):
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
