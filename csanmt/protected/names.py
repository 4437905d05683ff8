"""People's names in the place of protected pieces, for versions without copy tokens."""

from __future__ import annotations

from csanmt.protected.restore import occurrences

# Names that translation models meet everywhere; measured on the default model.
NAMES = ("Tom", "Mary", "Bob", "John", "Alice", "Peter", "Anna", "Jack", "Lucy", "David")
MOST = 5  # in one sentence; beyond it models drop some


def free_names(*texts: str) -> list[str]:
    """Names that none of ``texts`` holds."""
    lower = " ".join(texts).lower()
    return [name for name in NAMES if name.lower() not in lower]


def lost_names(without: str, text: str) -> list[str]:
    """Names that stand in the translation without the pieces and not in ``text``."""
    return [
        name for name in NAMES if len(occurrences(name, text)) < len(occurrences(name, without))
    ]
