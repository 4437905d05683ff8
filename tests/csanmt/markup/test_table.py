"""The markup table: every case with a word-for-word stub and with the shipped model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from csanmt.documents.formats import PARSERS
from csanmt.loading import load_translator
from csanmt.markup import is_atom, translate_documents
from csanmt.markup.tokens import TokenKind, tokenize
from csanmt.protected.finder import is_point
from csanmt.text_translator import TextTranslator
from csanmt.translator import DecodingOptions, Hypothesis, Translation

CASES = yaml.safe_load((Path(__file__).parent / "table.yaml").read_text(encoding="utf-8"))
SHIPPED = Path(__file__).parents[3] / "model_store" / "default"
WORDS = {
    "我": "I",
    "喜欢": "like",
    "苹果": "apples",
    "车": "car",
    "红": "red",
    "快": "fast",
    "和": "and",
    "。": ".",
}


class WordForWord:
    """Translates word for word, a colour behind its thing, with the alignment of that."""

    model_tag, source_language, target_language = "stub:v0.0.0", "zh", "en"
    max_source_tokens = None

    def count_tokens(self, text: str) -> int:
        return len(text)

    def translate(self, sources, options=DecodingOptions(), *, should_stop=None):
        return [self._one(source) for source in sources]

    def _one(self, source: str) -> Translation:
        pieces, at = [], 0
        while at < len(source):
            word = next((w for w in WORDS if source.startswith(w, at)), source[at])
            if not word.isspace():
                pieces.append((WORDS.get(word, word), at, at + len(word)))
            at += len(word)
        for i in reversed(range(len(pieces) - 1)):
            if pieces[i][0] == "red":
                pieces[i], pieces[i + 1] = pieces[i + 1], pieces[i]
        text, pairs, previous = "", [], -1
        for word, start, end in pieces:
            strange = word not in WORDS.values() and word.isascii()
            glued = word == "." or (strange and previous == start) or is_point(word)
            text += " " if text and not glued else ""
            pairs.append(((start, end), (len(text), len(text) + len(word))))
            text, previous = text + word, end if strange else -1
        return Translation(source, (Hypothesis(text, 0.0, alignment=tuple(pairs)),), 1)


def tags(source: str, xml: bool) -> Counter:
    kinds = (TokenKind.TEXT, TokenKind.CDATA)
    return Counter(t.raw for t in tokenize(source, xml=xml) if t.kind not in kinds)


def check(case: dict, result: str) -> None:
    xml = case["format"] == "xml"
    if case["format"] != "markdown":
        assert tags(result, xml) == tags(case["source"], xml)
    assert not any(map(is_atom, result))


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 40
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_word_for_word(case: dict) -> None:
    (result,) = translate_documents(WordForWord(), [PARSERS[case["format"]](case["source"])])
    check(case, result)
    if not case.get("tags_only"):
        assert result == case["expect"]


@pytest.fixture(scope="module")
def shipped() -> TextTranslator:
    return load_translator(SHIPPED)


def test_with_the_shipped_model(shipped: TextTranslator) -> None:
    documents = [PARSERS[case["format"]](case["source"]) for case in CASES]
    for case, result in zip(CASES, translate_documents(shipped, documents), strict=True):
        check(case, result)
        for part in case.get("model", ()):
            assert part in result, (case["name"], result)
