"""Quantities that an answer lost are asked for a second time, where the version wants it."""

from __future__ import annotations

from pathlib import Path

import pytest

from csanmt.errors import ConfigurationError
from csanmt.faults import numbers
from csanmt.loading import load_translator
from csanmt.protected.guarding import lost_quantities, multiplied_twice
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
    ],
)
def test_what_is_lost_is_found_where_it_stands(source: str, answer: str, wanted: list) -> None:
    assert [(d.start, d.end, d.target) for d in lost_quantities(source, answer)] == wanted


def test_a_number_written_out_needs_no_magnitude() -> None:
    assert multiplied_twice("More than 20,000,000 millions")
    assert not multiplied_twice("20 million of 3,000 people")


def test_fewer_quantities_are_lost_and_other_sentences_stay() -> None:
    lines = (SHIPPED.parents[1] / "benchmarks/suites/ntrex128/source.zh").read_text().splitlines()
    sources = [line for line in lines[:300] if len(line) < 60]
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
