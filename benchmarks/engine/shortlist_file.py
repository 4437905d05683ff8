"""A random lexicon as ``shortlist.bin``, for timing only."""

from __future__ import annotations

from pathlib import Path

from benchmarks.engine.models import Dimensions
from csanmt.engine.shortlist import save_shortlist


def write_shortlist(lists: dict[int, list[int]], dimensions: Dimensions, path: Path) -> None:
    """Lists by source id; other source ids get none."""
    rows = [lists.get(token, []) for token in range(dimensions.vocab_size)]
    save_shortlist(path, rows, common=[], target_vocabulary=dimensions.vocab_size)
