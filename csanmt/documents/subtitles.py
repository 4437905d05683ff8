"""Subtitles, SubRip (srt) and WebVTT: the words of the cues are translated.

Times, numbers, cue settings, styles, notes and regions stay byte for byte, and so do the
dashes before what each of two persons says. (The libraries for these formats drop the
settings and the notes; the tests read the results with one of them.)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from csanmt.documents.leftovers import Part
from csanmt.documents.limits import DocumentError
from csanmt.documents.patches import Kept, Patches, PatchUnit
from csanmt.documents.plain import TextFormat, paragraphs, unit_with_tags
from csanmt.documents.segments import Segment, Tag

_TIME = r"(?:\d{1,4}:)?\d{1,2}:\d{2}[.,:]\d{1,3}"
_TIMES = re.compile(rf"^[ \t]{{0,20}}{_TIME}[ \t]{{0,20}}-->[ \t]{{0,20}}{_TIME}[^\n]*+", re.M)
_NUMBER = re.compile(r"\n[ \t]{0,20}\d{1,9}[ \t\r]{0,20}\n\Z")
_MARK = re.compile(
    r"(?<!%)<(?P<slash>/?)(?P<name>[A-Za-z]*)[^<>\n]*>|\{\\[^{}\n]*\}"
)  # <i>, <v Mary>, <00:01.000>, {\an8}
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SPECIAL = re.compile(rf"{_ENTITY.pattern}|[&<]")
_DASH = re.compile(r"^(?:[ \t]|<[^<>\n]*+>|\{\\[^{}\n]*+\})*+[-‐‑–—―－](?!-)[ \t　]*+", re.M)
_MOST_WAITING = 50  # marks without a partner so far; older ones stand alone


class _Subtitles(TextFormat):
    start = ""
    blank_line_ends = False

    def changes(self, text: str, kept: Counter[Part]) -> Iterator[PatchUnit[str]]:
        if not text.lstrip().startswith(self.start):
            raise DocumentError(f"a {self.suffixes[0][1:]} file starts with {self.start!r}")
        times = list(_TIMES.finditer(text))
        if not times and text.strip() not in ("", self.start):
            raise DocumentError("no subtitle with a time (00:00:01,000 --> 00:00:02,000) in it")
        for cue in self._cues(text, times):
            for place in _speeches(text, *cue):
                yield _unit(text, *place, bool(self.start))

    def _cues(self, text: str, times: list[re.Match[str]]) -> Iterator[tuple[int, int]]:
        """Where the texts of a cue are; in SubRip an empty line does not end one."""
        for i, found in enumerate(times):
            end = times[i + 1].start() if i + 1 < len(times) else len(text)
            tail = text[max(found.end(), end - 60) : end]
            if i + 1 < len(times) and (number := _NUMBER.search(tail)):
                end -= len(tail) - number.start()
            parts = paragraphs(text, min(found.end() + 1, end), end)
            for start, stop in parts:
                if self.blank_line_ends and text[found.end() : start].count("\n") > 1:
                    break
                yield start, stop
                if self.blank_line_ends:
                    break


class SubRip(_Subtitles):
    name = "SubRip subtitles"
    suffixes = (".srt",)
    media_type = "application/x-subrip"


class WebVtt(_Subtitles):
    name = "WebVTT subtitles"
    suffixes = (".vtt",)
    media_type = "text/vtt"
    start = "WEBVTT"
    blank_line_ends = True


def _speeches(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """What each person says, without the dash that stands before it."""
    at = start
    for dash in _DASH.finditer(text, start, end):
        if before := text[at : dash.start()].rstrip():
            yield at, at + len(before)
        at = dash.end()
    if rest := text[at:end].rstrip():
        yield at, at + len(rest)


def _unit(text: str, start: int, end: int, escape: bool) -> PatchUnit[str]:
    """A unit whose marks stay; entities are protected as in any text."""
    written = unit_with_tags(text, start, end, _kept(text, start, end))
    bare = _ENTITY.sub("", "".join(p for p in written.segment if isinstance(p, str)))
    names = {"&": "&amp;", "<": "&lt;"} if escape else {}
    named = {c: name for c, name in names.items() if c not in bare}  # as the file writes them

    def render(translation: Segment, patches: Patches[str]) -> str:
        pieces = (_named(p, named) if isinstance(p, str) else p for p in translation)
        return written.render(tuple(pieces), patches)

    return PatchUnit(written.segment, start, end, render)


def _named(text: str, named: dict[str, str]) -> str:
    """``text`` with characters written by name, entities left alone."""
    if not named:
        return text
    return _SPECIAL.sub(lambda found: named.get(found[0], found[0]), text)


def _kept(text: str, start: int, end: int) -> list[Kept]:
    """Marks of style, in pairs where both are there."""
    kept: list[Kept] = []
    waiting: list[tuple[str, int]] = []
    for found in _MARK.finditer(text, start, end):
        name = found["name"] or ""
        kept.append((*found.span(), Tag("point", found.start())))
        if name and not found["slash"]:
            waiting = [*waiting[-_MOST_WAITING:], (name, len(kept) - 1)]
            continue
        while waiting and name in [opened for opened, _ in waiting]:
            opened, place = waiting.pop()
            if opened == name:
                first, last, tag = kept[place]
                kept[place] = (first, last, Tag("open", tag.key))
                kept[-1] = (*found.span(), Tag("close", tag.key))
                break
    return kept
