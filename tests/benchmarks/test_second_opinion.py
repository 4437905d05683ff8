"""Other metrics, human judgement, families and waivers, through the command."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys

import pytest

from benchmarks import evidence
from benchmarks.loading import family_of
from benchmarks.second_opinion import read_sheet, write_sheet
from benchmarks.suite import load_suite
from benchmarks.variants import canonical
from cli.main import main
from csanmt.errors import IntegrityError, InvalidInputError

POLICY = """
version = 1
[quality]
suites = ["mini"]
metrics = ["bleu", "chrf2pp"]
[checks.new]
empty = 0
[families]
across = "require"
[scores.length]
margin = 2.0
[human]
least = 20
"""
ROWS = [("mini", i, f"第{i}句", f"old {i}", f"new {i}") for i in range(60)]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A suite and three files: two that share no line, and one with a line changed."""
    monkeypatch.setenv("CSANMT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    suite = load_suite("tatoeba")
    (tmp_path / "mini").mkdir()
    old = [" ".join([*r.split()[:-2], *r.split()[:-3:-1]]) for r in suite.references[0][:150]]
    new = [f"{line} Indeed." for line in old]
    rows = {
        "mini/mini.zh": suite.sources[:150],
        "mini/mini.en": suite.references[0][:150],
        "old.en": old,
        "new.en": new,
        "patch.en": ["", *old[1:]],
        "p.toml": [POLICY],
    }
    for name, lines in rows.items():
        (tmp_path / name).write_text("".join(line + "\n" for line in lines), "utf-8")
    return tmp_path


def gate(candidate, *more):
    return main(["bench", "gate", candidate, "--baseline", "old.en", "--suite", "mini",
                 "--workers", "1", "--quiet", "--json", *more])  # fmt: skip


def rules(capsys):
    return {r["rule"]: r for r in json.loads(capsys.readouterr().out)["rules"]}


def test_between_families_another_metric_must_speak(files, capsys):
    gate("new.en", "--policy", "p.toml")
    found = rules(capsys)
    assert found["families"]["status"] == "fail"
    assert "another metric ([scores.NAME]) or human judgement must speak" in str(found)
    script = "import sys\nfor l in sys.stdin: print(len(l.split('\\t')[1].split()))"
    (files / "score.py").write_text(script)
    gate("new.en", "--policy", "p.toml", "--scores", f"length={sys.executable} score.py")
    found = rules(capsys)
    assert found["scores"]["status"] == found["families"]["status"] == "pass"
    assert "length speaks for it" in found["families"]["reason"]


def test_scores_come_from_a_file_and_a_loss_beyond_the_margin_fails(files, capsys):
    lines = ["suite\tline\tbaseline\tcandidate"]
    lines += [f"mini\t{i}\t9\t{6 + i % 2}" for i in range(1, 151)]
    (files / "scores.tsv").write_text("\n".join(lines) + "\n")
    gate("new.en", "--policy", "p.toml", "--scores", "length=scores.tsv")
    found = rules(capsys)["scores"]
    assert (found["status"], found["measured"]) == ("fail", pytest.approx(-2.5, abs=0.1))
    (files / "scores.tsv").write_text("\n".join(lines[:-1]) + "\n")
    assert gate("new.en", "--policy", "p.toml", "--scores", "length=scores.tsv") == 2
    assert "no scores of mini line 150" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("length", "NAME=FILE or NAME=COMMAND"),
        ("length=/no/such", "neither a file nor a program"),
        (f"length={sys.executable} -c print(1)", "1 numbers for 150 sentences"),
        (f"length={sys.executable} -c 1/0", "ended with 1: ZeroDivisionError"),
    ],
)
def test_scores_that_do_not_come_leave_it_unjudged(files, capsys, how, words):
    assert gate("new.en", "--policy", "p.toml", "--scores", how) == 2
    assert words in capsys.readouterr().out


def test_comet_went_and_says_what_took_its_place(files, capsys):
    assert gate("new.en", "--comet") == 2
    assert "--comet went: give COMET's segment scores with --scores" in capsys.readouterr().out


def fill(path, choose):
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    for row in rows:
        row["better"] = choose(row)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)


def answers(suite, index):
    return ROWS[index][3], ROWS[index][4]


def test_a_sheet_is_blind_and_its_answers_are_told_apart(tmp_path):
    sheet = tmp_path / "sheet.tsv"
    assert write_sheet(sheet, ROWS, limit=50) == 50
    fill(sheet, lambda row: "A" if row["A"].startswith("new") else "B")
    found = read_sheet(sheet, answers)
    assert (found.better, found.worse, found.equal) == (50, 0, 0)
    lines = sheet.read_text().splitlines()[1:]
    assert 10 < sum(line.split("\t")[3].startswith("new") for line in lines) < 40
    fill(sheet, lambda row: "=" if int(row["line"]) % 2 else "")
    assert read_sheet(sheet, answers).equal < 50


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace("\tA\n", "\tX\n"), "A, B or = is wanted"),
        (lambda t: t.replace("new 1\t", "other\t"), "made of other answers"),
        (lambda t: t.replace("better", "best"), "lacks the column 'better'"),
        (lambda t: t.replace("mini\t1\t", "mini\t999\t"), "is no sentence of this comparison"),
    ],
)
def test_a_sheet_that_does_not_fit_is_refused(tmp_path, change, words):
    sheet = tmp_path / "sheet.tsv"
    write_sheet(sheet, ROWS, limit=60)
    fill(sheet, lambda row: "A")
    text = sheet.read_text().replace("\r\n", "\n")
    sheet.write_text(change(text))
    with pytest.raises(InvalidInputError, match=words):
        read_sheet(sheet, answers)


