"""Faults that show without a reference: what is found, what is left alone."""

from __future__ import annotations

import pytest

from csanmt.faults import FAULTS, examine
from csanmt.quantities import missing_values, source_values

TABLE = [
    ("empty", "你好。", "", True),
    ("empty", "。。。", "", False),
    ("echo", "人工智能", "人工智能", True),
    ("echo", "人工智能", "人工 intelligence is", False),
    ("echo", "人工智能正在改变", "人工智能 is 正在改变", True),
    ("residual_han", "他叫张伟。", "He is called 张伟.", True),
    ("residual_han", "他叫张伟。", "He is called Zhang Wei.", False),
    ("loop", "我们走吧。", "Let us go let us go let us go let us go.", True),
    ("loop", "我们走吧。", "Let us go, let us go.", False),
    ("loop", "哈哈哈哈哈哈", "Ha ha ha ha ha ha", False),
    ("length", "我们明天去公园散步好不好", "Yes.", True),
    ("length", "我们明天去公园散步好不好", "Shall we go to the park tomorrow?", False),
    ("truncation", "我们明天去公园。", "Tomorrow we go to", True),
    ("truncation", "我们明天去公园。", "Tomorrow we go to the park.", False),
    ("truncation", "他说：“好。”", 'He said, "Fine."', False),
    ("numbers", "他有342本书。", "He has 324 books.", True),
    ("numbers", "他有3本书。", "He has three books.", False),
    ("loop", "他在家。", "He is at home at home at home at home.", True),
    ("loop", "好。", "very very very good", False),
    ("loop", "go go go go 走", "go go go go away", False),
    ("loop", "好。", "x " * 10_000, True),
    ("numbers", "价格为1,000元。", "It costs 1000 yuan.", False),
    ("numbers", "人口是13亿。", "The population is 1.3 billion.", False),
    ("numbers", "第100条和第200条", "article 100", True),
    ("numbers", "12个月", "a dozen months", False),
]


@pytest.mark.parametrize(("name", "source", "output", "faulty"), TABLE)
def test_a_fault_is_found_where_it_is(name, source, output, faulty):
    assert (name in examine(source, output)) is faulty


def test_every_fault_is_in_the_table_of_this_test():
    assert {fault.name for fault in FAULTS} == {row[0] for row in TABLE}


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("3.5万", [35_000]), ("1.25 亿英镑", [125e6]), ("1亿2000万人", [120e6]),
        ("１２３本", [123]), ("1,234.5元", [1234.5]), ("5月1日", [5, 1]), ("三百", []),
        ("2万元和3元", [20_000, 3]), ("1百万", [1e6]),
    ],
)  # fmt: skip
def test_quantities_of_a_source(source, values):
    assert source_values(source) == values


@pytest.mark.parametrize(
    ("source", "target", "lost"),
    [
        ("3.5万", "35,000", []), ("3.5万", "35 thousand", []), ("3.5万", "3.5", [35_000]),
        ("3.5万", "thirty-five thousand", []), ("14亿", "1.4 billion", []),
        ("14亿", "14 billion", [14e8]), ("15点", "3 p.m.", []), ("5月", "in May", []),
        ("90年代", "the 1990s", []), ("342", "three hundred and forty-two", []),
        ("7", "the seventh", []), ("1508", "15 08", [1508]), ("0.5", "half", []),
        ("1200万", "£12m", []), ("21世纪", "the twenty-first century", []),
    ],
)  # fmt: skip
def test_quantities_that_a_target_lost(source, target, lost):
    assert missing_values(source, target) == lost
