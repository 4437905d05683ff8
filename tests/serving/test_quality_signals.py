"""Which faults are counted while serving, and under which names."""

from __future__ import annotations

import pytest

from serving.metric_names import SIGNALS
from serving.quality_signals import signals

TABLE = [
    ("会议在2024年6月5日举行。", "The meeting will be held on June 5, 2024.", []),
    ("ok", "ok", []),
    ("你好。", "  ", ["empty"]),
    ("你好。", "你好。", ["echoed", "residual_han"]),
    ("我喜欢北京烤鸭。", "I like 北京烤鸭.", ["residual_han"]),
    ("哈哈。", "ha ha ha ha ha", ["repetition_loop"]),
    ("今天的天气真的非常好啊。", "Nice.", ["length_ratio"]),
    ("一共有347人。", "There are many people.", ["missing_number"]),
    ("报告共有三页，很长。", "The report has three", []),
]


@pytest.mark.parametrize(("source", "translation", "expected"), TABLE)
def test_signs_of_a_translation(source, translation, expected):
    assert signals(source, translation) == expected


def test_truncation_is_a_sign():
    assert signals("你好。", "Hello", truncated=True) == ["truncated"]


def test_every_signal_is_in_the_table_of_this_test():
    assert {name for *_, names in TABLE for name in names} | {"truncated"} == set(SIGNALS)
