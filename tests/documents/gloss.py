"""A translator whose every answer and alignment can be read off its source."""

from __future__ import annotations

import re
from collections.abc import Sequence

from csanmt.protected.finder import is_point
from csanmt.translator import DecodingOptions, Hypothesis, ShouldStop, Translation
from tests.stub_translator import StubTranslator

WORDS = {
    "你": "you", "好": "good", "我": "I", "爱": "love", "红": "red", "色": "colour", "的": "of",
    "车": "car", "请": "please", "看": "see", "这": "this", "里": "here", "书": "book", "一": "one",
    "二": "two", "三": "three", "人": "person", "大": "big", "小": "small", "水": "water",
    "山": "hill", "名": "name", "字": "word", "页": "page", "第": "number", "章": "chapter",
    "。": ".", "，": ",",
}  # fmt: skip
# As every translator, it leaves a placeholder whole, and what stands between two words where it is.
_UNIT = re.compile(
    "\\{[^{}⺀-鿿]*\\}|[⺀-鿿\U00100000-\U0010efff]|[^⺀-鿿\U00100000-\U0010efff\\s]+"
)


class GlossTranslator(StubTranslator):
    """Each Chinese character becomes one English word, in order; the rest is copied."""

    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions = DecodingOptions(),
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation]:
        self.calls.append(list(sources))
        return [Translation(source, (gloss(source),), len(source)) for source in sources]


def gloss(source: str) -> Hypothesis:
    text, pairs = "", []
    for unit in _UNIT.finditer(source):
        word = WORDS.get(unit[0], "x" if "⺀" <= unit[0] <= "鿿" else unit[0])
        gap = " " if text and word[0] not in ".,!?;:" and not is_point(word[0]) else ""
        start = len(text) + len(gap)
        text += gap + word
        pairs.append((unit.span(), (start, len(text))))
    return Hypothesis(text, -0.1, len(pairs), False, tuple(pairs))
