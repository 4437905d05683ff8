"""Traditional characters of the corpora's Chinese become simplified ones, as when serving."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from csanmt import simplification
from training.corpus import Pair


def simplified(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """The pairs, their sources in simplified characters."""
    for pair in pairs:
        yield replace(pair, source=simplification.simplified(pair.source))
