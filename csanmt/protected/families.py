"""What must come through a translation untouched; ``families.toml`` says what each family is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from csanmt.tables import build, read_toml

_TABLE = read_toml(Path(__file__).with_name("families.toml"))
_PART = re.compile(r"\(\?&(\w+)\)")


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
        return "|".join(map(_spelt_out, self.forms))


def _spelt_out(expression: str) -> str:
    """With the parts that it names."""
    return _PART.sub(lambda part: _spelt_out(_TABLE["parts"][part[1]]), expression)


FAMILIES = tuple(build(Family, table) for table in _TABLE["family"])
