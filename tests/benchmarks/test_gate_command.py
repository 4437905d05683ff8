"""``csanmt bench`` from the outside: exit codes, files, evidence, the page."""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import evidence
from benchmarks.gate import Decision
from benchmarks.suite import load_suite
from cli.main import main
from csanmt.errors import IntegrityError, NotFoundError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CSANMT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files(tmp_path):
    """A suite of 150 sentences and three files of translations: good, same as good, bad."""
    suite = load_suite("tatoeba")
    folder = tmp_path / "mini"
    folder.mkdir()
    references = suite.references[0][:150]
    lines = {
        "mini/mini.zh": suite.sources[:150],
        "mini/mini.en": references,
        "good.en": [" ".join([*r.split()[:-2], *r.split()[:-3:-1]]) for r in references],
        "bad.en": [" ".join(r.split()[:-2] or ["well"]) for r in references],
        "short.en": references[:149],
    }
    for name, rows in lines.items():
        (tmp_path / name).write_text("".join(row + "\n" for row in rows), "utf-8")
    return tmp_path


def gate(candidate, baseline, *more):
    return main(["bench", "gate", str(candidate), "--baseline", str(baseline), "--suite", "mini",
                 "--workers", "1", "--quiet", *more])  # fmt: skip


def test_a_worse_file_is_rejected_with_exit_status_1(files, capsys):
    assert gate("bad.en", "good.en", "--out", "out", "--json") == 1
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["decision"] == "reject"
    assert verdict["scope"] == "quality-only"
    assert {"loss"} <= {r["rule"] for r in verdict["rules"] if r["status"] == "fail"}
    assert json.loads((files / "out/verdict.json").read_text()) == verdict


def test_a_file_against_itself_is_promoted_with_exit_status_0(files, capsys):
    assert gate("good.en", "good.en", "--out", "out") == 0
    assert "PROMOTE (quality-only)" in capsys.readouterr().out
    assert json.loads((files / "out/measurements.json").read_text())["churn"] == 0
    assert (files / "out/changes.jsonl").read_text() == ""


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        ("nowhere.en", "no URL, no file, no model directory"),
        ("short.en", "has 149 lines, suite 'mini' has 150"),
        ("http://127.0.0.1:9/", "does not answer"),
        ("csanmt-zh-en:v99.0.0", "no model csanmt-zh-en:v99.0.0"),
        ("broken", "broken"),
    ],
)
def test_what_cannot_be_loaded_is_not_judged_and_gives_2(
    files, capsys, monkeypatch, candidate, reason
):
    monkeypatch.setenv("BENTOML_HOME", str(files / "store"))
    (files / "broken").mkdir()
    (files / "broken/config.json").write_text('{"model_type": "csanmt"}')
    assert gate(candidate, "good.en", "--out", "out") == 2
    assert reason in capsys.readouterr().out
    found = evidence.verify(files / "out/evidence.json", promoted=False)
    assert found.decision == Decision.UNJUDGED


@pytest.mark.parametrize(
    "place",
    [
        "benchmarks.compare.measure",
        "benchmarks.report.render",
        "benchmarks.evidence.build",
        "cli.bench.print_json",
    ],
)
def test_an_error_that_nobody_foresaw_is_no_rejection(files, capsys, monkeypatch, place):
    def breaks(*_arguments, **_options):
        raise ValueError("a bug")

    assert gate("good.en", "good.en", "--out", "out") == 0
    monkeypatch.setattr(place, breaks)
    assert gate("bad.en", "good.en", "--out", "out", "--json") == 2
    assert "ValueError: a bug" in capsys.readouterr().err
    verdict = json.loads((files / "out/verdict.json").read_text())
    assert verdict["decision"] != "promote"


def test_a_damaged_policy_gives_2(files, capsys):
    (files / "p.toml").write_text("version = 7")
    assert gate("good.en", "good.en", "--policy", "p.toml") == 2
    assert "version is 7; allowed is 1" in capsys.readouterr().out


def test_a_suite_without_references_is_run_and_not_judged(files, capsys):
    (files / "bare").mkdir()
    (files / "bare/suite.toml").write_text('source = "bare.zh"\n')
    (files / "bare/bare.zh").write_text("一\n二\n", "utf-8")
    (files / "two.en").write_text("One\n\n")
    assert main(["bench", "run", "two.en", "--suite", "bare", "--quiet"]) == 0
    assert "empty" in capsys.readouterr().out
    arguments = ["bench", "gate", "two.en", "--baseline", "two.en", "--suite", "bare", "--quiet"]
    assert main(arguments) == 2
    assert "has no references" in capsys.readouterr().out


