"""Real systems with published scores. The data does not ship: CSANMT_WMT22_DIR names it."""

from __future__ import annotations

import itertools

import pytest
from sacrebleu.metrics import TER

from benchmarks.answers import AnswerCache
from benchmarks.compare import Plan, measure
from benchmarks.gate import Decision, judge
from benchmarks.matrix import Judgement, judge_pairs, load_systems, wrong_promotions
from benchmarks.metrics import extract
from benchmarks.policy import load_policy
from benchmarks.subject import HypothesesSubject
from benchmarks.suite import read_lines
from cli.main import main

CLOSE = ["AISP-SJTU", "Online-G", "HuaweiTSC"]  # within 0.2 BLEU of one another


@pytest.fixture(scope="module")
def systems(wmt22_dir):
    return load_systems(wmt22_dir)


@pytest.mark.parametrize(("ours", "theirs"), [("bleu", "bleu"), ("chrf2", "chrf")])
@pytest.mark.parametrize("references", ["A", "B", "all"])
def test_scores_are_the_published_ones(systems, ours, theirs, references):
    names = sorted(systems.references) if references == "all" else [references]
    lines = [systems.references[name] for name in names]
    assert len(systems.systems) == 12
    for name, path in systems.systems.items():
        found = extract(ours, read_lines(path), lines).score()
        assert found == pytest.approx(systems.published[name, theirs, references], abs=0.01), name


@pytest.mark.parametrize("system", ["JDExploreAcademy", "Online-W"])
def test_ter_is_sacrebleus(systems, system):
    every = slice(0, None, 12)
    lines = read_lines(systems.systems[system])[every]
    reference = systems.references["A"][every]
    expected = TER().corpus_score(list(lines), [list(reference)]).score
    assert extract("ter", lines, [reference]).score() == expected


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return AnswerCache(tmp_path_factory.mktemp("wmt22"))


def test_the_gate_promotes_no_worse_system_among_the_close_ones(systems, cache):
    policy, suite = load_policy(), systems.suite()
    plan = Plan(suites=[suite], metrics=("bleu", "chrf2pp", "chrf2"))
    found = []
    for candidate, baseline in itertools.permutations([*CLOSE, "Online-B"], 2):
        a, b = (HypothesesSubject(systems.systems[name]) for name in (candidate, baseline))
        measured = measure(a, b, plan, cache)
        found.append(Judgement(candidate, baseline, measured, judge(measured, policy)))
    assert wrong_promotions(found) == []
    decisions = {(j.candidate, j.baseline): j.verdict.decision for j in found}
    assert decisions["HuaweiTSC", "Online-B"] == Decision.PROMOTE
    assert decisions["Online-B", "HuaweiTSC"] == Decision.REJECT


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_gate_promotes_no_worse_system_at_all(systems, cache):
    found = judge_pairs(systems, load_policy(), cache)
    assert len(found) == 132
    assert wrong_promotions(found) == []


def test_the_matrix_command_writes_the_document(tmp_path, capsys):
    """On a small set of its own: one reference, a good system and a bad one."""
    lines = [f"This is sentence number {i} of the test set." for i in range(60)]
    bad = [line.replace("sentence number", "the") for line in lines]
    (tmp_path / "systems").mkdir()
    files = {"x.zh": ["第一句"] * 60, "x.refA.en": lines, "systems/Good.en": lines,
             "systems/Bad.en": bad}  # fmt: skip
    for name, rows in files.items():
        (tmp_path / name).write_text("\n".join(rows) + "\n", "utf-8")
    table = "system\tmetric\tscore\nGood\tbleu-A\t99.99\n"
    (tmp_path / "published-automatic-scores.tsv").write_text(table)
    out = tmp_path / "verdicts.md"
    arguments = ["bench", "matrix", str(tmp_path), "--out", str(out), "--no-cache", "--quiet"]
    assert main([*arguments, "--workers", "1"]) == 0
    text = out.read_text("utf-8")
    assert "promoted: 1, rejected: 1" in text
    assert "| **Good** | – | ✓ +" in text
    assert "1 published BLEU and chrF scores: 0.01" in text
