"""When a hypothesis goes round in circles, and which token would go round once more."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST_LOOP = 16


def copies_allowed(length: int) -> int:
    """How often in a row an n-gram of ``length`` tokens may stand: "哈哈哈哈" is language."""
    if length == 1:
        return 8
    return 4 if length <= 4 else 3


def banned_tokens(ids: Sequence[int]) -> list[int]:
    """Tokens that would begin one copy too many of what ``ids`` ends in."""
    return [ids[-length] for length in range(1, _LONGEST_LOOP + 1) if _ends_in_copies(ids, length)]


def _ends_in_copies(ids: Sequence[int], length: int) -> bool:
    span = length * (copies_allowed(length) - 1)
    if len(ids) < span + length:
        return False
    return all(ids[i] == ids[i - length] for i in range(len(ids) - span, len(ids)))
