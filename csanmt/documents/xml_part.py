"""A part of a document in XML: what of it is translated, and what of its Chinese is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from csanmt.documents.leftovers import Part, unread
from csanmt.documents.limits import Meter
from csanmt.documents.patches import PatchUnit, patched
from csanmt.documents.xml_source import Element, Wanted, visit

Units = Iterable[PatchUnit[bytes] | None]


@dataclass(slots=True)
class XmlPart:
    """Units are taken while the source is read, as long as the ``meter`` allows.

    Attributes:
        kept: Chinese that no unit reads; the whole document's.
    """

    source: bytes
    meter: Meter
    kept: Counter[Part]
    units: list[PatchUnit[bytes]] = field(default_factory=list)

    def read(
        self,
        wanted: Wanted,
        take: Callable[[Element], Units],
        *,
        usual: Part = "text",
        enter: Callable[[Element], Units] | None = None,
    ) -> None:
        """Take the units of elements; arguments as ``visit`` has them.

        Args:
            usual: what texts that stand elsewhere count as.
        """

        def add(found: Units) -> None:
            for unit in found:
                if unit is not None:
                    self.meter.count(len(unit.text.text))
                    self.units.append(unit)

        def stray(names: Sequence[str]) -> None:
            self.kept += unread(names, usual)

        entered = None if enter is None else lambda element: add(enter(element))
        visit(self.source, wanted, self.meter.limits, lambda e: add(take(e)), entered, stray)

    @property
    def changed(self) -> bool:
        return any(unit.translation is not None for unit in self.units)

    def save(self) -> bytes:
        return patched(self.source, sorted(self.units, key=lambda unit: unit.end))
