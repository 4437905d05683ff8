"""What must come through a translation untouched; ``families.toml`` says what each family is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from csanmt.tables import build, read_toml, spelt_out

_TABLE = read_toml(Path(__file__).with_name("families.toml"))


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of protected piece; the attributes are those of ``families.toml``."""

    name: str
    about: str
    forms: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    glued: bool = False
    trimmed: bool = False

    @property
    def expression(self) -> str:
        return spelt_out("|".join(self.forms), _TABLE["parts"])


FAMILIES = tuple(build(Family, table) for table in _TABLE["family"])
