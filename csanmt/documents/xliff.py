"""XLIFF 1.2 and 2.x: missing targets are filled; translated ones, notes and codes stay."""

from __future__ import annotations

import re

from csanmt.documents.inline_xml import InlineXml
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.patches import Patches, PatchUnit, patched
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import Segment
from csanmt.documents.xml_source import Element, find, in_utf8

_NAMESPACE = re.compile(r"urn:oasis:names:tc:xliff:document:(1\.[0-2]|2\.\d)$")
_PAIRED = frozenset({"g", "mrk", "pc"})
_TO_DO = frozenset({"new", "needs-translation", "initial"})
_TARGET_LANGUAGE = {"1": "target-language", "2": "trgLang"}


class Xliff:
    name = "XLIFF"
    suffixes = (".xliff", ".xlf")
    media_type = "application/xliff+xml"

    def open(self, data: bytes, limits: Limits, languages: Languages) -> _XliffDocument:
        source = in_utf8(data)
        roots = find(source, lambda uri, name: name == "xliff", limits)
        if len(roots) != 1 or not _NAMESPACE.match(roots[0].uri):
            raise DocumentError("not XLIFF 1.x or 2.x: the root element or its namespace is else")
        return _XliffDocument(source, roots[0], languages.target)


class _XliffDocument:
    def __init__(self, source: bytes, root: Element, target: str) -> None:
        self._source, self._root, self._target = source, root, target
        self.units = [
            unit
            for holder in _holders(root, True)
            if (unit := self._unit(holder)) is not None
        ]  # fmt: skip

    def _unit(self, holder: Element) -> PatchUnit[bytes] | None:
        source = next(holder.elements("source"), None)
        target = next(holder.elements("target"), None)
        if source is None or not source.text.strip():
            return None
        if target is not None and target.text.strip() and not _to_do(holder, target):
            return None
        inline = InlineXml(self._source, _is_paired)
        segment = inline.read(source)
        prefix = source.tag.removesuffix("source").encode()

        def render(translation: Segment, _patches: Patches[bytes]) -> bytes:
            body = inline.write(translation)
            if target is None:
                return b"<%starget>%s</%starget>" % (prefix, body, prefix)
            head = self._source[target.start : target.inner].removesuffix(b"/>")
            return b"%s>%s</%starget>" % (head.rstrip(b"> "), body, prefix)

        place = (source.end, source.end) if target is None else (target.start, target.end)
        return PatchUnit(segment, *place, render)

    def save(self) -> bytes:
        head: list[PatchUnit[bytes]] = []
        version = "1" if ":1." in self._root.uri else "2"
        name = _TARGET_LANGUAGE[version]
        holders = self._root.elements("file") if version == "1" else [self._root]
        for holder in holders:
            if not holder.attribute(name):
                head.append(_attribute(self._source, holder, name, self._target))
        changes = sorted([*head, *self.units], key=lambda change: change.end)
        return patched(self._source, changes)


def _holders(element: Element, translate: bool) -> list[Element]:
    """Elements that hold a source and may be translated: trans-unit, or segment in a unit."""
    translate = {"yes": True, "no": False}.get(element.attribute("translate"), translate)
    if element.name in ("trans-unit", "segment"):
        return [element] if translate else []
    return [found for child in element.elements() for found in _holders(child, translate)]


def _is_paired(element: Element) -> bool:
    kept = element.attribute("translate") == "no" or element.attribute("mtype") == "protected"
    return element.name in _PAIRED and not kept


def _to_do(holder: Element, target: Element) -> bool:
    return (target.attribute("state") or holder.attribute("state")) in _TO_DO


def _attribute(source: bytes, element: Element, name: str, value: str) -> PatchUnit[bytes]:
    place = element.start + 1 + len(element.tag.encode())

    def render(_segment: Segment, _patches: Patches[bytes]) -> bytes:
        return f' {name}="{value}"'.encode()

    return PatchUnit((), place, place, render, ("",))
