"""Text with inline tags, as formats read and write it: a sequence of texts and tags."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, TypeVar

TagKind = Literal["open", "close", "point", "atom", "break"]
_NOTE_TAGS = ("<sup", "<a ", "[")  # the last is Markdown's link


@dataclass(frozen=True, slots=True, eq=False)
class Tag:
    """One tag.

    Attributes:
        kind: ``open`` and ``close`` enclose words (a style, a link); a ``point`` stands
            between them (a bookmark); an ``atom`` in the place of one (a placeholder, an
            address); a ``break`` is a border that no sentence crosses (a line break).
        raw: what the format writes for it: its source, or where that is.
        closing: of an ``open``: the tag that ends it.
        note: of an ``open``: around a number it is a link to a note.
    """

    kind: TagKind
    raw: Any = ""
    closing: Tag | None = None
    note: bool = False


TextOrTag = str | Tag
Segment = tuple[TextOrTag, ...]
Other = TypeVar("Other")


def pair(opening: Any, closing: Any, *, note: bool = False) -> tuple[Tag, Tag]:
    """The tags around some words, written so."""
    close = Tag("close", closing)
    note = note or (isinstance(opening, str) and opening.startswith(_NOTE_TAGS))
    return Tag("open", opening, close, note), close


def partners(tags: Iterable[tuple[int, str, bool]]) -> dict[int, int]:
    """Which tags, given as (index, name, whether it ends), are pairs; both ways.

    An end tag closes the nearest open one of its name; what is open above stays alone, so
    that pairs never cross.
    """
    partner: dict[int, int] = {}
    stack: list[tuple[int, str]] = []
    waiting: Counter[str] = Counter()
    for i, name, ends in tags:
        if not ends:
            stack.append((i, name))
            waiting[name] += 1
        elif waiting[name]:
            opened = ""
            while opened != name:
                place, opened = stack.pop()
                waiting[opened] -= 1
            partner[place], partner[i] = i, place
    return partner


def tag_codes(
    text: str, found: Sequence[tuple[re.Match[str], str, TagKind]]
) -> list[tuple[int, int, Tag]]:
    """Tags found in a text, with their names (``/b`` ends ``b``, without one it stands alone) and
    what they are alone, as ``coded`` takes them: pairs around words as such."""
    codes = [(*match.span(), Tag(kind, match[0])) for match, _, kind in found]
    named = ((i, n.lstrip("/"), n[0] == "/") for i, (_, n, _) in enumerate(found) if n)
    for first, last in partners(named).items():
        opening, closing = codes[first], codes[last]
        if first < last and text[opening[1] : closing[0]].strip():
            tags = pair(opening[2].raw, closing[2].raw)
            codes[first], codes[last] = (*opening[:2], tags[0]), (*closing[:2], tags[1])
    return codes


def joined(pieces: Iterable[str | Other]) -> tuple[str | Other, ...]:
    """The same pieces, neighbouring texts made one and empty ones left out."""
    result: list[str | Other] = []
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        if not is_text:
            result += group
        elif text := "".join(piece for piece in group if isinstance(piece, str)):
            result.append(text)
    return tuple(result)


def written(segment: Segment) -> str:
    """The text with what its tags are written as."""
    return "".join(p if isinstance(p, str) else p.raw for p in segment)


def words(segment: Segment) -> str:
    """The text alone."""
    return "".join(p for p in segment if isinstance(p, str))


def coded(text: str, codes: Sequence[tuple[int, int, Tag]], start: int, end: int) -> Segment:
    """``text[start:end]`` with tags in place of some ranges, which are in order."""
    pieces: list[TextOrTag] = []
    for first, last, tag in codes:
        pieces += [text[start:first], tag]
        start = last
    return joined([*pieces, text[start:end]])
