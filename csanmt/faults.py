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

from csanmt.negation import changed_negation, negated
from csanmt.quantities import missing_values, source_values

Finding = str | None
# 丨 (U+4E28) stands for a bar in titles, not for a word.
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u4e27\u4e29-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u23e9-\u23f3][\ufe0f\u200d\U0001f3fb-\U0001f3ff]*"
)
URL = re.compile(r"(?:https?://|www\.)[\x21-\x7e]+")
EMAIL = re.compile(r"[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
SENTENCE_END = re.compile(r"[。！？!?.…]+[”’」』）)\"']*\s*$")
TARGET_END = re.compile(r"(?:[.!?…。！？;:][\s*_]*|[\"'”’“‘」』)\]）】》]\s*)$")

UNKNOWN = re.compile(r"<unk>|\[unk\]|[\u2047\u2581\ufffd]|@@ |</?s>", re.IGNORECASE)
MOJIBAKE = re.compile(
    "Ã[\x80-\xbf©¨¤¶¼±³ª\xa0]|â€[\x80-\xbf™œ“”¦˜]|Â[\xa0°£»«·]|[äåæçèé][\x80-\xbf¸½¿®]"
)
# Letters that stand in no English text: Cyrillic, Hebrew, Arabic, Indic, Thai, kana, Hangul.
FOREIGN = re.compile(
    "[\u0400-\u052f\u0590-\u06ff\u0900-\u0e7f\u1100-\u11ff\u3041-\u3096\u30a1-\u30fa\uac00-\ud7af]"
)
CHATTER = re.compile(
    r"\s*(?:(?:here(?: is|'s)|this is|sure|certainly|of course)\b[^.:\n]{0,40}\btranslat\w*"
    r"[^:\n]{0,30}:|(?:the )?(?:english |final )?(?:translat(?:ion|ed (?:text|sentence))|output)"
    r"(?: of [^:\n]{1,40}| into english| is)?\s?:|as an ai\b|"
    r"i(?: am|'m) sorry, but i (?:can|am)\b)",
    re.IGNORECASE,
)
CHATTER_SOURCE = re.compile("翻译|译文|输出|回答|抱歉|对不起|人工智能")
SPACING = re.compile(
    r"(?<=[\w\"')\]]) (?:[,;!?]|[.:](?![\d.\w)(]))(?=\s|$|[\"'])|\w (?:n't|'s|'re|'ve|'ll)\b"
)
MARK = re.compile(r"[,;!?.:](?=\s|$|[\"')])")
ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,6}|#x[0-9a-f]{1,6});", re.IGNORECASE)


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


def written(value: float) -> str:
    """2024 as it is, 3500000 as 3,500,000; never with an exponent."""
    return f"{value:,.15g}" if value >= 10_000 else f"{value:.15g}"


def numbers(source: str, output: str) -> Finding:
    bare = EMAIL.sub(" ", URL.sub(" ", source))
    lost = missing_values(bare, output)
    return "lost: " + " and ".join(map(written, lost)) if lost else None


def _found(pattern: re.Pattern[str], source: str, output: str, what: str) -> Finding:
    """What the pattern finds in the output and not in the source."""
    new = [hit for hit in dict.fromkeys(pattern.findall(output)) if hit not in source]
    return f"{what}: {' '.join(new[:5])}" if new else None


def unknown(source: str, output: str) -> Finding:
    """An <unk> in the place of an emoji is a lost emoji, not this."""
    found = _found(UNKNOWN, source, output, "no text")
    if found and len(UNKNOWN.findall(output)) <= len(EMOJI.findall(source)):
        found = None
    return found or _found(MOJIBAKE, source, output, "wrongly decoded")


def foreign_script(source: str, output: str) -> Finding:
    return _found(FOREIGN, source, output, "letters of another script")


def chatter(source: str, output: str) -> Finding:
    found = CHATTER.match(output)
    if not found or CHATTER_SOURCE.search(source) or ":" in source[:30] or "：" in source[:30]:
        return None
    return f"speaks of itself: {found.group().strip()}"


def doubled(source: str, output: str) -> Finding:
    """The whole answer twice in a row, which the source is not."""
    words = re.findall(r"\w+", output.casefold())
    half = len(words) // 2
    if half < 2 or len(words) % 2 or words[:half] != words[half:]:
        return None
    bare = _plain(source)
    third = max(1, len(bare) // 3)
    return None if bare.count(bare[:third]) > 1 else "the answer stands there twice"


def spacing(source: str, output: str) -> Finding:
    """Blanks before half of the punctuation: tokens that were not put together again."""
    found = SPACING.findall(output)
    if not found or 2 * len(found) < len(MARK.findall(output)):
        return None
    return f"blanks before punctuation, {len(found)} times"


def entities(source: str, output: str) -> Finding:
    return _found(ENTITY, source, output, "entities")


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
    Fault("unknown", "<unk>, ▁ or wrongly decoded letters stand in it", _always, unknown),
    Fault("foreign_script", "letters of a script that is neither English nor the source's",
          _always, foreign_script),
    Fault("chatter", "it speaks of itself (“Translation:”)", _always, chatter),
    Fault("doubled", "the whole answer stands there twice", _always, doubled),
    Fault("length", "far too short or too long", lambda s: han_count(s) >= 8, length),
    Fault("truncation", "the end is missing",
          lambda s: han_count(s) >= 4 and bool(SENTENCE_END.search(s)), truncation),
    Fault("numbers", "a quantity is lost or changed", lambda s: bool(source_values(s)), numbers),
    Fault("negation", "a negation is lost or added", lambda s: negated(s) is not None,
          changed_negation),
    Fault("spacing", "blanks stand before punctuation", _always, spacing),
    Fault("entities", "HTML entities are left", _always, entities),
)  # fmt: skip


def examine(source: str, output: str, faults: Sequence[Fault] = FAULTS) -> dict[str, str]:
    """Every fault of one output: name of the fault → what is wrong."""
    found = {fault.name: fault.find(source, output) for fault in faults if fault.applies(source)}
    return {name: finding for name, finding in found.items() if finding}
