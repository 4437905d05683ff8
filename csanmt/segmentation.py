"""Cut text into sentences and put it together again without losing a character.

``segment`` keeps the layout (white space, line breaks, indentation) beside every
sentence, so that ``"".join(s.before + s.text + s.after)`` is the text itself.
``join_with_spans`` puts other sentences into the same layout. ``split_long`` cuts one
sentence that is too long for a model at the best place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

# Languages written without spaces between sentences.
UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "km", "my", "bo"})

LINE_BREAK = re.compile("\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_TERMINATORS = "。！？；…｡⁇⁈⁉‼।؟۔!?"
_CLOSERS = "」』”’）】》〉〕］｝\"')]}>»›"
_TAIL = re.escape(_TERMINATORS + _CLOSERS)
_ENDING = re.compile(f"(?:[{re.escape(_TERMINATORS)}]|\\.{{3,}})(?:[{_TAIL}]|\\.{{3,}})*")
_STOP = re.compile(f"\\.[{re.escape(_CLOSERS)}]*")
_OPEN = {"「": "」", "『": "』", "“": "”", "‘": "’", "（": "）", "(": ")", "【": "】",
         "《": "》", "〈": "〉", "〔": "〕", "[": "]", "［": "］", "{": "}"}  # fmt: skip
_LONGEST_WORD = 40  # a longer run of letters is cut inside
_QUOTED_AT_MOST = 100  # a longer quotation is cut inside
# After a closing quote these go on with the same sentence.
_CONTINUATION = "，、：,:;；的地得"
_ABBREVIATION_LIST = (
    "mr mrs ms dr prof st sr jr vs etc e.g i.e no fig eq al inc ltd co corp dept est approx "
    "vol pp ed eds gen col lt sgt rev hon jan feb mar apr jun jul aug sep sept oct nov dec"
)
_ABBREVIATIONS = frozenset(_ABBREVIATION_LIST.split())
# Of these none ends a sentence, Chinese or not.
_NEVER_LAST_LIST = "mr mrs ms dr prof st vs e.g i.e no fig eq gen col lt sgt rev hon"
_NEVER_LAST = frozenset(_NEVER_LAST_LIST.split())
# Who speaks, right behind what is said: “真的吗？”他问。
_SPEAKER = re.compile(
    r"[^\s，。！？；：、“”「」『』]{0,8}?(?:说|问|道|喊|叫|答|想|笑道|回答|嚷)[道着了]?[，。：！？,.:]"
)
_ITEM_NUMBER = re.compile(r"[。！？；]\s*\d{1,3}\Z")
_QUOTES = {"”": "“", "」": "「", "』": "『"}
_WORD_BEFORE = re.compile(r"[A-Za-z][A-Za-z.]*\Z")
# Best place first: after a semicolon, colon or dash, a comma, an item of a list, at a space; but
# not within 1,250 or 14:35.
_CLAUSE_ENDS = (
    re.compile(r"[;；：—]+|:(?!\d)"),
    re.compile(r"[，،]|,(?!\d)"),
    re.compile("、"),
    re.compile(r"\s+"),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One sentence and the layout around it.

    Attributes:
        before: layout at the very start; empty for all but the first segment.
        text: the sentence, no white space at its ends; empty only if the whole text is blank.
        after: white space up to the next sentence.
        start: offset of ``text`` in the whole.
        split: ``text`` is part of a sentence that was too long for the model.
    """

    before: str
    text: str
    after: str
    start: int
    split: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def segment(text: str, *, whole: bool = False) -> list[Segment]:
    """Sentences of ``text`` in order; concatenating their parts gives ``text`` back.

    Args:
        whole: it is one sentence, whatever punctuation it holds.
    """
    sentences = (span for line in _lines(text) for span in _sentences(text, *line))
    return _as_segments(text, [(0, len(text))] if whole else sentences) if text else []


