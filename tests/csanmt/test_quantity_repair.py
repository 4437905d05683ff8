"""Quantities that an answer lost are asked for a second time, where the version wants it."""

from __future__ import annotations

from pathlib import Path

import pytest

from csanmt.errors import ConfigurationError
from csanmt.faults import numbers
from csanmt.loading import load_translator
from csanmt.protected.guarding import lost_quantities, multiplied_twice
from csanmt.quantities import mentions, written_mentions
from csanmt.version import behaviour

SHIPPED = Path(__file__).parents[2] / "model_store" / "default"


@pytest.mark.parametrize(
    ("source", "answer", "wanted"),
    [
        ("我有3个苹果和17本书。", "I have three apples.", [(7, 9, "17")]),
        ("人口超过 38 万。", "More than 38.", [(5, 9, "380,000")]),
        ("价格为1,500元。", "The price.", [(3, 8, "1,500")]),
        ("没有数字。", "None.", []),
        ("5月3日", "On May 3rd", []),
        ("以一百二十票对九十八票通过。", "It passed by 122.", [(1, 5, "120"), (7, 10, "98")]),
        ("共投入3.5亿元和七十亿元。", "In all.", [(3, 7, "350 million"), (9, 12, "7 billion")]),
    ],
)
def test_what_is_lost_is_found_where_it_stands(source: str, answer: str, wanted: list) -> None:
    assert [(d.start, d.end, d.target) for d in lost_quantities(source, answer)] == wanted


def test_a_number_written_out_needs_no_magnitude() -> None:
    assert multiplied_twice("More than 20,000,000 millions")
    assert not multiplied_twice("20 million of 3,000 people")


def test_fewer_quantities_are_lost_and_other_sentences_stay() -> None:
    lines = (SHIPPED.parents[1] / "benchmarks/suites/ntrex128/source.zh").read_text().splitlines()
    sources = [line for line in lines if len(line) < 60 and mentions(line)][:500]
    translator = load_translator(SHIPPED)
    translator.repair_numbers = False
    plain = translator.translate(sources)
    translator.repair_numbers = True
    repaired = translator.translate(sources)
    lost = [bool(numbers(t.source, t.text)) for t in plain]
    still = [bool(numbers(t.source, t.text)) for t in repaired]
    assert sum(lost) >= 4
    assert sum(still) <= sum(lost) / 2
    assert all(a == b for a, b, was in zip(plain, repaired, lost, strict=True) if not was)


def test_the_configuration_says_yes_or_no() -> None:
    assert behaviour({"repair_numbers": True}).repair_numbers
    assert not behaviour({}).repair_numbers
    with pytest.raises(ConfigurationError, match="repair_numbers"):
        behaviour({"repair_numbers": "yes"})


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("地铁十五号线全长五十八公里。", [15, 58]),
        ("二十万人，一千零一夜，两百零五，三千零五十", [200_000, 1001, 205, 3050]),
        ("九百六十万平方公里，一亿三千万，两万零三百", [9_600_000, 130_000_000, 20_300]),
        ("百分之三十五，六十五岁以上", [35, 65]),
        # neither of two characters nor exact
        ("十分好，十进制，一百五，二三十人，数百万，千万别，万一，二十世纪80年代，三千米", []),
    ],
)
def test_numbers_in_characters_are_read(text: str, values: list[int]) -> None:
    assert [readings[0] for *_, readings in written_mentions(text)] == values


@pytest.mark.parametrize("kept", ["a hundred and twenty", "120", "one hundred twenty"])
def test_a_number_in_characters_is_kept_in_words_too(kept: str) -> None:
    assert lost_quantities("一百二十票", f"It had {kept} votes.") == []
