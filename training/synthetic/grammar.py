"""A synchronous grammar: one choice is made on the Chinese and on the English side at once.

A grammar file holds rules under headings::

    @metric
    营业收入|营收 = revenue
    净利润 = net profit ; is=is

    @sentence
    {company}{year}的{metric}达到{yuan}。
    = {company}'s {metric} [reached|came to] {yuan} in {year}.
    = In {year}, {company} reported {metric} of {yuan}.

``{metric}`` stands for one rule of ``@metric``, the same on both sides; ``{metric2}`` for
another one that differs from it; ``{metric.is}`` for an attribute given after ``;``;
``{^metric}`` for the phrase with a capital. ``[a|b]`` is a free choice of either side alone,
as is ``a|b`` for a whole side. ``<公司|学校>`` with ``<company|school>`` choose together: the
first of one side with the first of the other, or by a number, ``<2:年|月>``. ``a~`` becomes
``a`` or ``an`` by what follows. A rule starts at the margin; further English sides follow on
lines that begin with ``=``. ``3* `` before a rule makes it three times as likely. What is not
under a heading is made by a function (``Terminal``).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from csanmt.tables import read_toml

WORDS = read_toml(Path(__file__).with_name("words.toml"))
_SYMBOL = re.compile(r"\{(\^?)([a-z_]+)(\d?)(?:\.([a-z_]+))?\}")
_LINKED = re.compile(r"<(?:(\d):)?([^<>]*)>")
_WEIGHT = re.compile(r"(\d+)\* ")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_ARTICLE = re.compile(r"\b([Aa])~ ?(\"?)(\w[\w.-]*)")
_AN = re.compile(r"(?:[aeio]|u(?!n[iu]|s[ae]|k\b)|hour|honest|8|11\b|18\b|[FHLMNRSX][A-Z\d])")
_A = re.compile(r"(?:one\b|one-|once|eu|[Uu]ni(?!n)|UN\b|US\b|U\.S|UK\b|EU\b)", re.IGNORECASE)
DISTINCT_TRIES = 20
LINKED_AT_MOST = 6  # linked choices in one rule


@dataclass(frozen=True)
class Phrase:
    """One phrase in both languages, with what else a rule may ask of it."""

    zh: str
    en: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    def side(self, language: str, attribute: str | None) -> str:
        """Its Chinese or English, or one of its attributes."""
        if attribute:
            return self.attributes[attribute]
        return self.zh if language.startswith("zh") else self.en


Terminal = Callable[[random.Random], Phrase]


@dataclass(frozen=True)
class Rule:
    """One Chinese side, its English sides and its attributes, all unexpanded."""

    zh: str
    en: tuple[str, ...]
    attributes: Mapping[str, str]
    weight: int = 1


def parse(text: str, name: str) -> dict[str, list[Rule]]:
    """Rules by heading.

    Args:
        text: a grammar file.
        name: what a message calls it.

    Raises:
        ValueError: a rule without heading or without an English side.
    """
    rules: dict[str, list[Rule]] = {}
    heading: list[Rule] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("@"):
            heading = rules.setdefault(line[1:].strip(), [])
        elif heading is None:
            raise ValueError(f"{name}:{number}: a rule before any heading")
        elif line.lstrip().startswith("= "):
            english = line.lstrip()[2:].strip()
            heading[-1] = replace(heading[-1], en=(*heading[-1].en, english))
        else:
            heading.append(_parse_rule(line))
    for symbol, parsed in rules.items():
        for rule in parsed:
            if not rule.en:
                raise ValueError(f"{name}: {rule.zh!r} under @{symbol} has no English side")
        rules[symbol] = [rule for rule in parsed for _ in range(rule.weight)]
    return rules


def _parse_rule(line: str) -> Rule:
    weight = _WEIGHT.match(line)
    body, *extra = line[weight.end() if weight else 0 :].split(" ; ")
    zh, equals, en = body.partition(" = ")
    pairs = (item.partition("=") for part in extra for item in part.split(", "))
    attributes = {key.strip(): value.strip() for key, _, value in pairs}
    english = (en.strip(),) if equals else ()
    return Rule(zh.strip(), english, attributes, int(weight[1]) if weight else 1)


def read(path: Path) -> dict[str, list[Rule]]:
    """Rules of a grammar file."""
    return parse(path.read_text(encoding="utf-8"), path.name)


class Grammar:
    """Rules and terminals, from which phrases are drawn."""

    def __init__(self, rules: Mapping[str, list[Rule]], terminals: Mapping[str, Terminal]) -> None:
        self.rules = rules
        self._terminals = terminals

    def draw(self, symbol: str, chance: random.Random) -> Phrase:
        """One phrase of a symbol.

        Raises:
            KeyError: no rule and no terminal has that name.
        """
        if symbol in self._terminals:
            return self._terminals[symbol](chance)
        return self.expand(chance.choice(self.rules[symbol]), chance)

    def expand(self, rule: Rule, chance: random.Random) -> Phrase:
        """One phrase of a rule: its symbols drawn, its choices made."""
        drawn: dict[str, Phrase] = {}
        turns = [chance.random() for _ in range(LINKED_AT_MOST)]
        zh = self._fill(_choose(_link(rule.zh, turns), chance), "zh", drawn, chance)
        english = _choose(_link(chance.choice(rule.en), turns), chance)
        en = self._fill(english, "en", drawn, chance)
        attributes = {
            key: self._fill(_choose(_link(value, turns), chance), key, drawn, chance)
            for key, value in rule.attributes.items()
        }
        inherited = next(iter(drawn.values())).attributes if drawn else {}
        return Phrase(zh, en, {**inherited, **attributes})

    def _fill(
        self, side: str, language: str, drawn: dict[str, Phrase], chance: random.Random
    ) -> str:
        def phrase(match: re.Match[str]) -> str:
            capital, symbol, number, attribute = match.groups()
            name = symbol + number
            if name not in drawn:
                drawn[name] = self._distinct(symbol, drawn, chance)
            text = drawn[name].side(language, attribute)
            return text[:1].upper() + text[1:] if capital else text

        return _SYMBOL.sub(phrase, side)

    def _distinct(self, symbol: str, drawn: dict[str, Phrase], chance: random.Random) -> Phrase:
        taken = {phrase.en for name, phrase in drawn.items() if name.rstrip("0123456789") == symbol}
        for _ in range(DISTINCT_TRIES):
            phrase = self.draw(symbol, chance)
            if phrase.en not in taken:
                break
        return phrase


def _link(side: str, turns: list[float]) -> str:
    """Decide the linked choices of a side: the same turn, the same place."""
    count = 0

    def option(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        options = match[2].split("|")
        return options[int(turns[int(match[1] or count) - 1] * len(options))]

    return _LINKED.sub(option, side)


def _choose(side: str, chance: random.Random) -> str:
    """Decide the free choices of a side, innermost first."""
    while match := _CHOICE.search(side):
        side = side[: match.start()] + chance.choice(match[1].split("|")) + side[match.end() :]
    return chance.choice(side.split("|"))


def _article(match: re.Match[str]) -> str:
    article, quote, word = match.groups()
    vowel = _AN.match(word) or _AN.match(word.lower()) if not _A.match(word) else None
    return f"{article}{'n' if vowel else ''} {quote}{word}"


def finish(english: str) -> str:
    """A sentence as it is printed: articles, one full stop after "p.m.", a capital."""
    english = _ARTICLE.sub(_article, english)
    english = re.sub(r"\b([ap]\.m|[A-Z]\.[A-Z]|Inc|Co|Ltd)\.\.", r"\1.", english)
    english = re.sub(r"(?<!s)s's\b", "s'", " ".join(english.split()))
    head, first, rest = re.match(r"([\"'(]?)(.?)(.*)", english, re.DOTALL).groups()  # type: ignore[union-attr]
    keeps_case = re.match(r"[a-z][A-Z]", first + rest)  # iPhone, eBay
    return head + (first if keeps_case else first.upper()) + rest
