"""What the gate checks on every output without a reference: one table.

The faults that the running service counts too are ``csanmt.faults``; here are those that
need no counting there: what must stand in the output as it stands in the source.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from csanmt import faults
from csanmt.faults import EMAIL, FAULTS, URL, Fault, Finding

EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u23e9-\u23f3][\ufe0f\u200d\U0001f3fb-\U0001f3ff]*"
)
PLACEHOLDER = re.compile(r"\{\{?\w+\}?\}|%\(\w+\)[sd]|%\d*\$?[sd]|</?\w[^<>]*>|\$\{\w+\}", re.ASCII)
PERCENTAGE = re.compile(r"(\d+(?:[.,]\d+)*)\s*(?:%|per ?cent)", re.IGNORECASE)
CODE = re.compile(r"`[^`\n]+`")
LATIN = re.compile(
    r"(?<![\w@./:<{%$`-])[A-Za-z][A-Za-z0-9+#-]*[A-Za-z0-9+#](?![\w@./:>}`-])", re.ASCII
)
# A label and a colon; not "he said:" before a quotation, which English may move.
LABEL = re.compile(r"\s*[^\s：:，。、“”\d]{1,6}(?<![说道称问答示])[：:](?!\s*[“\"「//])")
_OPENERS = {"(": ")", "[": "]", "{": "}"}


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


def _pattern_fault(name: str, about: str, pattern: re.Pattern[str]) -> Fault:
    return Fault(
        name, about, lambda s: bool(pattern.search(s)), lambda s, o: _verbatim(pattern, s, o)
    )


CHECKS: tuple[Fault, ...] = (
    *FAULTS,
    Fault("percent", "a percentage lost its sign",
          lambda s: bool(re.search(r"\d\s*[%％]", s)), percent),
    Fault("latin", "a Latin word of the source is lost", lambda s: bool(LATIN.search(s)), latin),
    _pattern_fault("url", "a URL is lost or changed", URL),
    _pattern_fault("email", "an e-mail address is lost or changed", EMAIL),
    _pattern_fault("placeholder", "a placeholder or tag is lost or changed", PLACEHOLDER),
    _pattern_fault("code", "code between backquotes is lost or changed", CODE),
    _pattern_fault("emoji", "an emoji is lost", EMOJI),
    Fault("brackets", "brackets do not match",
          lambda s: any(c in s for c in "()[]{}（）【】［］｛｝"), brackets),
    Fault("lines", "line breaks are lost or added", lambda s: "\n" in s, lines),
    Fault("prefix", "a label such as 姓名： is lost",
          lambda s: bool(LABEL.match(s)), prefix),
)  # fmt: skip
CHECK_NAMES = tuple(check.name for check in CHECKS)


def examine(source: str, output: str) -> dict[str, str]:
    """Every fault of one output: name of the check → what is wrong."""
    return faults.examine(source, output, CHECKS)
