"""Which pairs are worth training on, and how their text is made uniform.

The rules look for what spoils parallel text mined from documentation: interface
strings, markup, misaligned lines, the wrong script. Each rule has a name, so that
a run reports how many pairs each one took.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from training.copying import MARK, PRIVATE
from training.corpus import SentencePair

HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿]")
LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9+#.-]*")
NUMBER = re.compile(r"\d+")
MARKUP = re.compile(r"[<>{}\\|`_=~^$@\[\]#*]|https?:|www\.|&\w+;|\)\(|%[sd]|--\w|[a-z]\(\)|://")
SENTENCE_END = re.compile(r"[.!?][\"')]*$")
SOURCE_END = re.compile(r"[。！？.!?…][”’\"'）)」]*$")
QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "´": "'", "`": "'"})
CLITIC = re.compile(r" (?='(?:s|re|m|ll|ve|d)\b)| (?=n't\b)")  # "palace 's", "do n't"
DASHES = re.compile(r"\s*(?:——+|--+|[—–―])\s*")


def normalise_source(text: str) -> str:
    """Fold white space; the tokenizer does the rest (full-width Latin, compatibility forms)."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def normalise_target(text: str) -> str:
    """English in one typography: NFKC, straight quotes, spaced hyphen for dashes."""
    text = unicodedata.normalize("NFKC", text.translate(QUOTES)).translate(QUOTES)
    return CLITIC.sub("", " ".join(DASHES.sub(" - ", text).split()))


@dataclass(frozen=True)
class FilterSettings:
    """Limits of the filter; lengths in Chinese characters and English words."""

    max_source_characters: int = 120
    max_target_words: int = 60
    trusted: tuple[str, ...] = ()  # origins of clean sentences: only length, script and ratio
    exact: tuple[str, ...] = ()  # origins right by construction: no rule but length
    prose: tuple[str, ...] = ()  # origins where a fragment without a full stop is still language


@dataclass
class FilterReport:
    """Pairs kept per origin and dropped per rule."""

    kept: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Measured:
    pair: SentencePair
    characters: int  # Han characters of the source
    source_words: list[str]  # Latin words of the source
    words: list[str]  # white-space words of the target

    @property
    def source_length(self) -> int:
        return self.characters + len(self.source_words)


def _measure(pair: SentencePair) -> _Measured:
    plain = SentencePair(MARK.sub("", pair.source), MARK.sub("", pair.target), pair.origin)
    return _Measured(
        plain,
        len(HAN.findall(plain.source)),
        LATIN_WORD.findall(plain.source),
        plain.target.split(),
    )


def _wrong_script(m: _Measured) -> bool:
    if m.characters == 0 or HAN.search(m.pair.target):
        return True
    solid = len(m.pair.target.replace(" ", ""))
    letters = sum(character.isascii() and character.isalpha() for character in m.pair.target)
    visible = len(m.pair.source.replace(" ", ""))
    return letters < 0.6 * solid or m.characters < 0.3 * visible


def _wrong_ratio(m: _Measured) -> bool:
    return len(m.words) > 1.6 * m.source_length + 4 or m.source_length > 3 * len(m.words) + 5


def _markup(m: _Measured) -> bool:
    return bool(MARKUP.search(m.pair.source) or MARKUP.search(m.pair.target))


def _fragment(m: _Measured) -> bool:
    """Interface strings and headings: too short, no sentence end, a lower-case start."""
    target = m.pair.target
    if len(m.words) < 3 or not SENTENCE_END.search(target):
        return True
    return not SOURCE_END.search(m.pair.source) or target[0].islower()


def _numbers_differ(m: _Measured) -> bool:
    left, right = set(NUMBER.findall(m.pair.source)), set(NUMBER.findall(m.pair.target))
    return bool(left and right) and not (left <= right or right <= left)


def _names_differ(m: _Measured) -> bool:
    """Latin words of the source should stand in the target: a sign of right alignment."""
    names = {word.lower().strip(".-") for word in m.source_words if len(word) > 2}
    if not names:
        return False
    target = m.pair.target.lower()
    return sum(name in target for name in names) < 0.5 * len(names)


ALWAYS: tuple[tuple[str, Callable[[_Measured], bool]], ...] = (
    ("script", _wrong_script),
    ("ratio", _wrong_ratio),
)
UNTRUSTED = (("markup", _markup), ("numbers", _numbers_differ), ("names", _names_differ))


def filter_pairs(
    pairs: Iterable[SentencePair],
    settings: FilterSettings,
    report: FilterReport,
    change: Callable[[SentencePair], SentencePair] | None = None,
) -> Iterator[SentencePair]:
    """Normalised pairs that pass every rule, each only once.

    Args:
        pairs: raw pairs.
        settings: limits, and which origins are exempt from what.
        report: counted into as the pairs stream by.
        change: applied to normalised pairs before the rules; duplicates are told before it.
    """
    seen: set[bytes] = set()
    for raw in pairs:
        plain = SentencePair(normalise_source(raw.source), normalise_target(raw.target), raw.origin)
        pair = change(plain) if change else plain
        rule = "private" if PRIVATE.search(raw.source + raw.target) else None
        rule = rule or first_broken_rule(pair, settings)
        if rule is None:
            text = f"{plain.source}\t{plain.target}".lower()
            key = blake2b(text.encode(), digest_size=8).digest()
            rule = "duplicate" if key in seen else None
            seen.add(key)
        if rule is None:
            report.kept[pair.origin] += 1
            yield pair
        else:
            report.dropped[rule] += 1


def first_broken_rule(pair: SentencePair, settings: FilterSettings) -> str | None:
    """Name of the rule a normalised pair breaks, or None if it may be trained on."""
    if not pair.source or not pair.target:
        return "empty"
    if len(pair.source) > settings.max_source_characters * 2:
        return "length"
    measured = _measure(pair)
    too_long = measured.source_length > settings.max_source_characters
    if too_long or len(measured.words) > settings.max_target_words:
        return "length"
    if pair.origin in settings.exact:
        return None
    rules = list(ALWAYS)
    if pair.origin not in settings.trusted:
        rules += UNTRUSTED
        if pair.origin not in settings.prose:
            rules.append(("fragment", _fragment))
    return next((name for name, broken in rules if broken(measured)), None)
