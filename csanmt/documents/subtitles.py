"""Subtitles, SubRip (srt) and WebVTT: the words of the cues are translated.

Times, numbers, cue settings, styles, notes and regions stay byte for byte. (The
libraries for these formats drop the settings and the notes; the tests read the
results with one of them.)
"""

from __future__ import annotations

import re

from csanmt.documents.encoding import decode
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.patches import PatchUnit
from csanmt.documents.plain import Kept, TextDocument, unit_with_tags
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import Tag

_TIME = r"(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_CUE = re.compile(
    rf"^[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}[^\n]*\n(?P<text>(?:[^\n]*\S[^\n]*(?:\n|\Z))*)", re.M
)
_MARK = re.compile(
    r"<(?P<slash>/?)(?P<name>[A-Za-z]*)[^<>\n]*>|\{\\[^{}\n]*\}"
)  # <i>, <v Mary>, <00:01.000>, {\an8}


class _Subtitles:
    suffixes: tuple[str, ...] = ()
    start = ""

    def open(self, data: bytes, limits: Limits, languages: Languages) -> TextDocument:
        source = decode(data)
        if not source.text.lstrip().startswith(self.start):
            raise DocumentError(f"a {self.suffixes[0][1:]} file starts with {self.start!r}")
        cues = list(_CUE.finditer(source.text))
        if not cues and source.text.strip() not in ("", self.start):
            raise DocumentError("no subtitle with a time (00:00:01,000 --> 00:00:02,000) in it")
        units = [unit for cue in cues if (unit := _unit(cue, source.text)) is not None]
        return TextDocument(source.text, units, source.encode)


class SubRip(_Subtitles):
    name = "SubRip subtitles"
    suffixes = (".srt",)
    media_type = "application/x-subrip"


class WebVtt(_Subtitles):
    name = "WebVTT subtitles"
    suffixes = (".vtt",)
    media_type = "text/vtt"
    start = "WEBVTT"


def _unit(cue: re.Match[str], text: str) -> PatchUnit[str] | None:
    start = cue.start("text")
    end = start + len(cue["text"].rstrip())
    if start >= end:
        return None
    return unit_with_tags(text, start, end, _kept(text, start, end))


def _kept(text: str, start: int, end: int) -> list[Kept]:
    """Marks of style, in pairs where both are there."""
    kept: list[Kept] = []
    waiting: list[tuple[str, int]] = []
    for found in _MARK.finditer(text, start, end):
        name = found["name"] or ""
        kept.append((*found.span(), Tag("point", found.start())))
        if name and not found["slash"]:
            waiting.append((name, len(kept) - 1))
        elif name in [opened for opened, _ in waiting]:
            while waiting:
                opened, place = waiting.pop()
                if opened == name:
                    first, last, tag = kept[place]
                    kept[place] = (first, last, Tag("open", tag.key))
                    kept[-1] = (*found.span(), Tag("close", tag.key))
                    break
    return kept
