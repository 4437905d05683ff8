"""With copy tokens every piece comes back from any model, even one that says nothing sensible."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from csanmt.documents.formats import PARSERS
from csanmt.engine.packing import pack
from csanmt.loading import load_translator
from csanmt.markup import (
    MarkedText,
    Placed,
    Tag,
    marked,
    pair,
    translate_documents,
    translate_marked,
)
from csanmt.protected.families import FAMILIES
from csanmt.protected.finder import find
from csanmt.protected.names import is_word
from csanmt.text_translator import TextTranslator
from csanmt.tokenization_copy import NAMES
from csanmt.translator import DecodingOptions
from tests.csanmt.protected.trained import PAIRS
from tests.fixtures_tiny import tiny_model_dir

EXAMPLES = [example for family in FAMILIES for example in family.examples]
WORDLIKE = [e for e in EXAMPLES if all(map(is_word, find(e)))]
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
        assert answer.cut == (sum(map(is_word, find(source))) > len(NAMES))


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


def test_tags_without_a_partner_come_through_beside_them(copying: TextTranslator) -> None:
    options = DecodingOptions(beam=2, max_length=40)
    loose = ["<img src=a>", "<wbr>", "<!-- c -->", "<i class=x></i>", "</b>"]
    source = "<p><br>今天<img src=a>天气<wbr>很好<!-- c -->我们{n}<i class=x></i>学习</b>。<hr></p>"
    (text,) = translate_documents(copying, [PARSERS["html"](source)], options)
    assert text.startswith("<p><br>") and text.endswith("<hr></p>")
    assert [text.count(tag) for tag in [*loose, "{n}"]] == [1] * 6
    many = "<p>" + "".join(f"今天<x{i}/>" for i in range(40)) + "{n}很好。</p>"
    (text,) = translate_documents(copying, [PARSERS["html"](many)], options)
    assert all(text.count(f"<x{i}/>") == 1 for i in range(40))
    assert text.count("{n}") == 1


def test_a_pair_around_a_tag_keeps_it(copying: TextTranslator) -> None:
    first, last = pair("<b>", "</b>")
    segment = ("今天", first, Tag("point"), last, "很好。")
    assert unplaced(marked(segment)).segment() == segment
    (placed,) = translate_marked(copying, [marked(segment)], DecodingOptions(max_length=20))
    tags = [piece for piece in placed.segment() if isinstance(piece, Tag)]
    assert tags == list(segment[1:4])


def unplaced(text: MarkedText) -> Placed:
    return Placed(text, text.text, tuple((m.start, m.end) for m in text.marks))


@pytest.fixture(scope="module", params=["native", "torch"])
def trained(request) -> TextTranslator:
    return load_translator(Path(__file__).with_name("trained"), engine=request.param)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_trained_model_puts_each_piece_where_it_belongs(
    trained: TextTranslator, source: str, target: str
) -> None:
    pairs = list(zip(WORDLIKE, WORDLIKE[7:] + WORDLIKE[:7], strict=True))[::5]
    answers = trained.translate([source.format(f" {a} ", f" {b} ") for a, b in pairs])
    assert [a.text for a in answers] == [target.format(a, b) for a, b in pairs]


def test_a_trained_model_moves_kept_elements_too(trained: TextTranslator) -> None:
    page = PARSERS["html"]("<p>在<code>a</code>旁边有<span translate=no>微信</span>。</p>")
    assert translate_documents(trained, [page]) == [
        "<p>There is <span translate=no>微信</span> in <code>a</code>.</p>"
    ]
