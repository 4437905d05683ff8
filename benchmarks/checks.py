"""Faults visible without a reference: one table of checks on (source, output).

Each check says whether it applies to a source and what is wrong with an output.
``None`` means nothing is wrong. They are rates to compare between two systems on
the same sentences, not verdicts on one sentence: some sources force an exception.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.numbers import missing_values, source_values

Finding = str | None
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u23e9-\u23f3][\ufe0f\u200d\U0001f3fb-\U0001f3ff]*"
)
URL = re.compile(r"(?:https?://|www\.)[\x21-\x7e]+")
EMAIL = re.compile(r"[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
PLACEHOLDER = re.compile(r"\{\{?\w+\}?\}|%\(\w+\)[sd]|%\d*\$?[sd]|</?\w[^<>]*>|\$\{\w+\}", re.ASCII)
PERCENTAGE = re.compile(r"(\d+(?:[.,]\d+)*)\s*(?:%|per ?cent)", re.IGNORECASE)
CODE = re.compile(r"`[^`\n]+`")
LATIN = re.compile(
    r"(?<![\w@./:<{%$`-])[A-Za-z][A-Za-z0-9+#-]*[A-Za-z0-9+#](?![\w@./:>}`-])", re.ASCII
)
SENTENCE_END = re.compile(r"[。！？!?.…]+[”’」』）)\"']*\s*$")
TARGET_END = re.compile(r"[.!?…。！？;:]+[\"'”’)\]]*\s*$")
# A label and a colon; not "he said:" before a quotation, which English may move.
LABEL = re.compile(r"\s*[^\s：:，。、“”\d]{1,6}(?<![说道称问答示])[：:](?!\s*[“\"「//])")
_OPENERS = {"(": ")", "[": "]", "{": "}"}


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


def _verbatim(pattern: re.Pattern[str], source: str, output: str) -> Finding:
    """Everything the pattern finds in the source must stand in the output, as often."""
    wanted = Counter(m.rstrip(".,;:!?)") for m in pattern.findall(source))
    lost = [text for text, n in wanted.items() if output.count(text) < n]
    return "lost: " + " ".join(lost) if lost else None


def latin(source: str, output: str) -> Finding:
    wanted = set(LATIN.findall(EMAIL.sub(" ", URL.sub(" ", PLACEHOLDER.sub(" ", source)))))
    lowered = output.casefold()
    lost = sorted(word for word in wanted if word.casefold() not in lowered)
    return "lost: " + " ".join(lost) if lost else None


def percent(source: str, output: str) -> Finding:
    """Each percentage with its own number, or spelled: a loop of "160% of the 164%" keeps none."""
    wanted, there = (
        Counter(number.replace(",", "") for number in PERCENTAGE.findall(text))
        for text in (unicodedata.normalize("NFKC", source), output)
    )
    missing = (wanted - there).total()
    spelled = len(re.findall(r"(?<![\d\s])\s+per ?cent|percentage", output, re.IGNORECASE))
    if missing <= spelled:
        return None
    return f"{wanted.total()} percentages, {missing - spelled} not in the answer"


def brackets(source: str, output: str) -> Finding:
    if not _balanced(unicodedata.normalize("NFKC", source)) or _balanced(output):
        return None
    return "unbalanced brackets"


def _balanced(text: str) -> bool:
    closers = {close: open_ for open_, close in _OPENERS.items()}
    stack: list[str] = []
    for c in text:
        if c in _OPENERS:
            stack.append(c)
        elif c in closers and (not stack or stack.pop() != closers[c]):
            return False
    return not stack


def lines(source: str, output: str) -> Finding:
    wanted, there = source.count("\n"), output.count("\n")
    return f"{wanted} line breaks, {there} in the answer" if wanted != there else None


def prefix(source: str, output: str) -> Finding:
    """姓名：张三 keeps a label and a colon."""
    found = LABEL.match(source)
    if not found or ":" in output or "：" in output:
        return None
    return f"lost the label {found.group().strip()}"


@dataclass(frozen=True, slots=True)
class Check:
    """One fault.

    Attributes:
        applies: whether a source can show the fault; rates are over these sources.
        find: what is wrong with an output, or None.
    """

    name: str
    about: str
    applies: Callable[[str], bool]
    find: Callable[[str, str], Finding]


def _pattern_check(name: str, about: str, pattern: re.Pattern[str]) -> Check:
    return Check(
        name, about, lambda s: bool(pattern.search(s)), lambda s, o: _verbatim(pattern, s, o)
    )


def _always(source: str) -> bool:
    return bool(source.strip())


CHECKS: tuple[Check, ...] = (
    Check("empty", "no answer", lambda s: bool(_plain(s)), empty),
    Check("echo", "the source comes back untranslated", lambda s: han_count(s) >= 2, echo),
    Check("residual_han", "Chinese characters are left", lambda s: han_count(s) > 0, residual_han),
    Check("loop", "a phrase is repeated again and again", _always, loop),
    Check("length", "far too short or too long", lambda s: han_count(s) >= 8, length),
    Check("truncation", "the end is missing",
          lambda s: han_count(s) >= 4 and bool(SENTENCE_END.search(s)), truncation),
    Check("numbers", "a quantity is lost or changed", lambda s: bool(source_values(s)), numbers),
    Check("percent", "a percentage lost its sign",
          lambda s: bool(re.search(r"\d\s*[%％]", s)), percent),
    Check("latin", "a Latin word of the source is lost", lambda s: bool(LATIN.search(s)), latin),
    _pattern_check("url", "a URL is lost or changed", URL),
    _pattern_check("email", "an e-mail address is lost or changed", EMAIL),
    _pattern_check("placeholder", "a placeholder or tag is lost or changed", PLACEHOLDER),
    _pattern_check("code", "code between backquotes is lost or changed", CODE),
    _pattern_check("emoji", "an emoji is lost", EMOJI),
    Check("brackets", "brackets do not match",
          lambda s: any(c in s for c in "()[]{}（）【】［］｛｝"), brackets),
    Check("lines", "line breaks are lost or added", lambda s: "\n" in s, lines),
    Check("prefix", "a label such as 姓名： is lost",
          lambda s: bool(LABEL.match(s)), prefix),
)  # fmt: skip
CHECK_NAMES = tuple(check.name for check in CHECKS)


def examine(source: str, output: str) -> dict[str, str]:
    """Every fault of one output: name of the check → what is wrong."""
    found = {check.name: check.find(source, output) for check in CHECKS if check.applies(source)}
    return {name: finding for name, finding in found.items() if finding}
