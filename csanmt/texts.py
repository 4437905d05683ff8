"""Texts of any length through a translator of sentences, their layout kept.

A text is cut into sentences, sentences too long for the model are cut into
clauses, everything is translated in one call, and the answers are set into the
original layout. Whatever happened to a sentence is said in its ``SegmentTranslation``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from csanmt.clauses import as_part
from csanmt.protected.texts import cut_text
from csanmt.segmentation import Segment, join_with_spans, segment, split_long
from csanmt.translator import (
    DecodingOptions,
    Hypothesis,
    ShouldStop,
    Translation,
    Translator,
    own_decoding,
)

# The longest sentence, in source tokens, that goes to the model in one piece.
DEFAULT_MAX_TOKENS = 128
MOST_FOREIGN = 0.4  # share of kana and hangul up to which a sentence counts as Chinese
CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class SegmentTranslation:
    """What became of one piece of a text.

    Attributes:
        source_span, target_span: half-open character ranges in the text and in its translation.
        translation: the hypotheses; their alignments count from the spans' starts.
        split: the piece is part of a sentence that was too long for the model.
        copied: nothing to translate here (no letter of the source language): kept as it was.
    """

    source_span: tuple[int, int]
    target_span: tuple[int, int]
    translation: Translation
    split: bool = False
    copied: bool = False

    @property
    def truncated(self) -> bool:
        """The decoder ran into its length limit, so the end may be missing."""
        return self.translation.truncated


@dataclass(frozen=True, slots=True)
class TextTranslation:
    """One text and its translation.

    Attributes:
        text: the best translation.
        alternatives: the texts made of the first, second, … best hypothesis of every
            sentence; ``n_best`` of them, the first is ``text``.
        segments: in order.
        spans: of each alternative, where its segments stand in it.
    """

    source: str
    text: str
    segments: tuple[SegmentTranslation, ...]
    alternatives: tuple[str, ...]
    spans: tuple[tuple[tuple[int, int], ...], ...] = ()

    @property
    def source_tokens(self) -> int:
        return sum(s.translation.source_tokens for s in self.segments)

    @property
    def split(self) -> bool:
        """Some sentence was too long and was translated in pieces."""
        return any(s.split for s in self.segments)

    @property
    def truncated(self) -> bool:
        """Some sentence's translation ran into the length limit."""
        return any(s.truncated for s in self.segments)


def translate_texts(
    translator: Translator,
    texts: Sequence[str],
    options: DecodingOptions | None = None,
    *,
    max_tokens: int | None = None,
    should_stop: ShouldStop | None = None,
) -> list[TextTranslation]:
    """Translate whole texts; each distinct sentence is translated once.

    Args:
        texts: a bare string counts as one.
        options: by default the translator's own.
        max_tokens: sentences of more source tokens are cut into pieces that fit; None takes the
            model's own limit, or ``DEFAULT_MAX_TOKENS``.

    Raises:
        CancelledError: ``should_stop`` answered true.
    """
    texts = [texts] if isinstance(texts, str) else texts
    options = options or own_decoding(translator)
    language = translator.source_language
    max_tokens = max_tokens or translator.max_source_tokens or DEFAULT_MAX_TOKENS
    plans = [
        pieces(text, translator.count_tokens, max_tokens, protect=options.protect) for text in texts
    ]
    wanted = [piece.text for plan in plans for piece in plan]
    sentences = [text for text in dict.fromkeys(wanted) if translatable(text, language)]
    answers = translator.translate(sentences, options, should_stop=should_stop) if sentences else []
    found = dict(zip(sentences, answers, strict=True))
    return [
        assemble(text, plan, found, options.n_best, translator.target_language)
        for text, plan in zip(texts, plans, strict=True)
    ]


def pieces(
    text: str,
    count_tokens: CountTokens,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    *,
    whole: bool = False,
    protect: tuple[str, ...] = (),
) -> list[Segment]:
    """The sentences of ``text``, those of more than ``max_tokens`` source tokens cut up.

    Put together they are the text; one is empty only if the text is blank.

    Args:
        whole: the text is one sentence, whatever punctuation it holds.
        protect: strings that are never cut, besides what ``csanmt.protected`` finds.
    """

    def fits(part: str) -> bool:
        # No tokenizer here makes more than one token of a byte (and one of the start).
        short = len(part.encode("utf-8", "surrogatepass")) < max_tokens
        return short or count_tokens(part) <= max_tokens

    def cut(part: str) -> list[Segment]:
        found = segment(part, whole=whole)
        return [p for s in found for p in ([s] if fits(s.text) else _split(s, fits))]

    return cut_text(text, cut, protect)


def _split(sentence: Segment, fits: Callable[[str], bool]) -> list[Segment]:
    parts = split_long(sentence.text, fits)
    split = len(parts) > 1
    moved = [replace(p, start=p.start + sentence.start, split=split) for p in parts]
    moved[0] = replace(moved[0], before=sentence.before + moved[0].before)
    moved[-1] = replace(moved[-1], after=moved[-1].after + sentence.after)
    return moved


def translatable(sentence: str, language: str) -> bool:
    """The sentence holds something of the source language, and is not surely in another.

    Chinese and Japanese have scripts of their own, so a line of code, a number or
    an address within such a text is kept as it is; and Japanese or Korean, which the
    kana or hangul in it tell, within Chinese. Elsewhere any letter counts.
    """
    if language not in ("zh", "ja"):
        return any(c.isalpha() for c in sentence)
    scripts = [script for c in sentence if (script := _script(c))]
    if language == "ja":
        return any(script != "HANGUL" for script in scripts)
    foreign = sum(script not in ("CJK", "BOPOMOFO") for script in scripts)
    return foreign < len(scripts) and foreign <= MOST_FOREIGN * len(scripts)


@lru_cache(maxsize=8192)
def _script(character: str) -> str:
    """Of an East Asian letter or sign; empty of others."""
    if character < "ᄀ" or unicodedata.category(character)[0] not in "LN":
        return ""
    script = unicodedata.name(character, "").partition(" ")[0]
    return script if script in ("CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "HANGUL") else ""


def assemble(
    text: str,
    segments: Sequence[Segment],
    found: Mapping[str, Translation],
    n_best: int,
    language: str,
) -> TextTranslation:
    """Set translations into the layout of a text.

    Args:
        segments: the text's ``pieces``; none if it is blank.
        found: of its sentences; one that is not there is kept as it was.
        language: of the translation.
    """
    kept = [part_of(segments, k, found, language) for k in range(len(segments))]
    alternatives, spans = [], []
    for rank in range(n_best):
        texts = [t.ranked(rank).text for t in kept]
        joined, places = join_with_spans(segments, texts, language) if segments else (text, [])
        alternatives.append(joined)
        spans.append(tuple(places))
    results = tuple(
        SegmentTranslation((s.start, s.end), span, translation, s.split, s.text not in found)
        for s, span, translation in zip(segments, spans[0], kept, strict=True)
    )
    return TextTranslation(text, alternatives[0], results, tuple(alternatives), tuple(spans))


def part_of(
    segments: Sequence[Segment], index: int, found: Mapping[str, Translation], language: str
) -> Translation:
    """What segment ``index`` becomes in the translation of the whole; itself if not ``found``."""
    text = segments[index].text
    if (translation := found.get(text)) is None:
        return Translation(text, (Hypothesis(text, 0.0),), 0)
    return as_part(translation, segments, index, language)
