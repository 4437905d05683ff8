"""Twenty sentences and what a right answer must say (``showcase.toml``): shown, not scored.

They were written before the model that is shown with them was finished.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from csanmt.tables import read_toml

SENTENCES = Path(__file__).resolve().parent / "showcase.toml"


@dataclass(frozen=True)
class Sentence:
    """``must``: expressions that a right answer holds; ``reference``: one such answer."""

    domain: str
    source: str
    must: tuple[str, ...]
    reference: str

    def missing(self, answer: str) -> list[str]:
        """What the answer does not say; none if it is right."""
        return [part for part in self.must if not re.search(part, answer, re.IGNORECASE)]


def sentences() -> list[Sentence]:
    body = read_toml(SENTENCES)
    return [Sentence(**{**entry, "must": tuple(entry["must"])}) for entry in body["sentence"]]