def test_one_file_needs_one_suite(files, capsys):
    assert main(["bench", "gate", "good.en", "--baseline", "good.en", "--quiet"]) == 2
    assert "say with --suite" in capsys.readouterr().out


def test_a_second_run_scores_nothing_again(files, monkeypatch):
    assert gate("bad.en", "good.en") == 1

    def must_not(*_arguments, **_options):
        raise AssertionError("scored again")

    monkeypatch.setattr("benchmarks.answers.extract", must_not)
    assert gate("bad.en", "good.en") == 1


def test_the_page_is_one_file_that_needs_no_network(files):
    gate("bad.en", "good.en", "--out", "out")
    page = (files / "out/report.html").read_text("utf-8")
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert "url(" not in page
    for part in ("Reject", "What changed", "Right of zero", "sha256:"):
        assert part in page
    assert page.count("<svg") >= 3


def test_text_in_the_page_is_escaped(files):
    lines = (files / "good.en").read_text().splitlines()
    lines[3] = "<script>alert(1)</script> & more"
    (files / "evil.en").write_text("\n".join(lines) + "\n")
    gate("evil.en", "good.en", "--out", "out")
    page = (files / "out/report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert page.count("<script>") == 1


def test_evidence_holds_what_the_verdict_depends_on(files):
    gate("good.en", "good.en", "--out", "out")
    found = evidence.verify(files / "out/evidence.json", promoted=False)
    content = found.content
    assert content["suites"] == {"mini": load_suite("mini").digest}
    assert "|nc:6|nw:2|" in content["signatures"]["mini"]["chrf2pp"]
    assert content["candidate"]["digest"].startswith("sha256:")
    assert content["dependencies"]["installed"]["sacrebleu"] == "2.6.0"
    assert content["machine"]["cores"] >= 1
    assert "alpha" in content["policy"]["text"]


def test_a_quality_only_verdict_releases_nothing(files, capsys):
    gate("good.en", "good.en", "--out", "out")
    assert main(["bench", "verify", "out/evidence.json"]) == 3
    assert "(quality-only), not promote (full)" in capsys.readouterr().err


@pytest.fixture
def promoted(files):
    gate("good.en", "good.en", "--out", "out")
    return files / "out/evidence.json"


def reseal(content, **changes):
    return evidence.seal({**content, **changes})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {**c, "decision": "reject"}, "changed after it was written"),
        (lambda c: {**c, "extra": 1}, "not an evidence file"),
        (lambda c: reseal(c, verdict={**c["verdict"], "decision": "reject"}), "contradicts itself"),
        (lambda c: reseal(c, verdict={**c["verdict"], "rules": []}), "contradicts itself"),
        (lambda c: reseal(c, policy={**c["policy"], "text": "version = 1"}), "contradicts itself"),
    ],
)
def test_a_changed_evidence_file_is_refused(promoted, change, message):
    content = change(json.loads(promoted.read_text()))
    promoted.write_text(json.dumps(content))
    with pytest.raises(IntegrityError, match=message):
        evidence.verify(promoted, promoted=False)


def test_any_changed_byte_of_evidence_is_noticed(promoted):
    data = promoted.read_bytes()
    for place in range(0, len(data), 997):
        changed = bytearray(data)
        changed[place] = ord("7") if changed[place] != ord("7") else ord("8")
        promoted.write_bytes(changed)
        with pytest.raises(IntegrityError):
            evidence.verify(promoted, promoted=False)


def test_evidence_about_another_model_is_refused(promoted):
    digest = json.loads(promoted.read_text())["candidate"]["digest"]
    assert evidence.verify(promoted, model_digest=digest, promoted=False).model_digest == digest
    bare = digest.removeprefix("sha256:").upper()
    assert evidence.verify(promoted, model_digest=bare, promoted=False)
    with pytest.raises(IntegrityError, match="is about model"):
        evidence.verify(promoted, model_digest="sha256:" + "0" * 64, promoted=False)


def test_missing_evidence_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="no evidence file"):
        evidence.verify(tmp_path / "none.json")


