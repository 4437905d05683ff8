"""More pairs from those there are: without a full stop, joined to long lines, with copy tokens."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Sequence

from training.copying import MARK, copy_named, insert_tokens
from training.corpus import SentencePair
from training.recipe import DataSettings

FINAL_STOP = re.compile(r"[。.]$")
SENTENCE_END = re.compile(r"[.!?][\"')]*$")
JOINED_WORDS = (40, 90)  # target words of a joined line
JOINED_CHARACTERS = 180


def variants(
    pairs: Sequence[SentencePair], settings: DataSettings, copies: bool, seed: int
) -> list[SentencePair]:
    """Every variant that the settings ask for; those with copy tokens only if ``copies``."""
    made = bare_variants(pairs, settings.bare_share, seed + 1)
    made += joined_variants(pairs, settings.joined_share, seed + 2)
    if copies:
        made += copied_variants(pairs, settings.copy_share, seed + 3)
        made += inserted_variants(pairs, settings.insert_share, seed + 4)
    return made


def bare_variants(pairs: Sequence[SentencePair], share: float, seed: int) -> list[SentencePair]:
    """Copies without the final full stop: people type sentences without one."""
    chance = random.Random(seed)
    made = []
    for pair in pairs:
        stops = FINAL_STOP.search(pair.source) and FINAL_STOP.search(pair.target)
        if stops and chance.random() < share:
            made.append(SentencePair(pair.source[:-1], pair.target[:-1], pair.origin))
    return [pair for pair in made if pair.source and pair.target]


def joined_variants(pairs: Sequence[SentencePair], share: float, seed: int) -> list[SentencePair]:
    """Two to four sentences of one origin as one long line, so that late positions are seen.

    Args:
        share: part of the pairs that also stand in such a line.
    """
    chance = random.Random(seed)
    waiting: dict[str, list[SentencePair]] = defaultdict(list)
    made = []
    for pair in pairs:
        whole = SENTENCE_END.search(pair.target) and not MARK.search(pair.source)
        if not whole or chance.random() >= share:
            continue
        group = waiting[pair.origin.removesuffix(":short")]
        if (
            _size([*group, pair]) > JOINED_WORDS[1]
            or _characters([*group, pair]) > JOINED_CHARACTERS
        ):
            group.clear()
        group.append(pair)
        if _size(group) >= JOINED_WORDS[0] or len(group) == 4:
            if len(group) > 1:
                made.append(_joined(group))
            group.clear()
    return made


def _size(group: Sequence[SentencePair]) -> int:
    return sum(len(pair.target.split()) for pair in group)


def _characters(group: Sequence[SentencePair]) -> int:
    return sum(len(pair.source) for pair in group)


def _joined(group: Sequence[SentencePair]) -> SentencePair:
    source = "".join(pair.source for pair in group)
    target = " ".join(pair.target for pair in group)
    return SentencePair(source, target, group[0].origin.removesuffix(":short"))


def copied_variants(pairs: Sequence[SentencePair], share: float, seed: int) -> list[SentencePair]:
    """Pairs whose names and long numbers, the same on both sides, became copy tokens."""
    chance = random.Random(seed)
    made = [copy_named(pair, chance) if chance.random() < share else pair for pair in pairs]
    return [new for new, old in zip(made, pairs, strict=True) if new is not old and new != old]


def inserted_variants(pairs: Sequence[SentencePair], share: float, seed: int) -> list[SentencePair]:
    """Pairs with copy tokens between their words."""
    chance = random.Random(seed)
    chosen = [pair for pair in pairs if chance.random() < share and len(pair.source) > 5]
    cut = _words()
    made = (insert_tokens(pair, cut, chance) for pair in chosen)
    return [pair for pair in made if pair is not None]


def _words() -> Callable[[str], list[str]]:
    import jieba

    jieba.setLogLevel(60)
    cut: Callable[[str], list[str]] = jieba.lcut
    return cut
