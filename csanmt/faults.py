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
from pathlib import Path

from csanmt.negation import changed_negation, negated
from csanmt.quantities import missing_values, source_values
from csanmt.tables import read_toml, spelt_out

Finding = str | None
# 丨 (U+4E28) stands for a bar in titles, not for a word.
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u4e27\u4e29-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u23e9-\u23f3][\ufe0f\u200d\U0001f3fb-\U0001f3ff]*"
)
URL = re.compile(r"(?:https?://|www\.)[\x21-\x7e]+")
EMAIL = re.compile(r"[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
SENTENCE_END = re.compile(r"[。！？!?.…]+[”’」』）)\"']*\s*$")
TARGET_END = re.compile(r"(?:[.!?…。！？;:][\s*_]*|[\"'”’“‘»›」』)\]）】》]\s*)$")

# What stands for a token without text, subword marks, controls, escapes.
UNKNOWN = re.compile(
    r"<(?:unk|pad|mask|[be]os|/?s|0x[0-9a-f]{2})>|<\|\w{2,20}\|>|\[(?:unk|pad|mask|cls|sep)\]|"
    r"\bunk\b|_unk_|[\u2047\u2581\ufffd\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|@@(?=\s\w)|"
    r"(?<!\S)##(?-i:[a-z])|[ĠĊ](?=\w)|\\[ux][0-9a-f]{2}|(?:%[0-9a-f]{2}){3}",
    re.IGNORECASE,
)
# UTF-8 read as Latin-1 or cp1252; but not a capital with an accent before a curly quote or dash.
MOJIBAKE = re.compile(
    "[\xc2\xc3][\x80-\xbf]|[\xc4-\xdf][\x80-\x90\x98-\xbf]|"
    "[\xe0-\xef](?![\x91-\x97]{2})[\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}"
)
_CP1252 = {
    ord(bytes([b]).decode("cp1252")): b
    for b in range(0x80, 0xA0)
    if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
# Letters of scripts that stand in no English text; a single Greek one may (α, μ).
FOREIGN = re.compile(
    "[\u0400-\u10ff\u1100-\u18af\u3041-\u3096\u30a1-\u30fa\u3105-\u318e\uac00-\ud7af\uff66-\uff9d]|"
    "[\u0370-\u03ff\u1f00-\u1fff]{3,}|[\uff21-\uff3a\uff41-\uff5a]{2,}"
)
_TABLE = read_toml(Path(__file__).with_name("faults.toml"))
# What speaks of a translation, with the sources that may do so too.
_CHATTER = tuple(
    tuple(
        re.compile(spelt_out(expression, _TABLE["parts"]), re.IGNORECASE)
        for expression in ("|".join(kind["says"]), kind["unless"])
    )
    for kind in _TABLE["chatter"]
)
SPACING = re.compile(
    r"(?<=[\w\"')\]]) (?:[,;!?]|[.:](?![\d.\w)(]))(?=\s|$|[\"'])|\w (?:n't|'s|'re|'ve|'ll)\b"
)
# Moses' hyphens, the quotes of Penn's treebank, brackets apart, blanks of no width, letters apart
# and words run together.
TOKENS = re.compile(
    r"@-@|``|(?<=\s)''|\( (?=\w)|(?<=\w) \)|[\u200b\u2060]|"
    r"(?<!\S)(?:[a-zA-Z] ){3,}[a-z](?!\S)|[a-zA-Z]{32,}"
)
CHINESE_MARKS = re.compile("[，。、；：？！]")
_SPACED = re.compile(r"\s[。，、！？；：,.!?;:]")
_SYLLABLES = re.compile(r"([^\W\d_]{2,4}?)\1{9,}|([^\w\s]\s?)\2{11,}")
_MARKS_TWICE = re.compile(r"([^\w\s])\1")
MARK = re.compile(r"[,;!?.:](?=\s|$|[\"')])")
ENTITY = re.compile(
    r"&(?:[a-z]{2,8}|#\d{1,6}|#x[0-9a-f]{1,6});|"
    r"</?(?:b|i|u|p|a|br|hr|em|strong|span|div|li|ul|ol|td|tr|font|su[bp]|h[1-6])"
    r"(?:\s[\w-]{1,20}=[^<>]{0,80})?\s?/?>|```|\*\*\w[^*\n]{0,80}\*\*",
    re.IGNORECASE,
)


def _plain(text: str) -> str:
    """Letters and digits alone, lower case, compatibility forms folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if c.isalnum())


def han_count(text: str) -> int:
    return len(HAN.findall(text))


def empty(source: str, output: str) -> Finding:
    """No letter and no digit; or the word that programs write for nothing."""
    if not _plain(output):
        return None if EMOJI.search(output) else "nothing came back"
    nothing = output.strip(" .\"'").casefold() in ("null", "none", "nan", "n/a", "undefined", "nil")
    return f"nothing came back but {output.strip()}" if nothing and han_count(source) > 3 else None


def echo(source: str, output: str) -> Finding:
    if not output.strip():
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
    """A phrase of up to 6 words four times in a row, a longer one three times; the same word ten
    times anywhere; a syllable or a mark ten times."""
    found = _SYLLABLES.search(output)
    if found and not _repeats(source, 10) and not _MARKS_TWICE.search(source):
        return f"again and again: {found.group()[:20]}"
    words = re.findall(r"\w+", output.lower())
    if not words or Counter(words).most_common(1)[0][1] < 3:
        return None
    for size in range(1, min(25, len(words) // 3) + 1):
        run, phrase = _longest_run(words, size)
        if run >= (4 if size <= 6 else 3) and not _repeats(source, run):
            return f"{run} times in a row: {' '.join(phrase)}"
    word, count = Counter(words).most_common(1)[0]
    if count >= 10 and count > 0.4 * len(words) and not _repeats(source, count):
        return f"{count} times: {word}"
    return None


def _longest_run(words: Sequence[str], size: int) -> tuple[int, Sequence[str]]:
    """Most consecutive repetitions of a phrase of ``size`` words, and the phrase."""
    best, end, streak = 0, 0, 0
    for i in range(size, len(words)):
        streak = streak + 1 if words[i] == words[i - size] else 0
        if streak // size + 1 > best:
            best, end = streak // size + 1, i + 1
    return best, words[max(0, end - size) : end]


def _repeats(source: str, times: int) -> bool:
    """The source itself says something about as often (哈哈哈哈, a repeated line)."""
    flat = re.sub(r"[\s，。！？、,.!?]", "", source)
    sizes = range(1, min(13, len(flat)))
    return any(_longest_run(flat, size)[0] >= max(3, times // 2) for size in sizes)


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
    if not output.strip() or TARGET_END.search(output):
        return None
    return f"breaks off: …{output.strip()[-30:]}"


def written(value: float) -> str:
    """2024 as it is, 3500000 as 3,500,000; never with an exponent."""
    return f"{value:,.15g}" if value >= 10_000 else f"{value:.15g}"


def numbers(source: str, output: str) -> Finding:
    bare = EMAIL.sub(" ", URL.sub(" ", source))
    lost = missing_values(bare, output)
    return "lost: " + " and ".join(map(written, lost)) if lost else None


def _found(pattern: re.Pattern[str], source: str, output: str, what: str) -> Finding:
    """What the pattern finds in the output and not in the source."""
    source += unicodedata.normalize("NFKC", source)
    new = [hit for hit in dict.fromkeys(pattern.findall(output)) if hit not in source]
    return f"{what}: {' '.join(new[:5])}" if new else None


def unknown(source: str, output: str) -> Finding:
    """An <unk> in the place of an emoji is a lost emoji, not this."""
    found = _found(UNKNOWN, source, output, "no text")
    if found and len(UNKNOWN.findall(output)) <= len(EMOJI.findall(source)):
        found = None
    bytes_of = source.translate(_CP1252), output.translate(_CP1252)
    return found or _found(MOJIBAKE, *bytes_of, "wrongly decoded")


def foreign_script(source: str, output: str) -> Finding:
    return _found(FOREIGN, source, output, "letters of another script")


def chatter(source: str, output: str) -> Finding:
    for pattern, sources in _CHATTER:
        found = pattern.search(output)
        if found and not sources.search(source):
            return f"speaks of itself: {found.group().strip()}"
    return None


def doubled(source: str, output: str) -> Finding:
    """The whole answer again (and again), the last time perhaps in part; the source is not so."""
    words = re.findall(r"\w+", output.casefold())
    again = _border(words)
    whole = again and len(words) - again > 1 and len(words) % (len(words) - again) == 0
    again = max(again, _border(words[:-1]))  # the last word may be cut off
    if not whole and (again < 8 or 5 * again < 3 * (len(words) - again)):
        return None
    bare = _plain(source)
    third = max(1, len(bare) // 3)
    return None if bare.count(bare[:third]) > 1 else "the answer stands there twice"


def _border(words: Sequence[str]) -> int:
    """How many of the first words are the last ones too, at most all but one."""
    borders = [0] * len(words)
    k = 0
    for i in range(1, len(words)):
        while k and words[i] != words[k]:
            k = borders[k - 1]
        k += words[i] == words[k]
        borders[i] = k
    return k


def spacing(source: str, output: str) -> Finding:
    """Tokens that were not put together again: blanks before half of the marks, half of the
    marks in Chinese, what a tokeniser writes."""
    found = SPACING.findall(output)
    if found and 2 * len(found) >= len(MARK.findall(output)) and not _SPACED.search(source):
        return f"blanks before punctuation, {len(found)} times"
    left = CHINESE_MARKS.findall(output)
    if len(left) > 1 and len(left) >= len(MARK.findall(output)):
        return f"marks of Chinese: {' '.join(left[:5])}"
    return _found(TOKENS, source, EMAIL.sub(" ", URL.sub(" ", output)), "tokens left")


def entities(source: str, output: str) -> Finding:
    return _found(ENTITY, source, output, "markup")


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
    Fault("spacing", "blanks before marks, tokens, or marks of Chinese are left", _always, spacing),
    Fault("entities", "HTML entities or tags are left", _always, entities),
)  # fmt: skip


def examine(source: str, output: str, faults: Sequence[Fault] = FAULTS) -> dict[str, str]:
    """Every fault of one output: name of the fault → what is wrong."""
    found = {fault.name: fault.find(source, output) for fault in faults if fault.applies(source)}
    return {name: finding for name, finding in found.items() if finding}
