"""Ways to break a translation, and ways to change it that harm nobody.

The gate is tried with them: each corruption on a few lines of a file must be found by the
check that names it; each harmless change of a whole file must not be.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from csanmt.negation import negated

AUXILIARY = re.compile(r"\b(is|are|was|were|will|would|can|could|should|must|has|have|had)\b")
NEGATION = re.compile(r"\b(is|are|was|were|will|would|can|could|should|must|does|do|did) not\b")
NUMBER = re.compile(r"(?<![\w-])\d{2,}")
NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,}")
INVENTED = "The company also announced that it would open three new offices abroad next spring."


@dataclass(frozen=True, slots=True)
class Corruption:
    """``change`` gets (line, its source, any other line, rng) and gives None where it cannot."""

    name: str
    check: str  # that names it
    change: Callable[[str, str, str, random.Random], str | None]


def _number(line: str, source: str, other: str, rng: random.Random) -> str | None:
    found = NUMBER.search(line)
    if not found or found.group() not in source:
        return None
    wrong = str(int(found.group()) + rng.randint(11, 37))
    return line[: found.start()] + wrong + line[found.end() :]


def _word(line: str, instead: str, rng: random.Random) -> str | None:
    words = line.split(" ")
    if len(words) < 4:
        return None
    words[rng.randrange(1, len(words) - 1)] = instead
    return " ".join(words)


def _substituted(pattern: re.Pattern[str], line: str, instead: str) -> str | None:
    changed, times = pattern.subn(instead, line, count=1)
    return changed if times else None


def _cut(line: str) -> str | None:
    words = line.split(" ")
    return (
        " ".join(words[: int(0.55 * len(words))]).rstrip(",;:") + "." if len(words) > 14 else None
    )


def _loop(line: str) -> str | None:
    words = line.split(" ")
    return " ".join([*words[:6], *(7 * words[3:6])]) if len(words) > 8 else None


def _clause_twice(line: str, size: int = 5) -> str | None:
    words = line.split(" ")
    phrase = words[2 : 2 + size]
    plain = len(words) > size + 4 and all(word.isalpha() for word in phrase)
    return " ".join([*words[:2], *phrase, *words[2:]]) if plain else None


def _added_not(line: str) -> str | None:
    found = AUXILIARY.search(line)
    if not found or re.search(r"\bnot\b|n't", line):
        return None
    return f"{line[: found.end()]} not{line[found.end() :]}"


CORRUPTIONS: tuple[Corruption, ...] = (
    Corruption("empty answer", "empty", lambda line, s, o, r: ""),
    Corruption("copied source", "echo", lambda line, s, o, r: s),
    Corruption("three words seven times", "loop", lambda line, s, o, r: _loop(line)),
    Corruption("a word is <unk>", "unknown", lambda line, s, o, r: _word(line, "<unk>", r)),
    Corruption("a word in Russian", "foreign_script",
               lambda line, s, o, r: _word(line, "правительство", r)),
    Corruption("Translation: before it", "chatter", lambda line, s, o, r: f"Translation: {line}"),
    Corruption("the whole twice", "doubled", lambda line, s, o, r: f"{line} {line}"),
    Corruption("one number changed", "numbers", _number),
    Corruption("negation removed", "negation",
               lambda line, s, o, r: None if negated(s) is False
               else _substituted(NEGATION, line, r"\1")),
    Corruption("negation inserted", "negation", lambda line, s, o, r: _added_not(line)),
    Corruption("another line", "unrelated", lambda line, s, o, r: o),
    Corruption("cut at 55 %, full stop kept", "omission", lambda line, s, o, r: _cut(line)),
    Corruption("a sentence invented", "addition", lambda line, s, o, r: f"{line} {INVENTED}"),
    Corruption("a name replaced", "names",
               lambda line, s, o, r: _substituted(NAME, line, "Robertson")),
    Corruption("blanks before punctuation", "spacing",
               lambda line, s, o, r: _substituted(re.compile(r"(?<=\w)([,.])(?=\s|$)"), line,
                                                  r" \1") and re.sub(
                   r"(?<=\w)([,.])(?=\s|$)", r" \1", line)),
    Corruption("HTML entities", "entities",
               lambda line, s, o, r: _substituted(re.compile("[\"']"), line, "&quot;")),
    Corruption("bold by stars", "entities", lambda line, s, o, r: _word(line, "**bold**", r)),
    Corruption("letters apart", "spacing", lambda line, s, o, r: _word(line, "a p a r t", r)),
    Corruption("hours and minutes as weeks", "units",
               lambda line, s, o, r: _substituted(re.compile(r"\b(?:hour|minute)"), line, "week")),
    Corruption("a clause twice running", "repetition", lambda line, s, o, r: _clause_twice(line)),
    Corruption("a word twice running", "repetition", lambda line, s, o, r: _clause_twice(line, 1)),
    Corruption("small letters", "case", lambda line, s, o, r: line.lower()),
    Corruption("Capitals Throughout", "case",
               lambda line, s, o, r: line.title() if s[-1:] in "。！？" else None),
    Corruption("no question mark", "punctuation",
               lambda line, s, o, r: line.replace("?", ".") if s[-1:] == "？" else None),
    Corruption("a full stop twice", "punctuation",
               lambda line, s, o, r: _substituted(re.compile(r"(?<=\w)\.$"), line, "..")),
    Corruption("one quote lost", "punctuation",
               lambda line, s, o, r: line.replace('"', "", 1) if line.count('"') == 2 else None),
    Corruption("a line break", "lines",
               lambda line, s, o, r: _substituted(re.compile(", "), line, "\n")),
)  # fmt: skip

BRITISH = (
    (r"\b(col|fav|behavi|hon|lab|neighb|rum|vap|harb|hum|flav|endeav)or", r"\1our"),
    (
        r"\b(organ|real|recogn|hospital|final|minim|maxim|critic|emphas|character|author|priorit)iz",
        r"\1is",
    ),
    (r"\b(anal|paral)yz", r"\1ys"),
    (r"\b(cent|theat|met|lit|fib|kilomet)er(?=s?\b)", r"\1re"),
    (r"\b(travel|cancel|label|model|signal)(ed|ing)\b", r"\1l\2"),
    (r"\bdefense", "defence"),
    (r"\bprogram(?=s?\b)", "programme"),
    (r"\bgray", "grey"),
    (r"\btoward\b", "towards"),
)


def british(line: str) -> str:
    for pattern, instead in BRITISH:
        line = re.sub(pattern, instead, line)
    return line


def _curly(line: str) -> str:
    line = re.sub(r'(^|[\s(])"', r"\1“", line).replace('"', "”")
    return re.sub(r"(^|[\s(])'", r"\1‘", line).replace("'", "’")


HARMLESS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("British spelling", british),
    ("% as percent", lambda line: re.sub(r"(?<=\d)\s?%", " percent", line)),
    ("1,000 as 1000", lambda line: re.sub(r"(?<=\d),(?=\d{3})", "", line)),
    ("curly quotes", _curly),
    ("blank before the closing quote", lambda line: re.sub(r'([.!?])"', r'\1 "', line)),
    ("two blanks", lambda line: line.replace(". ", ".  ")),
    ("blank at the end", lambda line: line + " "),
)


def corrupt(
    corruption: Corruption, sources: Sequence[str], lines: Sequence[str], count: int, seed: int = 1
) -> list[str]:
    """``count`` lines broken, drawn from those that can be; fewer where there are fewer."""
    rng = random.Random(seed)
    order = rng.sample(range(len(lines)), len(lines))
    out, done = list(lines), 0
    for i in order:
        if done == count:
            break
        other = lines[(i + len(lines) // 2) % len(lines)]
        changed = corruption.change(lines[i], sources[i], other, rng) if lines[i] else None
        if changed is not None and changed != lines[i]:
            out[i], done = changed, done + 1
    return out
