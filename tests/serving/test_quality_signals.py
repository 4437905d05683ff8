"""Signs of a sick translation: a table of sentences and the signs they show."""

from __future__ import annotations

import pytest

from serving.metric_names import SIGNALS
from serving.quality_signals import has_loop, missing_numbers, signals

TABLE = [
    ("你好，世界。", "Hello, world.", []),
    ("会议在2024年6月5日举行。", "The meeting will be held on June 5, 2024.", []),
    ("他买了三本书。", "He bought three books.", []),
    ("人口是13亿。", "The population is 1.3 billion.", []),
    ("价格为1,000元。", "It costs 1000 yuan.", []),
    ("ok", "ok", []),
    ("你好。", "", ["empty"]),
    ("你好。", "  ", ["empty"]),
    ("你好。", "你好。", ["echoed", "residual_han"]),
    ("我喜欢北京烤鸭。", "I like 北京烤鸭.", ["residual_han"]),
    ("他在家。", "He is at home at home at home at home.", ["repetition_loop"]),
    ("哈哈。", "ha ha ha ha ha", ["repetition_loop"]),
    ("今天的天气真的非常好啊。", "Nice.", ["length_ratio"]),
    ("一共有347人。", "There are many people.", ["missing_number"]),
    ("温度是36.6度。", "The temperature is 36 degrees.", ["missing_number"]),
]


@pytest.mark.parametrize(("source", "translation", "expected"), TABLE)
def test_signs_of_a_translation(source, translation, expected):
    assert signals(source, translation) == expected
    assert set(expected) <= set(SIGNALS)


def test_truncation_is_a_sign():
    assert signals("你好。", "Hello", truncated=True) == ["truncated"]


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("", False),
        ("very very very good", False),
        ("very very very very good", True),
        ("a b c a b c a b c", False),
        ("a b c a b c a b c a b c", True),
        ("one two three four five six seven", False),
        ("x " * 10_000, True),
    ],
)
def test_loops(text, loops):
    assert has_loop(text) is loops


def test_loop_in_the_source_is_not_a_fault():
    assert signals("go go go go 走", "go go go go away") == []


@pytest.mark.parametrize(
    ("source", "translation", "missing"),
    [
        ("12个月", "a dozen months", []),
        ("３４５元", "345 yuan", []),
        ("3.5万元", "35,000 yuan", []),
        ("第100条和第200条", "article 100", ["200"]),
        ("编号45", "number", ["45"]),
    ],
)
def test_missing_numbers(source, translation, missing):
    assert missing_numbers(source, translation) == missing
