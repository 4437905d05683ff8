"""Faults that need no reference: what is found, what is left alone."""

from __future__ import annotations

import pytest

from benchmarks.behaviour import Case, Pair, load_tables, run_invariance
from benchmarks.checks import CHECKS, examine
from benchmarks.numbers import missing_values, source_values
from benchmarks.suite import QUALITY_SUITES, load_suite

FAULTS = [
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
    ("percent", "涨了5%。", "It rose by 5.", True),
    ("percent", "涨了5%。", "It rose by five percent.", False),
    ("percent", "涨了5％，不是6%。", "It rose by 5 per cent, not 6 %.", False),
    ("percent", "占34%，去年66%。", "The 160% of the 164% of the 16%.", True),
    ("percent", "占1,200.5%。", "It is 1,200.5%.", False),
    ("latin", "我用 Python 编程。", "I program.", True),
    ("latin", "我用 Python 编程。", "I program in python.", False),
    ("url", "见 https://a.example/x?y=1 。", "See https://a.example/x.", True),
    ("url", "见 https://a.example/x?y=1 。", "See https://a.example/x?y=1.", False),
    ("email", "写信给 a.b@example.com 。", "Write to ab@example.com.", True),
    ("placeholder", "你好，{name}！", "Hello, {Name}!", True),
    ("placeholder", "您有 %d 条消息。", "You have %d messages.", False),
    ("placeholder", '点击<x id="1"/>。', "Click.", True),
    ("code", "运行 `ls -l`。", "Run `ls -l`.", False),
    ("code", "运行 `ls -l`。", "Run ls.", True),
    ("emoji", "好😀", "Good", True),
    ("emoji", "好😀", "Good 😀", False),
    ("brackets", "组织（WHO）", "Organisation (WHO", True),
    ("brackets", "组织（WHO）", "Organisation (WHO)", False),
    ("lines", "一。\n二。", "One. Two.", True),
    ("lines", "一。\n二。", "One.\nTwo.", False),
    ("prefix", "姓名：张三", "Zhang San", True),
    ("prefix", "姓名：张三", "Name: Zhang San", False),
    ("prefix", "他说：“你好。”", "Hello, he said.", False),
]


@pytest.mark.parametrize(("check", "source", "output", "faulty"), FAULTS)
def test_a_fault_is_found_where_it_is(check, source, output, faulty):
    assert (check in examine(source, output)) is faulty


def test_every_check_is_in_the_table_of_this_test():
    assert {check.name for check in CHECKS} == {row[0] for row in FAULTS}


@pytest.mark.parametrize("suite", QUALITY_SUITES)
def test_human_references_hardly_show_a_fault(suite):
    loaded = load_suite(suite)
    faulty = sum(
        bool(examine(s, r)) for s, r in zip(loaded.sources, loaded.references[0], strict=True)
    )
    assert faulty / len(loaded.sources) < 0.03


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


def test_a_case_says_what_is_missing_and_what_is_too_much():
    case = Case("names", "张伟是我的同事。", must=("Zhang Wei",), forbid=("boss",))
    assert case.judge("Zhang Wei is my colleague.") is None
    assert case.judge("My boss.") == "lacks /Zhang Wei/; has /boss/"


def test_a_case_may_allow_a_check():
    assert Case("x", "90后", allow=("numbers",)).judge("Young people") is None
    assert "numbers" in Case("x", "90后").judge("Young people")


@pytest.mark.parametrize(
    ("a", "b", "fine"),
    [
        ("It has 342 pages.", "It has 517 pages.", True),
        ("It has 342 pages.", "There are 517 pages in it.", False),
        ("It has 342 pages.", "It has many pages.", False),
    ],
)
def test_a_metamorphic_pair_may_differ_in_one_place_only(a, b, fine):
    pair = Pair("numbers", "342页", "517页", "342", "517")
    assert (pair.judge(a, b) is None) is fine


def test_the_tables_cover_what_is_promised():
    tables = load_tables()
    assert set(tables.about) >= {
        "numbers", "large_numbers", "dates", "units", "currency", "percentages", "urls", "email",
        "code", "placeholders", "names", "emoji", "brackets", "lines", "prefixes", "mixed",
        "traditional", "full_width", "punctuation", "one_character", "long", "repeated",
        "metamorphic_numbers", "metamorphic_names", "batch_invariance",
    }  # fmt: skip
    assert len(tables.cases) >= 100
    assert all(tables.about[case.group] for case in tables.cases)


def test_invariance_names_the_batch_that_made_a_difference(world):
    moody = world.subject(lambda texts: [f"{t} {len(texts) > 3}" for t in texts])
    outcomes = run_invariance(moody, ["一", "二", "三", "四"])
    assert all("in a batch: " in outcome.problem for outcome in outcomes)
    assert not any(o.problem for o in run_invariance(world.subject(), ["一", "二", "三", "四"]))
