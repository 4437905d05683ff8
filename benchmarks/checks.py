"""What the gate checks on every output: one table.

The faults that the running service counts too are ``csanmt.faults``; here are those that
need no counting there (what must stand in the output as it stands in the source) and those
that only a reference shows.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from csanmt.faults import EMAIL, EMOJI, FAULTS, SENTENCE_END, URL, Fault, Finding, han_count
from csanmt.negation import changed_negation, count_negations, denials, negated
from csanmt.tables import read_toml

PLACEHOLDER = re.compile(r"\{\{?\w+\}?\}|%\(\w+\)[sd]|%\d*\$?[sd]|</?\w[^<>]*>|\$\{\w+\}", re.ASCII)
PERCENTAGE = re.compile(r"(\d+(?:[.,]\d+)*)\s*(?:%|per ?cent)", re.IGNORECASE)
CODE = re.compile(r"`[^`\n]+`")
LATIN = re.compile(
    r"(?<![\w@./:<{%$`-])[A-Za-z][A-Za-z0-9+#-]*[A-Za-z0-9+#](?![\w@./:>}`-])", re.ASCII
)
# A label and a colon; not "he said:" before a quotation, which English may move.
LABEL = re.compile(
    r"\s*[^\s：:，。、“”\d]{1,6}(?<![说道称问答示实如出为现调即明])[：:](?!\s*[“\"「//])"
)
SENTENCE = re.compile(r"[.!?。！？…；;]+(?=[\"'”’)」』）]*(?:\s|$|[^\W\da-zA-Z]))")
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{3,}")
_ENGLISH = read_toml(Path(__file__).parent / "english.toml")
NO_NAMES = frozenset(_ENGLISH["not_names"])
TWICE = frozenset(_ENGLISH["twice"])  # words that English says twice
HAN_TWICE = re.compile(r"([\u4e00-\u9fff]{1,6})\W{0,2}\1")
MARKS = re.compile(r"(?<![.…])\.\.(?!\.)|,,|[,;?!]\.(?!\.)|[,;]$")
UNITS = [(re.compile(rf"[\d一二两三四五六七八九十百千万亿几半]\s?多?个?(?:{source})"),
          re.compile(english, re.IGNORECASE))
         for source, english in _ENGLISH["units"].items()]  # fmt: skip
_OPENERS = {"(": ")", "[": "]", "{": "}"}


def _verbatim(pattern: re.Pattern[str], source: str, output: str) -> Finding:
    """Everything the pattern finds in the source must stand in the output, as often."""
    wanted = Counter(m.rstrip(".,;:!?)") for m in pattern.findall(source))
    lost = [text for text, n in wanted.items() if output.count(text) < n]
    return "lost: " + " ".join(lost) if lost else None


def latin(source: str, output: str) -> Finding:
    """A name: three letters or more, not all small (ta, thx). Written together or apart."""
    bare = EMAIL.sub(" ", URL.sub(" ", PLACEHOLDER.sub(" ", source)))
    wanted = {word for word in LATIN.findall(bare) if len(word) > 2 and word != word.lower()}
    lowered, joined = output.casefold(), _joined(output)
    lost = [
        word
        for word in sorted(wanted)
        if word.casefold() not in lowered
        and not (len(_joined(word)) > 2 and _joined(word) in joined)
    ]
    return "lost: " + " ".join(lost) if lost else None


def _joined(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def percent(source: str, output: str) -> Finding:
    """Each percentage with its own number, or spelled: a loop of "160% of the 164%" keeps none."""
    wanted, there = (
        Counter(number.replace(",", "") for number in PERCENTAGE.findall(text))
        for text in (unicodedata.normalize("NFKC", source), unicodedata.normalize("NFKC", output))
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


def repetition(source: str, output: str) -> Finding:
    """The same words twice running: "the the", "in the end in the end"."""
    words = re.findall(r"[^\W_]+(?:['’-]\w+)*", output.casefold())
    for size in range(min(25, len(words) // 2), 0, -1):
        for i in range(len(words) - 2 * size + 1):
            phrase = words[i : i + size]
            if phrase != words[i + size : i + 2 * size] or TWICE.issuperset(phrase):
                continue
            if size > 2 or ("".join(phrase).isalpha() and not HAN_TWICE.search(source)):
                return f"twice running: {' '.join(phrase)}"
    return None


def case(source: str, output: str, _reference: str | None) -> Finding:
    words = WORD.findall(output)
    if len(words) < 4 or not han_count(source[:1]):
        return None
    if output[0].islower() and words[0] not in source:
        return f"begins with a small letter: {words[0]}"
    capital = all(word[0].isupper() or word[0].isdigit() for word in words)
    return "capitals throughout" if capital and SENTENCE_END.search(source) else None


def punctuation(source: str, output: str) -> Finding:
    """A question without its mark, marks twice, quotes that do not match or that are new."""
    if source.rstrip("”’」』）\"' ").endswith(("？", "?")) and "?" not in output:
        return "no question mark"
    if (found := MARKS.search(output)) and found.group() not in unicodedata.normalize(
        "NFKC", source
    ):
        return f"marks: {found.group()}"
    if _quoted(output) and not _quoted(source):
        return "quotes do not match"
    around = output[:1] == output.rstrip()[-1:] == '"' and output.count('"') == 2
    return "quotes around it" if around and not re.search("[\"'“‘「『《〈]", source) else None


def _quoted(text: str) -> bool:
    """Whether a quotation in it lacks its beginning or its end."""
    return bool(len(re.findall(r'(?<!\d)["“”„]', text)) % 2)


def units(source: str, output: str) -> Finding:
    lost = [found[0] for unit, english in UNITS
            if (found := unit.search(source)) and not english.search(output)]  # fmt: skip
    return f"lost: {' '.join(lost)}" if lost else None


def prefix(source: str, output: str) -> Finding:
    """姓名：张三 keeps a label and a colon."""
    found = LABEL.match(source)
    if not found or ":" in output or "：" in output:
        return None
    return f"lost the label {found.group().strip()}"


@dataclass(frozen=True, slots=True)
class Check:
    """A fault that the gate counts.

    Attributes:
        applies: of (source, reference or None): whether an output can show it; rates are over
            these sentences.
        find: of (source, output, reference or None): what is wrong, or None.
    """

    name: str
    about: str
    applies: Callable[[str, str | None], bool]
    find: Callable[[str, str, str | None], Finding]


def _of_source(fault: Fault) -> Check:
    return Check(
        fault.name, fault.about, lambda s, _: fault.applies(s), lambda s, o, _: fault.find(s, o)
    )


def _verbatim_check(name: str, about: str, pattern: re.Pattern[str]) -> Check:
    return _of_source(
        Fault(name, about, lambda s: bool(pattern.search(s)), lambda s, o: _verbatim(pattern, s, o))
    )


def negation(source: str, output: str, reference: str | None) -> Finding:
    """By the source where that is plain, else by the reference."""
    found = changed_negation(source, output)
    if found or reference is None:
        return found
    (wanted, theirs), (there, ours) = denials(reference), denials(output)
    plain = count_negations(source)
    if there < wanted and ours <= theirs and plain and (not there or plain >= wanted):
        return "a negation of source and reference is lost"
    if not wanted and not theirs and there and negated(source) is not True:
        return "negated, which the reference is not"
    return None


def omission(source: str, output: str, reference: str | None) -> Finding:
    wanted, there = _word_count(reference), _word_count(output)
    return f"{there} words for {wanted} of the reference" if there < 0.58 * wanted else None


def addition(source: str, output: str, reference: str | None) -> Finding:
    """A sentence more than source and reference have, or more than twice the words (a reference
    may leave out what the source says: 7 words for 10 characters are as good)."""
    wanted, there = max(_word_count(reference), int(0.7 * han_count(source))), _word_count(output)
    sentences = len(SENTENCE.findall(output))
    more = sentences > max(len(SENTENCE.findall(text or "")) for text in (source, reference))
    if there <= (1.5 * wanted + 3 if more else 2.2 * wanted + 8):
        return None
    return f"{there} words where {wanted} would do"


def unrelated(source: str, output: str, reference: str | None) -> Finding:
    """Not one longer word (by its first four letters) in common with the reference."""
    shared = _stems(output) & _stems(reference)
    return None if shared or not output.strip() else "no word in common with the reference"


def names(source: str, output: str, reference: str | None) -> Finding:
    joined = _joined(output)
    lost = [name for name in reference_names(reference) if name.casefold()[:5] not in joined]
    if len(lost) > 2 and "".join(name[0] for name in lost) in output:  # TSMC
        return None
    return f"lost: {' '.join(lost)}" if lost else None


def _word_count(text: str | None) -> int:
    return len(WORD.findall(text or ""))


def _stems(text: str | None) -> set[str]:
    return {word[:4].casefold() for word in WORD.findall(text or "") if len(word) >= 4}


def reference_names(text: str | None) -> list[str]:
    """Capitalised words inside sentences, other than those that are always so written."""
    return [name for name in dict.fromkeys(NAME.findall(text or "")) if name not in NO_NAMES]


def _with_reference(
    name: str, about: str, needs: Callable[[str], bool], find: Callable[..., Finding]
) -> Check:
    return Check(name, about, lambda _, r: r is not None and needs(r), find)


CHECKS: tuple[Check, ...] = (
    *(_of_source(fault) for fault in FAULTS if fault.name != "negation"),
    Check("negation", "a negation is lost or added", lambda s, r: True, negation),
    _of_source(Fault("percent", "a percentage lost its sign",
                     lambda s: bool(re.search(r"\d\s*[%％]", s)), percent)),
    _of_source(Fault("latin", "a Latin word of the source is lost",
                     lambda s: bool(LATIN.search(s)), latin)),
    _verbatim_check("url", "a URL is lost or changed", URL),
    _verbatim_check("email", "an e-mail address is lost or changed", EMAIL),
    _verbatim_check("placeholder", "a placeholder or tag is lost or changed", PLACEHOLDER),
    _verbatim_check("code", "code between backquotes is lost or changed", CODE),
    _verbatim_check("emoji", "an emoji is lost", EMOJI),
    _of_source(Fault("brackets", "brackets do not match",
                     lambda s: any(c in s for c in "()[]{}（）【】［］｛｝"), brackets)),
    _of_source(Fault("lines", "line breaks are lost or added", lambda s: True, lines)),
    _of_source(Fault("repetition", "words stand there twice running", lambda s: True, repetition)),
    _of_source(Fault("punctuation", "marks are lost, doubled or do not match",
                     lambda s: True, punctuation)),
    _of_source(Fault("units", "a unit or a currency became another",
                     lambda s: any(unit.search(s) for unit, _ in UNITS), units)),
    _of_source(Fault("prefix", "a label such as 姓名： is lost",
                     lambda s: bool(LABEL.match(s)), prefix)),
    _with_reference("case", "small or capital letters where they do not belong",
                    lambda r: not r[:1].islower(), case),
    _with_reference("omission", "much shorter than the reference",
                    lambda r: _word_count(r) >= 12, omission),
    _with_reference("addition", "much longer than the reference",
                    lambda r: _word_count(r) >= 6, addition),
    _with_reference("unrelated", "no word in common with the reference",
                    lambda r: len(_stems(r)) >= 4, unrelated),
    _with_reference("names", "a name of the reference is not there",
                    lambda r: bool(reference_names(r)), names),
)  # fmt: skip
CHECK_NAMES = tuple(check.name for check in CHECKS)


def examine(source: str, output: str, reference: str | None = None) -> dict[str, str]:
    """Every fault of one output: name of the check → what is wrong."""
    found = {
        check.name: check.find(source, output, reference)
        for check in CHECKS
        if check.applies(source, reference)
    }
    return {name: finding for name, finding in found.items() if finding}
