"""Copy tokens in training pairs: what both sides share is replaced by the same token.

Within the pipeline a token is one character of plane 16's private use, so that a pair stays
two strings; ``copies`` tells the tokenizer where they stand. Numbers are
drawn at random, distinct within a pair, as ``csanmt.tokenization_copy`` promises.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from csanmt.tokenization_copy import COUNT
from training.corpus import SentencePair

FIRST = 0x10F000
PRIVATE = re.compile("[\U0010f000-\U0010fffd]")
MARK = re.compile(f"[{chr(FIRST)}-{chr(FIRST + COUNT - 1)}]")
MOST = 8  # tokens of one pair

# What a translator brings through untouched; the filter's rule on markup refuses what is left.
MARKED = re.compile(
    r"https?://[\w./?=&%#~+:@!$,;*()-]*[\w/]"
    r"|www\.[\w./?=&%#~+-]*[\w/]"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|`[^`]{1,60}`"
    r"|\{\{[^{}]{1,40}\}\}|\$?\{[^{}]{0,40}\}"
    r"|%\(\w+\)[sd]|%\d?\$?[sdifu@](?![a-z])|%\{\w+\}|%[A-Z]\w*%|\$[A-Za-z_]\w*"
    r"|</?[A-Za-z][^<>]{0,60}>|&\w+;|\[\d{1,3}\]"
    r"|[A-Za-z_][\w.:]*\(\)|(?<![\w-])--?[a-z][\w-]+|\w*[A-Za-z0-9]_\w+|@\w[\w/.-]+|#\w+"
    r"|(?<![\w.])~?(?:/[\w.+-]+){2,}/?|[A-Za-z]:\\[\w\\. -]*\w",
    re.ASCII,
)
# What is often the same on both sides: names of products, versions, long numbers.
NAMED = re.compile(
    r"[A-Z][A-Za-z0-9+#]*(?:[ .-][A-Z0-9][A-Za-z0-9+#]*)*|[a-z]+[A-Z]\w*"
    r"|\d[\d.,:/-]{2,}\d",
    re.ASCII,
)
WORD_BEFORE, WORD_AFTER = re.compile(r"[A-Za-z0-9_]$"), re.compile(r"[A-Za-z0-9_]")


def copied(number: int) -> str:
    """The character that stands for copy token ``number`` in a pair."""
    return chr(FIRST + number)


def copies(text: str) -> list[tuple[int, int]]:
    """Where copy tokens stand in a text of a pair, and their numbers."""
    return [(found.start(), ord(found.group()) - FIRST) for found in MARK.finditer(text)]


def copy_marked(pair: SentencePair, chance: random.Random) -> SentencePair:
    """Replace addresses, placeholders, tags and code that stand once on each side."""
    if pair.source.isascii():
        return pair
    return _exchange(pair, MARKED, chance, lambda: True)


def copy_named(pair: SentencePair, chance: random.Random) -> SentencePair:
    """Replace some of the names and long numbers that stand once on each side."""
    return _exchange(pair, NAMED, chance, lambda: chance.random() < 0.7)


def _exchange(
    pair: SentencePair, pattern: re.Pattern[str], chance: random.Random, wanted: Callable[[], bool]
) -> SentencePair:
    source, target = pair.source, pair.target
    free = _free_numbers(pair, chance)
    for found in list(dict.fromkeys(pattern.findall(source))):
        if not free:
            break
        places = [_only_place(found, text) for text in (source, target)]
        if None in places or not wanted():
            continue
        mark = copied(free.pop())
        source, target = (
            text[:at] + mark + text[at + len(found) :]
            for text, at in zip((source, target), places, strict=True)
            if at is not None
        )
    return SentencePair(source, target, pair.origin)


def _free_numbers(pair: SentencePair, chance: random.Random) -> list[int]:
    used = {ord(mark) - FIRST for mark in MARK.findall(pair.source)}
    free = [number for number in range(COUNT) if number not in used]
    chance.shuffle(free)
    return free[: max(0, MOST - len(used))]


def _only_place(found: str, text: str) -> int | None:
    """Where ``found`` stands in ``text`` as a whole word, if it does exactly once."""
    if text.count(found) != 1:
        return None
    start = text.index(found)
    end = start + len(found)
    glued = (WORD_AFTER.match(found) and WORD_BEFORE.search(text[:start])) or (
        WORD_BEFORE.search(found) and WORD_AFTER.match(text[end:])
    )
    return None if glued else start


def insert_tokens(
    pair: SentencePair, cut: Callable[[str], list[str]], chance: random.Random
) -> SentencePair | None:
    """Put one to four tokens between words, at most one for four, at like places of both sides.

    Users' placeholders stand where the text says nothing about them. The place in the target is
    where as large a part of its words lies before as in the source, or behind the same comma.

    Args:
        cut: words of a source text, which joined are the text.
    """
    source, target = cut(pair.source), pair.target.split(" ")
    most = min(4, len(source) // 4, len(target) // 4)
    free = _free_numbers(pair, chance)
    if most < 1 or len(free) < most:
        return None
    gaps = sorted(chance.sample(range(len(source)), chance.randint(1, most)), reverse=True)
    spaced = chance.random() < 0.5
    for gap in gaps:
        mark = copied(free.pop())
        there = _like_place(source, target, gap)
        target.insert(there, mark)
        source.insert(gap, f" {mark} " if spaced else mark)
    return SentencePair(" ".join("".join(source).split()), " ".join(target), pair.origin)


def _like_place(source: list[str], target: list[str], gap: int) -> int:
    commas = [i + 1 for i, word in enumerate(source) if word in ("，", ",")]
    others = [i + 1 for i, word in enumerate(target) if word.endswith(",")]
    if gap in commas and len(commas) == len(others):
        return others[commas.index(gap)]
    return round(gap / len(source) * len(target))
