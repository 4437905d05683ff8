"""Terms are found, inflected and forced into translations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csanmt.forcing import Forcing, Work
from csanmt.loading import load_translator
from csanmt.protected.sentence import Guarded
from csanmt.terms import Demand, TermIndex, count_forms, demands, plural
from csanmt.text_translator import TextTranslator
from csanmt.translator import DecodingOptions, TokenHypothesis

SHIPPED = Path(__file__).parents[2] / "model_store" / "default"


@pytest.fixture(scope="module")
def shipped() -> TextTranslator:
    return load_translator(SHIPPED)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("人工智能很好", [(0, 4, "AI")]),
        ("人工很好", [(0, 2, "manual")]),
        ("我做人工", [(2, 4, "manual")]),  # nothing behind it
        ("用API和APIs", [(1, 4, "interface")]),  # not inside a longer word
        ("", []),
    ],
)
def test_the_longest_whole_term_is_found(text: str, found: list) -> None:
    index = TermIndex([("人工", "manual"), ("人工智能", "AI"), ("API", "interface")])
    assert index.find(text) == found


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("cat", "cats"),
        ("box", "boxes"),
        ("party", "parties"),
        ("key", "keys"),
        ("news", "news"),
        ("glass", "glasses"),
        ("purchase order", "purchase orders"),
    ],
)
def test_plurals_are_regular(term: str, expected: str) -> None:
    assert plural(term) == expected


@pytest.mark.parametrize(
    ("sentence", "pair", "text", "count"),
    [
        ("三只猫", ("猫", "kitty"), "Three kitties.", 1),
        ("猫", ("猫", "kitty"), "Kitty is here", 1),
        ("猫", ("猫", "kitty"), "kittyhawk", 0),
        ("苹果", ("苹果", "Apple"), "apple", 0),  # a name has one form
        ("苹果", ("苹果", "Apple"), "Apples", 0),
    ],
)
def test_forms_that_answer_a_term(sentence: str, pair: tuple, text: str, count: int) -> None:
    (demand,) = demands(sentence, (pair,))
    assert count_forms(text, demand) == count


@pytest.mark.parametrize(
    ("source", "terms", "expected"),
    [
        ("北京是中国的首都。", {"北京": "Beijing"}, "Beijing"),
        ("我住在上海。", {"上海": "Shanghai"}, "Shanghai"),
        ("人工智能正在改变世界。", {"人工智能": "machine intelligence"}, "Machine intelligence"),
        ("三只猫在睡觉。", {"猫": "kitty"}, "kitties"),
        ("我喜欢吃苹果。", {"苹果": "Xq-7 fruit"}, "Xq-7 fruit"),
        ("他在图书馆看书。", {"图书馆": "biblioteca"}, "biblioteca"),
        ("数据库已经更新。", {"数据库": "database"}, "database"),
    ],
)
def test_the_shipped_model_is_made_to_use_a_term(
    shipped: TextTranslator, source: str, terms: dict[str, str], expected: str
) -> None:
    options = DecodingOptions(terms=tuple(terms.items()), alignment=True)
    (result,) = shipped.translate([source], options)
    assert expected in result.text
    (term,) = terms
    at = source.find(term)
    starts = [t for (a, b), t in result.hypotheses[0].alignment if a < at + len(term) and b > at]
    place = result.text.find(expected)
    assert any(start < place + len(expected) and end > place for start, end in starts)


def test_a_sentence_without_terms_is_translated_as_ever(shipped: TextTranslator) -> None:
    sources = ["今天天气很好。", "我住在上海。"]
    plain = shipped.translate(sources)
    options = replace(shipped.decoding, terms=(("上海", "Shanghae"),))
    with_terms = shipped.translate(sources, options)
    assert with_terms[0] == plain[0]
    assert with_terms[1].text != plain[1].text


def test_the_answer_with_terms_does_not_depend_on_batch_mates(shipped: TextTranslator) -> None:
    options = DecodingOptions(terms=(("上海", "Shanghai"), ("苹果", "pome")))
    sources = ["我住在上海。", "你好。", "我喜欢吃苹果。", "你好，{name}！"]
    together = shipped.translate(sources, options)
    assert together == [shipped.translate([s], options)[0] for s in sources]


@settings(max_examples=80, deadline=None)
@given(
    st.text(alphabet="甲乙ab ", max_size=12),
    st.lists(st.text(alphabet="甲乙ab", min_size=1, max_size=4), max_size=5),
)
def test_found_terms_are_terms_and_do_not_overlap(text: str, terms: list[str]) -> None:
    last = 0
    for start, end, target in TermIndex((term, term.upper()) for term in terms).find(text):
        assert last <= start < end
        assert text[start:end].upper() == target
        last = end


class _Letters:
    """A tokenizer whose tokens are words of one letter."""

    def decode(self, ids):
        return " ".join(map(chr, ids))

    def decode_with_spans(self, ids):
        return self.decode(ids), [(2 * i, 2 * i + 1) for i in range(len(ids))]

    def encode_target(self, text):
        return [ord(c) for c in text if c != " "]


def test_a_term_that_no_place_holds_does_not_keep_the_others_out() -> None:
    """A "b" would stand where the answer has the "a" that is wanted too."""
    wanted = [Demand(0, 1, "a"), Demand(0, 1, "b"), Demand(1, 2, "c")]
    work = Work(Guarded("xy"), [1, 2], [(0, 1), (1, 2)], wanted, ())

    def decode(works, options, prefixes):
        begins = prefixes or [()] * len(works)
        found = [tuple(p) + tuple(map(ord, "ax"))[len(p) :] for p in begins]
        return [[TokenHypothesis(ids, -1.0, alignment=(0, 1))] for ids in found]

    answer = Forcing(decode, _Letters()).translate([work], DecodingOptions())
    assert _Letters().decode(answer[0][0].ids) == "a c"