def test_pin_adds_to_the_file_it_is_given(files, capsys):
    arguments = ["bench", "pin", "他姓白。", "--require", "Bai", "--pins", "pins.toml", "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["source"] == "他姓白。"
    assert main(arguments) == 5


def test_suites_are_listed(capsys):
    assert main(["bench", "suites", "--json"]) == 0
    assert {s["name"] for s in json.loads(capsys.readouterr().out)} >= {"tatoeba", "tico19"}


def test_run_scores_a_folder_of_files_and_compare_says_what_changed(files, capsys):
    for name in ("good", "bad"):
        (files / name).mkdir()
        (files / name / "mini.en").write_text((files / f"{name}.en").read_text())
    common = ["--suite", "mini", "--workers", "1", "--quiet", "--json"]
    assert main(["bench", "run", "good", "--out", "scores", *common]) == 0
    scores = {s["metric"]: s for s in json.loads(capsys.readouterr().out)["scores"]}
    assert scores["bleu"]["signature"].endswith("tok:13a|smooth:exp|version:2.6.0")
    assert (files / "scores/mini.en").read_text() == (files / "good.en").read_text()
    assert main(["bench", "compare", "good", "bad", *common]) == 0
    compared = json.loads(capsys.readouterr().out)
    tests = {m["metric"]: m["test"] for m in compared["suites"][0]["metrics"]}
    assert tests["bleu"]["baseline"] == pytest.approx(scores["bleu"]["score"])
    assert tests["bleu"]["delta"] < 0 < tests["ter"]["delta"]


class _Server(BaseHTTPRequestHandler):
    """POST /translate, answering with what the test's server object knows."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        texts = json.loads(self.rfile.read(size))["text"]
        time.sleep(self.server.delay)
        answer = [self.server.answers.get(t, f"It is {t!a}.") for t in texts]
        self.reply({"translation": answer, "model": "csanmt-zh-en:v1.0.0"})

    def do_GET(self):
        self.reply({"model": {"tag": "csanmt-zh-en:v1.0.0", "digest": "sha256:abc"}})

    def reply(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class _Foreign(_Server):
    """Answers, but not as this product does."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reply({"translatedText": ["Something."]})


@contextmanager
def serving(handler, delay=0.0):
    """A server that answers as ``handler`` does, each translation after ``delay`` seconds."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    made.answers, made.delay, made.key = {}, delay, "s3cret"
    made.url = f"http://127.0.0.1:{made.server_port}"
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()


def test_a_service_that_speaks_otherwise_is_not_judged(files, server, capsys):
    with serving(_Foreign) as foreign:
        assert gate(foreign.url, server.url) == 2
    assert "does not answer as this product's service" in capsys.readouterr().out


SPEED_ONLY = 'version = 1\n[quality]\nsuites = ["mini"]\n[speed]\np95_ratio = 1.10\n'


def test_a_slower_service_is_rejected_for_its_speed(files, server, capsys):
    """By the real clock: 40 ms more than the other."""
    (files / "p.toml").write_text(SPEED_ONLY)
    with serving(_Server, delay=0.04) as slow:
        assert gate(slow.url, server.url, "--policy", "p.toml", "--json") == 1
    rules = json.loads(capsys.readouterr().out)["rules"]
    assert [r["subject"] for r in rules if r["status"] == "fail"] == ["p95_ratio"]


@pytest.fixture
def server():
    with serving(_Server) as made:
        yield made


def test_a_running_service_is_judged_by_its_url(files, server, capsys):
    suite = load_suite("mini")
    server.answers = dict(zip(suite.sources, suite.references[0], strict=True))
    (files / "p.toml").write_text(
        'version = 1\n[quality]\nsuites = ["mini"]\n[behaviour.new_failures]\ndefault = 0\n'
        "[quality.minimum.mini]\nbleu = 50\n"
    )
    assert gate(server.url, server.url, "--policy", "p.toml", "--out", "out", "--json") == 0
    assert json.loads(capsys.readouterr().out)["scope"] == "partial"
    assert evidence.verify(files / "out/evidence.json", model_digest="sha256:abc", promoted=False)
    assert main(["bench", "verify", "out/evidence.json"]) == 3
    assert "the candidate is a running service" in capsys.readouterr().err
    assert "the candidate is a running" in (files / "out/report.html").read_text("utf-8")
