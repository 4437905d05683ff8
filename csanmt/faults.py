"""Faults of a translation that show without a reference, each a rule on (source, output).

The gate counts them on whole suites and the running service on every sentence; both count by
these rules, so that a release is stopped for what its rollout would be stopped for. They are
rates to compare between two systems on the same sentences, not verdicts on one sentence: some
sources force an exception. ``None`` means nothing is wrong.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from csanmt.quantities import missing_values, source_values

Finding = str | None
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
URL = re.compile(r"(?:https?://|www\.)[\x21-\x7e]+")
EMAIL = re.compile(r"[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
SENTENCE_END = re.compile(r"[。！？!?.…]+[”’」』）)\"']*\s*$")
TARGET_END = re.compile(r"[.!?…。！？;:]+[\"'”’)\]]*\s*$")


def _plain(text: str) -> str:
    """Letters and digits alone, lower case, compatibility forms folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if c.isalnum())


def han_count(text: str) -> int:
    return len(HAN.findall(text))


def empty(source: str, output: str) -> Finding:
    return "nothing came back" if _plain(source) and not output.strip() else None


def echo(source: str, output: str) -> Finding:
    if han_count(source) < 2 or not output.strip():
        return None
    if _plain(output) == _plain(source):
        return "the source came back"
    letters = sum(c.isalpha() for c in output)
    if letters and han_count(output) / letters > 0.5:
        return "more than half of the answer is Chinese"
    return None


def residual_han(source: str, output: str) -> Finding:
    found = HAN.findall(output)
    return f"Chinese left: {''.join(found[:10])}" if found else None


def loop(source: str, output: str) -> Finding:
    """A phrase of up to 6 words four times in a row (or 10 times the same word anywhere)."""
    words = re.findall(r"\w+", output.lower())
    if not words or Counter(words).most_common(1)[0][1] < 4:
        return None
    for size in range(1, 7):
        run = _longest_run(words, size)
        if run >= 4 and not _repeats(source, run):
            return f"{run} times in a row: {_repeated_phrase(words, size)}"
    word, count = Counter(words).most_common(1)[0]
    if count >= 10 and count > 0.4 * len(words) and not _repeats(source, count):
        return f"{count} times: {word}"
    return None


def _longest_run(words: Sequence[str], size: int) -> int:
    """Most consecutive repetitions of a phrase of ``size`` words."""
    best = streak = 0
    for i in range(size, len(words)):
        streak = streak + 1 if words[i] == words[i - size] else 0
        best = max(best, streak // size + 1)
    return best


def _repeated_phrase(words: Sequence[str], size: int) -> str:
    streak = 0
    for i in range(size, len(words)):
        streak = streak + 1 if words[i] == words[i - size] else 0
        if streak >= 3 * size:
            return " ".join(words[i - size + 1 : i + 1])
    return ""


def _repeats(source: str, times: int) -> bool:
    """The source itself says something about as often (哈哈哈哈, a repeated line)."""
    flat = re.sub(r"[\s，。！？、,.!?]", "", source)
    sizes = range(1, min(13, len(flat)))
    return any(_longest_run(list(flat), size) >= max(3, times // 2) for size in sizes)


def length(source: str, output: str) -> Finding:
    """English has about 3 characters for a Chinese one; flag under 0.7 and over 12."""
    weight = han_count(source) + 0.3 * sum(c.isascii() and c.isalnum() for c in source)
    if weight < 8 or not output.strip():
        return None
    ratio = len(output) / weight
    if 0.7 <= ratio <= 12:
        return None
    return f"{len(output)} characters for {weight:.0f} ({ratio:.1f} each)"


def truncation(source: str, output: str) -> Finding:
    if han_count(source) < 4 or not output.strip() or not SENTENCE_END.search(source):
        return None
    return None if TARGET_END.search(output) else f"breaks off: …{output.strip()[-30:]}"


def _written(value: float) -> str:
    """2024 as it is, 3500000 as 3,500,000; never with an exponent."""
    return f"{value:,.15g}" if value >= 10_000 else f"{value:.15g}"


def numbers(source: str, output: str) -> Finding:
    bare = EMAIL.sub(" ", URL.sub(" ", source))
    lost = missing_values(bare, output)
    return "lost: " + " and ".join(map(_written, lost)) if lost else None


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault.

    Attributes:
        applies: whether a source can show the fault; rates are over these sources.
        find: what is wrong with an output, or None.
    """

    name: str
    about: str
    applies: Callable[[str], bool]
    find: Callable[[str, str], Finding]


def _always(source: str) -> bool:
    return bool(source.strip())


FAULTS: tuple[Fault, ...] = (
    Fault("empty", "no answer", lambda s: bool(_plain(s)), empty),
    Fault("echo", "the source comes back untranslated", lambda s: han_count(s) >= 2, echo),
    Fault("residual_han", "Chinese characters are left", lambda s: han_count(s) > 0, residual_han),
    Fault("loop", "a phrase is repeated again and again", _always, loop),
    Fault("length", "far too short or too long", lambda s: han_count(s) >= 8, length),
    Fault("truncation", "the end is missing",
          lambda s: han_count(s) >= 4 and bool(SENTENCE_END.search(s)), truncation),
    Fault("numbers", "a quantity is lost or changed", lambda s: bool(source_values(s)), numbers),
)  # fmt: skip


def examine(source: str, output: str, faults: Sequence[Fault] = FAULTS) -> dict[str, str]:
    """Every fault of one output: name of the fault → what is wrong."""
    found = {fault.name: fault.find(source, output) for fault in faults if fault.applies(source)}
    return {name: finding for name, finding in found.items() if finding}
