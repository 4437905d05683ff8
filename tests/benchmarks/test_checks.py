"""Faults that need no reference: what is found, what is left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.behaviour import Case, MinimalPair, load_cases, run_invariance
from benchmarks.checks import CHECKS, examine
from benchmarks.policy import load_policy
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
    ("lines", "一。二。", "One.\nTwo.", True),
    ("repetition", "他在屋里。", "He is in the the house.", True),
    ("repetition", "他在屋里。", "He is in the house in the house.", True),
    ("repetition", "他谢谢你。", "He says thanks, thanks.", False),
    ("repetition", "他知道那事。", "He knew that that was it.", False),
    ("punctuation", "你在哪里？", "Where are you.", True),
    ("punctuation", "他在屋里。", "He is in the house..", True),
    ("punctuation", "他在屋里……", "He is in the house...", False),
    ("punctuation", "他说：“好。”", '"Fine, he said.', True),
    ("punctuation", "他说：“好。”", "“Fine,” he said.", False),
    ("punctuation", "他说：“好。”", "He said: „Fine“.", False),
    ("punctuation", "他在屋里；", "He is in the house;", False),
    ("punctuation", "“好。我来。", '"Fine. I come.', False),
    ("punctuation", "他在屋里。", '"He is in the house."', True),
    ("units", "花了30美元。", "It cost 30 euros.", True),
    ("units", "花了30美元。", "It cost US$30.", False),
    ("units", "走了5公里。", "They went 5 miles.", True),
    ("units", "等了24小时。", "They waited all day, 24 hours.", False),
    ("prefix", "姓名：张三", "Zhang San", True),
    ("prefix", "姓名：张三", "Name: Zhang San", False),
    ("prefix", "他说：“你好。”", "Hello, he said.", False),
    ("prefix", "比如：排水。", "For example, drains.", False),
    ("prefix", "数据证实：有效。", "The data confirm that it works.", False),
]


LONG = "The minister of health said in Geneva that the vaccine would arrive before winter."
BY_REFERENCE = [
    ("case", LONG, LONG, False),
    ("case", LONG.lower(), LONG, True),
    ("case", LONG.title(), LONG, True),
    ("case", "The Minister of Health Spoke", LONG, False),
    ("omission", LONG, LONG, False),
    ("omission", "The minister of health spoke.", LONG, True),
    ("addition", LONG + " He also went home by train and had a long dinner there.", LONG, True),
    ("addition", LONG, LONG, False),
    ("addition", LONG.replace(" said", ", as we have heard from there, said today"), LONG, False),
    ("names", LONG.replace("Geneva", "Gene Va"), LONG, False),
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


FATAL, OTHER = 0.001, 0.03  # shares of all sentences that are tolerated
PRECISION = Path(__file__).parents[2] / "docs" / "check-precision.md"


def test_human_references_hardly_show_a_fault():
    """docs/check-precision.md holds the counts; WRITE=1 writes it anew."""
    suites = [load_suite(name) for name in QUALITY_SUITES]
    fatal, total = load_policy().checks.new, sum(len(suite.sources) for suite in suites)
    rows = []
    for check in CHECKS:
        counts = []
        for suite in suites:
            pairs = zip(suite.sources, suite.references[0], strict=True)
            there = [check.find(s, r, None) is not None for s, r in pairs if check.applies(s, None)]
            counts.append(sum(there) if there else None)
        if any(count is not None for count in counts):
            share = sum(count or 0 for count in counts) / total
            assert share < (FATAL if check.name in fatal else OTHER), check.name
            cells = " | ".join(str(count or 0) for count in counts)
            mark = "yes" if check.name in fatal else ""
            rows.append(f"| `{check.name}` | {mark} | {cells} | {share:.2%} |\n")
    assert len(rows) >= 18
    text = PRECISION.read_text("utf-8")
    head = text[: text.index("| `")]
    if os.environ.get("WRITE"):
        PRECISION.write_text(head + "".join(rows), "utf-8")
    assert PRECISION.read_text("utf-8") == head + "".join(rows)


def test_a_case_says_what_is_missing_and_what_is_too_much():
    case = Case("张伟是我的同事。", must=("Zhang Wei",), forbid=("boss",))
    assert case.judge("Zhang Wei is my colleague.") is None
    assert case.judge("My boss.") == "lacks /Zhang Wei/; has /boss/"


def test_a_case_may_allow_a_check():
    assert Case("90后", allow=("numbers",)).judge("Young people") is None
    assert "numbers" in Case("90后").judge("Young people")


@pytest.mark.parametrize(
    ("a", "b", "fine"),
    [
        ("It has 342 pages.", "It has 517 pages.", True),
        ("It has 342 pages.", "There are 517 pages in it.", False),
        ("It has 342 pages.", "It has many pages.", False),
    ],
)
def test_a_metamorphic_pair_may_differ_in_one_place_only(a, b, fine):
    pair = MinimalPair("{}页", "342", "517")
    assert (pair.judge(a, b) is None) is fine


def test_the_tables_cover_what_is_promised():
    groups = load_cases().groups["behaviour"]
    assert set(groups) >= {
        "numbers", "large_numbers", "dates", "units", "currency", "percentages", "urls", "email",
        "code", "placeholders", "names", "emoji", "brackets", "lines", "prefixes", "mixed",
        "traditional", "full_width", "punctuation", "one_character", "long", "repeated",
        "metamorphic_numbers", "metamorphic_names", "batch_invariance",
    }  # fmt: skip
    assert sum(len(group.case) for group in groups.values()) >= 100
    assert all(group.about for group in groups.values())


def test_invariance_names_the_batch_that_made_a_difference(world):
    moody = world.subject(lambda texts: [f"{t} {len(texts) > 3}" for t in texts])
    outcomes = run_invariance(moody, ["一", "二", "三", "四"])
    assert all("in a batch: " in outcome.problem for outcome in outcomes)
    assert not any(o.problem for o in run_invariance(world.subject(), ["一", "二", "三", "四"]))
