"""Faults that need no reference: what is found, what is left alone."""

from __future__ import annotations

import pytest

from benchmarks.behaviour import Case, Pair, load_tables, run_invariance
from benchmarks.checks import CHECKS, examine
from benchmarks.policy import load_policy
from benchmarks.precision import FATAL, OTHER, rows
from benchmarks.suite import QUALITY_SUITES, load_suite
from csanmt.faults import FAULTS as COUNTED

FAULTS = [
    ("percent", "涨了5%。", "It rose by 5.", True),
    ("percent", "涨了5%。", "It rose by five percent.", False),
    ("percent", "涨了5％，不是6%。", "It rose by 5 per cent, not 6 %.", False),
    ("percent", "占34%，去年66%。", "The 160% of the 164% of the 16%.", True),
    ("percent", "占1,200.5%。", "It is 1,200.5%.", False),
    ("latin", "我用 Python 编程。", "I program.", True),
    ("latin", "我用 Python 编程。", "I program in python.", False),
    ("latin", "装了Office2019。", "It has Office 2019.", False),
    ("latin", "希望更多人发现ta。", "I hope more people find it.", False),
    ("latin", "怎么 #NAME# 不写？", "Why does # NAME # not write?", False),
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


LONG = "The minister of health said in Geneva that the vaccine would arrive before winter."
BY_REFERENCE = [
    ("omission", LONG, LONG, False),
    ("omission", "The minister of health spoke.", LONG, True),
    ("addition", LONG + " He also went home by train and had a long dinner there.", LONG, True),
    ("addition", LONG, LONG, False),
    ("unrelated", "It is raining and nobody came to see us today.", LONG, True),
    ("unrelated", "In winter the vaccine comes.", LONG, False),
    ("names", LONG.replace("Geneva", "Berlin"), LONG, True),
    ("names", LONG.replace("said in Geneva", "has said at Geneva"), LONG, False),
    ("negation", LONG.replace("would", "would not"), LONG, True),
    ("negation", LONG.replace("would", "would not"), LONG.replace("would", "would not"), False),
]


@pytest.mark.parametrize(("check", "output", "reference", "faulty"), BY_REFERENCE)
def test_a_fault_that_only_a_reference_shows(check, output, reference, faulty):
    """The source could be negated or not: 难 says neither."""
    assert (check in examine("疫苗难得。", output, reference)) is faulty
    assert check == "negation" or check not in examine("疫苗难得。", output)


@pytest.mark.parametrize(("check", "source", "output", "faulty"), FAULTS)
def test_a_fault_is_found_where_it_is(check, source, output, faulty):
    assert (check in examine(source, output)) is faulty


def test_every_check_is_in_the_table_of_this_test():
    counted = {fault.name for fault in COUNTED}
    tried = {row[0] for row in FAULTS} | {row[0] for row in BY_REFERENCE}
    assert {check.name for check in CHECKS} - counted == tried - counted


def test_human_references_hardly_show_a_fault():
    """The table that docs/check-precision.md holds."""
    suites = [load_suite(name) for name in QUALITY_SUITES]
    fatal = load_policy().new
    total = sum(len(suite.sources) for suite in suites)
    shares = {check.name: sum(counts) / total for check, counts in rows(suites)}
    assert len(shares) >= 18
    for name, share in shares.items():
        assert share < (FATAL if name in fatal else OTHER), name


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