def join_with_spans(
    segments: Sequence[Segment], texts: Sequence[str], language: str
) -> tuple[str, list[tuple[int, int]]]:
    """The layout of ``segments`` around ``texts`` (one each), as ``language`` spaces sentences,
    and where each of ``texts`` went."""
    parts, spans, offset = list[str](), list[tuple[int, int]](), 0
    for i, (piece, text) in enumerate(zip(segments, texts, strict=True)):
        gap = piece.after
        if i + 1 < len(segments):
            kept = (text, texts[i + 1]) == (piece.text, segments[i + 1].text)
            gap = gap if kept else _gap(gap, text, texts[i + 1], language)
        start = offset + len(piece.before)
        spans.append((start, start + len(text)))
        parts += [piece.before, text, gap]
        offset = start + len(text) + len(gap)
    return "".join(parts), spans


def _gap(gap: str, left: str, right: str, language: str) -> str:
    """White space between two sentences of one line, as the language wants it."""
    if not left or not right:
        return gap
    if language in UNSPACED_LANGUAGES:
        wide = unicodedata.east_asian_width(left[-1]) in "WF"
        return "" if gap == " " and wide else gap
    return gap or " "


def _lines(text: str) -> Iterator[tuple[int, int]]:
    breaks = [found.span() for found in LINE_BREAK.finditer(text)]
    return zip([0, *(end for _, end in breaks)], [*(a for a, _ in breaks), len(text)], strict=True)


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of the sentences of the line ``text[start:end]``."""
    cuts = [start + cut for cut in _boundaries(text[start:end])]
    return zip([start, *cuts], [*cuts, end], strict=True)


def _boundaries(line: str) -> list[int]:
    """Offsets in ``line`` where a sentence ends, in order, the line's end left out."""
    ends = {m.end() for m in _ENDING.finditer(line) if _ends_wide(line, m)}
    ends |= {m.end() for m in _STOP.finditer(line) if _ends_stop(line, m)}
    ends.discard(len(line))
    if not ends:  # most texts are one sentence
        return []
    inside = _inside(line)
    return _with_words(line, sorted(cut for cut in ends if not inside[cut]))


def _with_words(line: str, cuts: Sequence[int]) -> list[int]:
    """The cuts without those that leave punctuation alone before them: ……好吧。"""
    kept: list[int] = []
    last, worded = 0, False
    for cut in cuts:
        worded = worded or any(unicodedata.category(c)[0] not in "PZ" for c in line[last:cut])
        last = cut
        if worded:
            kept.append(cut)
            worded = False
    return kept


def _ends_wide(line: str, found: re.Match[str]) -> bool:
    """A run like ``。」`` or ``?!`` ends a sentence here."""
    following = line[found.end() : found.end() + 1]
    if following and following in _CONTINUATION:
        return False
    run = found.group()
    if run[-1] in _QUOTES and _goes_on_after_quote(line, found):
        return False
    if all(c in "!?." or c in _CLOSERS for c in run):  # ASCII: only before a space or Han
        return not following or following.isspace() or _is_wide(following)
    return True


def _goes_on_after_quote(line: str, found: re.Match[str]) -> bool:
    """The sentence goes on: it quotes a word or two, or says who spoke."""
    end = found.end()
    if _SPEAKER.match(line, end, end + 12):
        return True
    opening = line.rfind(_QUOTES[line[end - 1]], max(0, end - _QUOTED_AT_MOST), end)
    word = opening > 0 and _is_word(line[opening - 1])
    return word and _is_word(line[end : end + 1])


def _is_word(character: str) -> bool:
    return bool(character) and character.isalnum()


