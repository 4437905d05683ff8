"""The gate against people's judgement. WMT22's data does not ship: CSANMT_WMT22_DIR names it."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from benchmarks.answers import AnswerCache
from benchmarks.metrics import METRICS, corpus_score, extract
from benchmarks.policy import load_policy
from benchmarks.suite import read_lines
from cli.main import main as csanmt
from tests.benchmarks.yardstick import judge_pairs, kendall, load_systems, main, mistakes


@pytest.fixture(scope="module")
def systems(wmt22_dir):
    return load_systems(wmt22_dir)


@pytest.mark.parametrize(("ours", "theirs"), [("bleu", "bleu"), ("chrf2", "chrf")])
@pytest.mark.parametrize("references", ["A", "B", "all"])
def test_scores_are_the_published_ones(wmt22_dir, systems, ours, theirs, references):
    names = "AB" if references == "all" else references
    lines = [read_lines(wmt22_dir / f"wmt22.ref{name}.en") for name in names]
    with (wmt22_dir / "published-automatic-scores.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    scores = {(row["system"], row["metric"]): row["score"] for row in rows}
    assert len(systems.systems) == 12
    for name, path in systems.systems.items():
        found = corpus_score(METRICS[ours], extract(ours, read_lines(path), lines))
        assert found == pytest.approx(float(scores[name, f"{theirs}-{references}"]), abs=0.01), name


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_clearly_better_systems_are_rarely_rejected(systems, tmp_path):
    found = judge_pairs(systems, load_policy(), AnswerCache(tmp_path))
    clear = [j for j in found if j.clearly_better]
    rejected = [j for j in clear if not j.promoted]
    assert len(found) == 132
    assert len(rejected) <= 0.05 * len(clear), [j.verdict.reasons for j in rejected]


@pytest.fixture
def folder(tmp_path):
    """One reference and three systems, which people rank otherwise than BLEU does."""
    lines = [f"This is sentence number {i} of the test set, and it has no end." for i in range(80)]
    content = {
        "x.zh": ["第一句没有结尾。"] * 80,
        "x.refA.en": lines,
        "systems/Good.en": [line.replace("and it", "which") for line in lines],
        "systems/Fair.en": [
            line.replace("This is sentence number", "Here is the") for line in lines
        ],
        "systems/Bad.en": [f"{line} Really." for line in lines],
    }
    (tmp_path / "systems").mkdir()
    for name, rows in content.items():
        (tmp_path / name).write_text("\n".join(rows) + "\n", "utf-8")
    scores = ["system\tmetric\tscore", "Good\tbleu-refA\t99.99"]
    scores += [f"{name}\tCOMET-A\t{s}" for name, s in (("Good", 0.1), ("Fair", 0.3), ("Bad", 0.2))]
    (tmp_path / "published-automatic-scores.tsv").write_text("\n".join(scores))
    (tmp_path / "human.tsv").write_text("# judged\nsystem\tz\nGood\t0.1\nFair\t0.2\nBad\t-0.3\n")
    pairs = "# p < 0.05\nbetter\tworse\tp\nFair\tGood\t0.01\nGood\tBad\t0.01\nHUMAN\tBad\t0.01\n"
    (tmp_path / "human-significant-pairs.tsv").write_text(pairs)
    return tmp_path


def test_wrong_verdicts_of_both_kinds_are_counted(folder):
    systems = load_systems(folder)
    assert systems.human_pairs == {("Fair", "Good"), ("Good", "Bad")}
    policy = replace(load_policy(), memorised=None)
    judgements = judge_pairs(systems, policy, AnswerCache())
    found = mistakes(judgements, systems.human_pairs)
    assert ("Good", "Fair") in [(j.candidate, j.baseline) for j in found.promoted]
    assert ("Fair", "Good") in [(j.candidate, j.baseline) for j in found.rejected]
    comet = {name: systems.published[name, "comet"] for name in systems.systems}
    corrected = mistakes(judgements, systems.human_pairs, comet)
    assert ("Good", "Fair") not in [(j.candidate, j.baseline) for j in corrected.promoted]


def test_the_document_takes_its_title_and_numbers_from_the_data(folder):
    out = folder / "verdicts.md"
    assert main([str(folder), "--out", str(out)]) == 0
    text = out.read_text("utf-8")
    assert text.startswith("# The gate on the systems of x (zh→en)")
    assert "2 pairs of systems of which people found one significantly better" in text
    assert "tau of BLEU with the human ranking" in text


@pytest.mark.parametrize(
    ("other", "tau"),
    [
        ({"a": 1, "b": 2, "c": 3}, 1.0),
        ({"a": 3, "b": 2, "c": 1}, -1.0),
        ({"a": 2, "b": 1, "c": 3}, 1 / 3),
    ],
)
def test_kendall(other, tau):
    assert kendall({"a": 0.1, "b": 0.2, "c": 0.3}, other) == pytest.approx(tau)


def test_the_old_verb_names_its_replacement(capsys):
    assert csanmt(["bench", "matrix", "somewhere", "--out", "x.md"]) == 2
    assert "bench matrix is gone: python -m tests.benchmarks.yardstick" in capsys.readouterr().err
