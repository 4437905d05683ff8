"""XLIFF 1.x and 2.x: missing targets are filled; translated ones, notes and codes stay.

A target that was filled says so (``state``), so that a second run leaves alone what
somebody has changed in between. Markup within a message (``<b>``, escaped or as CDATA)
stays markup.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from csanmt.documents.leftovers import Part, chinese, count
from csanmt.documents.limits import DocumentError, Limits, Meter
from csanmt.documents.messages import is_copy
from csanmt.documents.patches import Change, Consequence, Patches, PatchUnit, patched
from csanmt.documents.protocol import Languages
from csanmt.documents.xml_source import Element, in_utf8, visit
from csanmt.documents.xml_units import contents, in_xml
from csanmt.markup.segments import Segment, words

_NAMESPACE = re.compile(r"(?:urn:oasis:names:tc:xliff:document:(?:1\.[0-2]|2\.\d)|)$")
_PAIRED = frozenset({"g", "mrk", "pc"})
_TO_DO = frozenset({"new", "needs-translation", "initial"})
_TARGET_LANGUAGE = {"1": "target-language", "2": "trgLang"}
_SILENT = frozenset({"bin-unit", "ignorable"})  # texts in these are shown, and stay
_HOLDERS = frozenset({"trans-unit", "segment"})
# In the order of the standard a target stands behind these.
_BEFORE_TARGET = frozenset({"source", "seg-source"})
_INDENT = 200  # bytes before an element that may be its line's blanks
_STATE = re.compile(rb"""(\sstate\s*=\s*)(?:"[^"]*"|'[^']*')""")
_SUB_STATE = re.compile(rb"""\s(?:state-qualifier|subState)\s*=\s*(?:"[^"]*"|'[^']*')""")


class XliffDocument:
    """Raises DocumentError: it is another document."""

    def __init__(self, data: bytes, limits: Limits, languages: Languages) -> None:
        self._source, self._languages = in_utf8(data), languages
        self._meter = Meter(limits)
        self._heads: list[Element] = []  # start tags that lack the target's language
        self._version = ""
        self.kept: Counter[Part] = Counter()
        self.units: list[PatchUnit[bytes]] = []
        self._states: list[Consequence[bytes]] = []
        visit(
            self._source, lambda _, n: n in _HOLDERS, limits, self._take, self._enter, self._stray
        )
        if not self._version:
            raise DocumentError("not XLIFF 1.x or 2.x: the root element or its namespace is else")

    def _enter(self, element: Element) -> None:
        if element.name == "xliff" and not self._version and _NAMESPACE.match(element.uri):
            version = element.uri[-3:-2] or element.attribute("version")[:1]
            self._version = version if version in _TARGET_LANGUAGE else ""
        named = element.name == {"1": "file", "2": "xliff"}.get(self._version)
        if named and not element.attribute(_TARGET_LANGUAGE[self._version]):
            self._heads.append(element)

    def _stray(self, names: Sequence[str]) -> None:
        self.kept["text"] += not _SILENT.isdisjoint(names) and "note" not in names

    def _take(self, holder: Element) -> None:
        source = next(holder.elements("source"), None)
        target = next(holder.elements("target"), None)
        if source is None or not source.text.strip():
            return
        if holder.translate == "no":
            self.kept["marked"] += chinese(source.text)
            return
        if target is not None and not _to_do(holder, source, target):
            self.kept["text"] += is_copy(source.text, target.text)
            return
        self.kept += count("marked", _protected(source))
        segment = contents(source, _is_paired)
        self._meter.count(len(words(segment)))

        def render(translation: Segment, patches: Patches[bytes]) -> bytes:
            return self._target(source, target, in_xml(translation, patches))

        last = [child for child in holder.elements() if child.name in _BEFORE_TARGET][-1]
        place = (last.end, last.end) if target is None else (target.start, target.end)
        unit = PatchUnit(segment, *place, render)
        self.units.append(unit)
        if self._version == "2":
            self._states.append(self._translated(holder, unit))

    def _translated(self, holder: Element, unit: PatchUnit[bytes]) -> Consequence[bytes]:
        """The start tag of an XLIFF 2 segment, which says that it is translated."""
        head = self._source[holder.start : holder.inner]
        new, found = _STATE.subn(rb'\1"translated"', _SUB_STATE.sub(b"", head))
        if not found:
            place = len(holder.tag.encode()) + 1
            new = head[:place] + b' state="translated"' + head[place:]
        return Consequence(holder.start, holder.inner, new, (unit,))

    def _target(self, source: Element, target: Element | None, body: bytes) -> bytes:
        prefix = source.tag.removesuffix("source").encode()
        state = b' state="translated"' if self._version == "1" else b""
        if target is None:
            before = self._source[max(0, source.start - _INDENT) : source.start]
            gap = before[len(before.rstrip()) :]
            gap = gap if b"\n" in gap else b""
            return gap + b"<%starget%s>%s</%starget>" % (prefix, state, body, prefix)
        head = self._source[target.start : target.inner].rstrip(b"/> ")
        if target.attribute("state"):
            head = _STATE.sub(rb'\1"translated"', _SUB_STATE.sub(b"", head))
            state = b""
        return b"%s%s>%s</%starget>" % (head, state, body, prefix)

    def save(self) -> bytes:
        language = f' {_TARGET_LANGUAGE[self._version]}="{self._languages.target}"'.encode()
        places = [head.start + 1 + len(head.tag.encode()) for head in self._heads]
        heads = [Consequence(place, place, language, self.units) for place in places]
        changes: list[Change[bytes]] = [*heads, *self._states, *self.units]
        return patched(self._source, changes)


def _is_paired(element: Element) -> bool:
    kept = element.attribute("translate") == "no" or element.attribute("mtype") == "protected"
    return element.name in _PAIRED and not kept


def _protected(element: Element) -> Iterator[str]:
    """Texts in a source that are marked as not to be translated."""
    for child in element.elements():
        if child.name == "sub" or (child.name == "mrk" and not _is_paired(child)):
            yield child.text
        else:
            yield from _protected(child)


def _to_do(holder: Element, source: Element, target: Element) -> bool:
    state = target.attribute("state") or holder.attribute("state")
    copied = not state and holder.attribute("approved") != "yes"
    empty = not target.text.strip()
    return empty or state in _TO_DO or (copied and is_copy(source.text, target.text))