def test_people_decide_by_a_sign_test(files, capsys):
    gate("new.en", "--policy", "p.toml", "--out", "out")
    assert main(["bench", "sheet", "out/changes.jsonl", "--out", "sheet.tsv", "--limit", "40"]) == 0
    capsys.readouterr()
    fill(files / "sheet.tsv", lambda row: "A" if row["A"].endswith("Indeed.") else "B")
    gate("new.en", "--policy", "p.toml", "--human", "sheet.tsv")
    found = rules(capsys)
    assert found["human"]["status"] == found["families"]["status"] == "pass"
    fill(files / "sheet.tsv", lambda row: "B" if row["A"].endswith("Indeed.") else "A")
    assert gate("new.en", "--policy", "p.toml", "--human", "sheet.tsv") == 1
    assert rules(capsys)["human"]["status"] == "fail"


def test_what_a_version_is_trained_here_is_one_family(tmp_path):
    for name, record in (
        ("trained", {"recipe": {"name": "x"}}),
        ("imported", {"source": {"kind": "modelscope", "location": "damo/x"}}),
        ("other", {"format": 1}),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "provenance.json").write_text(json.dumps(record))
    assert family_of(tmp_path / "trained") == "csanmt, trained here"
    assert family_of(tmp_path / "imported") == "csanmt, imported from damo/x"
    assert family_of(tmp_path / "other") == family_of(tmp_path) == ""


def test_one_line_with_a_fatal_fault_is_named_and_can_be_waived(files, capsys):
    policy = ["--policy", "p.toml"]
    assert gate("patch.en", *policy, "--out", "out") == 1
    failing = [r for r in json.loads(capsys.readouterr().out)["rules"] if r["status"] == "fail"]
    assert [(r["rule"], r["subject"]) for r in failing] == [("checks", "empty")]
    page = (files / "out/report.html").read_text("utf-8")
    assert "The sentences, worst first" in page
    waive = ["--waive", "checks empty=a line without words", "--waived-by", "Ada", "--out", "out"]
    assert gate("patch.en", *policy, *waive) == 0
    found = evidence.verify(files / "out/evidence.json", promoted=False)
    assert found.waivers == ("checks empty: a line without words (Ada)",)
    content = json.loads((files / "out/evidence.json").read_text())
    content["verdict"]["waivers"] = []
    (files / "out/evidence.json").write_text(json.dumps(evidence.seal(content)))
    with pytest.raises(IntegrityError, match="contradicts itself"):
        evidence.verify(files / "out/evidence.json", promoted=False)


@pytest.mark.parametrize(
    ("waive", "words"),
    [("chekcs=x", "no rule 'chekcs' to waive"), ("checks=", "needs a reason and a name")],
)
def test_a_waiver_needs_a_rule_a_reason_and_a_name(files, capsys, waive, words):
    assert gate("patch.en", "--waive", waive) == 2
    assert words in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")
def test_a_waiver_is_signed_for(files, capsys):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"], check=True)
    waive = ["--waive", "checks empty=a line without words", "--waived-by", "Ada"]
    waive += ["--policy", "p.toml"]
    assert gate("patch.en", *waive, "--out", "out", "--sign", "key") == 0
    assert (files / "out/evidence.json.sig").is_file()


@pytest.mark.parametrize(
    ("one", "other"),
    [("The colour of the theatre", "The color of the theater"), ("5%", "5 per cent"),
     ("1,000,000 people", "1000000 people"), ("“Fine.”", '"Fine. "'), ("It’s", "It's"),
     ("organised and analysed", "organized and analyzed"), ("travelled", "traveled"),
     ("apples, pears, and figs", "apples, pears and figs"), ("it – I think – is", "it—I think—is"),
     ("the years 2019–20", "the years 2019-20"), ("It doesn't.", "It does not."),
     ("You'll see it's late.", "You will see it is late."), ("We can't.", "We cannot."),
     ("in the U.S. today", "in the US today"), ("at 3 p.m. on", "at 3 pm on"),
     ("at 15:30 on", "at 3:30 p.m. on"),
     ("on 5th March 2020 he", "on March 5, 2020, he"), ("on 2020-03-05", "on March 5, 2020"),
     ("three cats", "3 cats"), ("Tom & I", "Tom and I"), ("He said 'no'.", 'He said "no".'),
     ("a long-term e-mail", "a long term email"), ("Dr. Who", "Dr Who"), ("2 000 men", "2,000 men"),
     ("5 million", "5,000,000"), ("$5", "5 dollars"), ("the “end”.", 'the "end."'),
     ("ﬁne，yes", "fine,yes")],
)  # fmt: skip
def test_variants_of_writing_are_one(one, other):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5%", "6%"),
        ("a cat", "a dog"),
        ("1,00", "100"),
        ("He does.", "He doesn't."),
        ("March 5", "May 5"),
        ("3 a.m.", "3 p.m."),
        ("5 million", "5 billion"),
        ("US", "us"),
    ],
)
def test_what_differs_in_meaning_stays_different(one, other):
    assert canonical(one) != canonical(other)
