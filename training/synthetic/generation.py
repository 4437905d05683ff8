"""Draws pairs from every grammar, each Chinese line once, the same for the same seed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

from training.corpus import SentencePair
from training.synthetic.grammar import WORDS, Grammar, Phrase, Rule, Terminal, finish, read
from training.synthetic.values import DRAWN

GRAMMARS = Path(__file__).resolve().parent / "grammars"
SHARED = "shared-"
SENTENCE = "sentence"
TOPICS = tuple(
    path.stem for path in sorted(GRAMMARS.glob("*.txt")) if not path.stem.startswith(SHARED)
)
ORIGINS = tuple(f"synthetic-{topic}" for topic in TOPICS)
SPACED_SHARE = 0.04  # lines with blanks between Chinese and digits or Latin letters
TRIES = 12  # draws of one rule before another gets its turn
_BORDER = re.compile(r"(?<=[一-鿿])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9%])(?=[一-鿿])")


@cache
def _shared() -> dict[str, list[Rule]]:
    """Rules for every topic: those of the shared grammars, and the tables of words.toml."""
    rules: dict[str, list[Rule]] = {}
    for path in sorted(GRAMMARS.glob(f"{SHARED}*.txt")):
        rules |= read(path)
    for name, table in WORDS["people"].items():
        pairs = (entry.partition(":") for entry in table.split())
        rules[name] = [Rule(zh, (en,), {}) for zh, _, en in pairs]
    return rules


@cache
def terminals() -> dict[str, Terminal]:
    """What values.py draws, by the names that words.toml gives its ranges."""
    return {
        name: partial(_between, DRAWN[kind], ends)
        for kind, ranges in WORDS["ranges"].items()
        for name, ends in ranges.items()
    }


def _between(draw: Callable[..., Phrase], ends: Sequence[object], chance: random.Random) -> Phrase:
    return draw(chance, *ends)


@cache
def grammar(topic: str) -> Grammar:
    """The grammar of a topic over the shared words and the terminals."""
    return Grammar({**_shared(), **read(GRAMMARS / f"{topic}.txt")}, terminals())


def pairs_of(topic: str, count: int, seed: int) -> Iterator[SentencePair]:
    """At most ``count`` pairs of a topic, its rules in turn, no Chinese line twice.

    Rules that have little to vary run dry; then the others go on. Ends early when all have.
    """
    chance = random.Random(f"{seed} {topic}")
    source = grammar(topic)
    rules = list(source.rules[SENTENCE])
    seen: set[str] = set()
    made = 0
    while rules and made < count:
        chance.shuffle(rules)
        for rule in tuple(rules):
            pair = _new_pair(source, rule, topic, seen, chance)
            if pair is None:
                rules.remove(rule)
                continue
            yield pair
            made += 1
            if made == count:
                return


def _new_pair(
    source: Grammar, rule: Rule, topic: str, seen: set[str], chance: random.Random
) -> SentencePair | None:
    for _ in range(TRIES):
        phrase = source.expand(rule, chance)
        zh = _BORDER.sub(" ", phrase.zh) if chance.random() < SPACED_SHARE else phrase.zh
        key = zh.replace(" ", "")
        if key not in seen:
            seen.add(key)
            return SentencePair(zh, finish(phrase.en), f"synthetic-{topic}")
    return None


def generate(pairs: int, seed: int) -> Iterator[SentencePair]:
    """About ``pairs`` pairs, shared among the topics by how many rules each has.

    Args:
        pairs: of all topics together.
        seed: any integer; the same one gives the same pairs.
    """
    sizes = {topic: len(grammar(topic).rules[SENTENCE]) for topic in TOPICS}
    total = sum(sizes.values())
    for topic, size in sizes.items():
        yield from pairs_of(topic, round(pairs * size / total), seed)
