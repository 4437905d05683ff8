"""Traditional characters of the corpora's Chinese become simplified ones (OpenCC)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from training.corpus import Pair


def simplified(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """The pairs, their sources in simplified characters."""
    from opencc import OpenCC

    converter = OpenCC("t2s")
    changed: dict[str, bool] = {}

    def is_changed(character: str) -> bool:
        if character not in changed:
            changed[character] = converter.convert(character) != character
        return changed[character]

    for pair in pairs:
        if any(map(is_changed, set(pair.source))):
            yield Pair(converter.convert(pair.source), pair.target, pair.origin)
        else:
            yield pair
