"""The container of Office Open XML (OPC): parts, their content types and relations."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from csanmt.documents.archives import Archive
from csanmt.documents.limits import Limits
from csanmt.documents.xml_source import find

_TYPES = "[Content_Types].xml"


class Package:
    """An archive whose parts have content types.

    Raises:
        DocumentError: it lacks them, or its names lead out of it.

    Attributes:
        types: content type of every part there is, by its name in the archive.
    """

    def __init__(self, archive: Archive, limits: Limits) -> None:
        self.archive, self._limits = archive, limits
        source = archive.xml(archive.find(_TYPES) or _TYPES)
        named: dict[str, str] = {}
        usual: dict[str, str] = {}
        for element in find(source, limits, "Override", "Default"):
            kind = element.attribute("ContentType").strip()
            if element.name == "Default":
                usual[element.attribute("Extension").lower()] = kind
            elif (part := archive.find(element.attribute("PartName"))) is not None:
                named[part] = kind
        self.types: dict[str, str] = {}
        for part in archive.names:
            suffix = part.rpartition(".")[2].lower()
            if kind := named.get(part) or usual.get(suffix, ""):
                self.types[part] = kind

    def of_types(self, ends: tuple[str, ...]) -> list[str]:
        """Parts whose content type ends so, slide2 before slide10."""
        parts = [name for name, kind in self.types.items() if kind.lower().endswith(ends)]
        return sorted(parts, key=_natural)

    def related(self, part: str, kind: str) -> Iterator[str]:
        """Parts that ``part`` has a relation of this kind (the end of its name) with."""
        folder, name = posixpath.split(part)
        relations = self.archive.find(posixpath.join(folder, "_rels", f"{name}.rels"))
        if relations is None:
            return
        for relation in find(self.archive.xml(relations), self._limits, "Relationship"):
            if not relation.attribute("Type").endswith(f"/{kind}"):
                continue
            target = relation.attribute("Target")
            joined = target if target.startswith("/") else posixpath.join(folder, target)
            if (found := self.archive.find(posixpath.normpath(joined))) is not None:
                yield found


def _natural(name: str) -> list[int | str]:
    """The main part before headers and notes is by luck of the alphabet."""
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]{1,9})", name)]