def _ends_stop(line: str, found: re.Match[str]) -> bool:
    """A full stop ends a sentence here: not a decimal point, abbreviation or ellipsis."""
    at = found.start()
    # A window is enough and keeps a line of a million full stops linear.
    before, after = line[max(0, at - 24) : at], line[found.end() : found.end() + 24]
    if not before or before[-1] == "." or line[at + 1 : at + 2] == ".":
        return False
    if after and not after[0].isspace():
        return found.end() == at + 1 and _is_wide(before[-1]) and _is_wide(after[0])
    word = _WORD_BEFORE.search(before)
    if word and (word.group().lower() in _ABBREVIATIONS or len(word.group()) == 1):
        return _is_wide(after.lstrip()[:1]) and word.group().lower() not in _NEVER_LAST
    if at < 8 and before[-1].isdigit() and not before.strip(" 0123456789."):
        return False  # "1. " numbers an item
    if _ITEM_NUMBER.search(before):
        return False
    return not after.lstrip()[:1].islower()


def _is_wide(character: str) -> bool:
    return bool(character) and unicodedata.east_asian_width(character) in "WF"


def _inside(line: str) -> bytearray:
    """Of each offset whether it is within a pair of brackets or quotes, where no sentence ends."""
    inside = bytearray(len(line) + 1)
    stack: list[tuple[str, int]] = []
    for i, character in enumerate(line):
        if character in _OPEN:
            stack.append((_OPEN[character], i))
            continue
        while stack and i - stack[0][1] > _QUOTED_AT_MOST:
            stack.pop(0)
        for depth in range(len(stack) - 1, -1, -1):
            if stack[depth][0] == character:
                start = stack[depth][1] + 1
                inside[start : i + 1] = b"\1" * (i + 1 - start)
                del stack[depth:]
                break
    return inside


def split_long(text: str, fits: Callable[[str], bool]) -> list[Segment]:
    """Cut one sentence into pieces that all fit, as evenly and as naturally as possible.

    A piece ends at a clause's end near its middle if there is one, else at a comma,
    else at a space, else between two characters. A single character always counts
    as fitting.
    """
    pieces, todo = [], [(0, len(text))]
    while todo:
        low, high = todo.pop()
        part = text[low:high]
        if len(part) <= 1 or fits(part):
            pieces.append((low, high))
            continue
        cut = low + _best_cut(part)
        todo += [(cut, high), (low, cut)]
    return _as_segments(text, pieces)


def _best_cut(part: str) -> int:
    middle, reach = len(part) / 2, len(part) / 3
    inside = _inside(part)
    clauses = [[m.end() for m in c.finditer(part)] for c in _CLAUSE_ENDS]
    free = [[o for o in offsets if not inside[o]] for offsets in clauses]
    for offsets in [_boundaries(part), *free, *clauses]:
        near = [o for o in offsets if 0 < o < len(part) and abs(o - middle) <= reach]
        if near:
            return min(near, key=lambda o: abs(o - middle))
    cut = max(1, len(part) // 2)
    # Not before a combining mark, a joiner or a variation selector.
    latest = min(len(part) - 1, cut + _LONGEST_WORD)
    for offset in range(cut, latest):
        if not _clings(part[offset - 1], part[offset]):
            return offset
    return cut


def _clings(left: str, right: str) -> bool:
    joined = "\u200d" in (left, right) or unicodedata.category(right) in ("Mn", "Mc", "Me", "Sk")
    return joined or (left.isascii() and left.isalnum() and right.isascii() and right.isalnum())


def _as_segments(text: str, spans: Iterable[tuple[int, int]]) -> list[Segment]:
    """A segment of each span that is not blank, white space at its ends left out."""
    cores = []
    for low, high in spans:
        part = text[low:high]
        if bare := part.strip():
            first = low + len(part) - len(part.lstrip())
            cores.append((first, first + len(bare)))
    if not cores:
        return [Segment(text, "", "", len(text))]
    ends = [first for first, _ in cores[1:]] + [len(text)]
    befores = [text[: cores[0][0]]] + [""] * (len(cores) - 1)
    return [
        Segment(before, text[start:end], text[end:following], start)
        for before, (start, end), following in zip(befores, cores, ends, strict=True)
    ]
