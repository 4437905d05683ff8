"""Write the table of protected families into the page between its two marks.

usage: python -m csanmt.protected docs/markup.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from csanmt.protected.families import FAMILIES

BEGIN, END = "<!-- families -->", "<!-- end of families -->"


def table() -> str:
    """The families as a Markdown table."""
    rows = ["| family | what it is | examples |", "|---|---|---|"]
    for family in FAMILIES:
        examples = " ".join(map(_code, family.examples))
        rows.append(f"| {family.name} | {family.about} | {examples} |")
    return "\n".join(rows)


def _code(example: str) -> str:
    fence = "``" if "`" in example else "`"
    pad = " " if "`" in example else ""
    return f"{fence}{pad}{example}{pad}{fence}".replace("|", "\\|")


def written(page: str) -> str:
    """``page`` with the table of today."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.write_text(written(place.read_text(encoding="utf-8")), encoding="utf-8")
