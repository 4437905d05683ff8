"""With copy tokens every piece comes back from any model, even one that says nothing sensible."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from csanmt.documents.strings import PARSERS
from csanmt.engine.packing import pack
from csanmt.loading import load_translator
from csanmt.markup import translate_documents
from csanmt.protected.families import FAMILIES
from csanmt.text_translator import TextTranslator
from csanmt.tokenization_copy import NAMES
from csanmt.translator import DecodingOptions
from tests.fixtures_tiny import tiny_model_dir

EXAMPLES = [example for family in FAMILIES for example in family.examples]
WORDS = ["今天", "天气", "很好", "我们", "公司", "学习", "中国", "北京", "，", "明天", "喜欢"]


@pytest.fixture(scope="module", params=["native", "torch"])
def copying(request, tmp_path_factory: pytest.TempPathFactory) -> TextTranslator:
    """Random weights: nothing but the search's constraint brings a piece back."""
    directory: Path = tiny_model_dir(tmp_path_factory.mktemp("copying"), copy_tokens=NAMES)
    if request.param == "native":
        pack(directory, directory / "engine.bin")
    return load_translator(directory, engine=request.param)


def sentences(count: int, most: int, seed: int) -> list[tuple[str, list[str]]]:
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        pieces = [chance.choice(EXAMPLES) for _ in range(chance.randint(1, most))]
        parts = [word for piece in pieces for word in (chance.choice(WORDS[:8]), f" {piece} ")]
        found.append(("".join([*parts, "很好。"]), pieces))
    return found


@pytest.mark.parametrize("most", [1, 8, 16, 40])
def test_every_piece_comes_back_once(copying: TextTranslator, most: int) -> None:
    cases = sentences(8, most, seed=most)
    options = DecodingOptions(beam=2, max_length=30)
    answers = copying.translate([source for source, _ in cases], options)
    for (source, pieces), answer in zip(cases, answers, strict=True):
        for piece in Counter(pieces):
            assert answer.text.count(piece) == source.count(piece), (source, answer.text)
        assert answer.cut == (len(pieces) > len(NAMES))


def test_pieces_are_aligned_with_themselves_and_batches_change_nothing(
    copying: TextTranslator,
) -> None:
    sources = [source for source, _ in sentences(6, 4, seed=5)]
    options = DecodingOptions(beam=2, max_length=30, alignment=True)
    together = copying.translate(sources, options)
    assert together == [copying.translate([source], options)[0] for source in sources]
    for answer in together:
        (best,) = answer.hypotheses
        for (a, b), (c, d) in best.alignment or ():
            if best.text[c:d] in EXAMPLES:
                assert answer.source[a:b] == best.text[c:d]


def test_glossaries_and_kept_elements_go_with_them(copying: TextTranslator) -> None:
    options = DecodingOptions(beam=2, max_length=30, terms=(("公司", "firm"),))
    (answer,) = copying.translate(["今天{name}公司 a@b.com 很好。"], options)
    assert answer.text.count("{name}") == answer.text.count("a@b.com") == 1
    page = PARSERS["html"]("<p>今天<code>x = 1</code>很<b>好{n}</b>。</p>")
    (text,) = translate_documents(copying, [page], DecodingOptions(beam=2, max_length=30))
    assert text.count("<code>x = 1</code>") == text.count("{n}") == text.count("<b>") == 1
