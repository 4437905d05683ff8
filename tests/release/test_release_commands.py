"""``csanmt release`` as people and pipelines call it, as far as nothing is built."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cli.main import main
from csanmt.errors import ConflictError
from release.build.registry import Pushed
from release.build.version import refuse_reuse
from release.ledger.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
BUILT = "v0.1.0-abc1234"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch) -> Ledger:
    path = tmp_path / "ledger.sqlite3"
    monkeypatch.setenv("CSANMT_LEDGER", str(path))
    monkeypatch.setenv("CSANMT_WHO", "ada")
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    return Ledger(path)


@pytest.fixture
def built(ledger: Ledger) -> Ledger:
    ledger.append(
        "build",
        BUILT,
        who="ci",
        why="release build",
        digests={"bento": "sha256:0"},
        detail={"image": None, "model": "m:v1"},
    )
    return ledger


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        (["build", "latest"], 2, "a release must not"),
        (["build", "v1"], 2, "is not a version"),
        (["verify", "v9.9.9"], 4, "never built"),
        (["push", "v9.9.9"], 4, "never built"),
        (["review", "v0.1.0", "--approve", "read"], 2, "is gone: the gate's report"),
        (["inspect", "v0.1.0"], 2, "is gone: skopeo"),
        (["traffic", "--watch"], 2, "is gone: csanmt release status"),
        (["push", BUILT], 5, "never judged"),
        (["pin", "csanmt-zh-en:v9.9.9"], 2, "is gone: csanmt release model"),
    ],
)
def test_a_mistake_is_one_line_and_a_documented_status(
    built: Ledger, words: list[str], status: int, reason: str, capsys
) -> None:
    assert main(["release", *words]) == status
    captured = capsys.readouterr()
    assert reason in captured.err
    assert captured.err.count("\n") == 1
    assert len(built.history()) == 1  # nothing was recorded


def test_history_and_status_are_for_people_and_machines(built: Ledger, capsys) -> None:
    built.append("verdict", BUILT, who="ci", why="verify", detail={"ready": True, "reasons": []})
    built.append("switch", BUILT, who="ada", why="blue-green", detail={"weight": 100})
    assert main(["release", "history"]) == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "build",
        "verdict",
        "switch",
    ]
    assert main(["release", "history", "--json", "--limit", "1"]) == 0
    assert [entry["kind"] for entry in json.loads(capsys.readouterr().out)] == ["switch"]
    assert main(["release", "history", "--check"]) == 0
    assert capsys.readouterr().out.startswith("3 entries")
    assert main(["release", "status"]) == 0
    assert "serves" in capsys.readouterr().out
    assert main(["release", "status", "--json"]) == 0
    state = json.loads(capsys.readouterr().out)
    assert (state["active"], state["versions"][BUILT]["ready"]) == (BUILT, True)
    built.path.write_text("garbage " * 500)
    assert main(["release", "status"]) == 0
    assert "not a database" in capsys.readouterr().err


def test_a_push_that_was_killed_before_its_entry_is_recorded_by_the_next(
    built: Ledger, monkeypatch, capsys
) -> None:
    pushed = Pushed(f"docker://registry.example.org/csanmt:{BUILT}", "sha256:1", already_there=True)
    built.append("build", BUILT, who="ci", why="test", detail={"image": "localhost/csanmt"})
    monkeypatch.setattr("release.running.containers.find_tool", lambda _: "buildah")
    monkeypatch.setattr("release.build.registry.push_image", lambda *_, **__: pushed)
    for _ in range(2):
        assert main(["release", "push", BUILT, "--force", "test"]) == 0
        assert capsys.readouterr().out.startswith("was there")
    entry = built.last("push", BUILT)
    assert entry is not None
    assert (entry.sequence, len(built.history(kind="push"))) == (3, 1)
    assert (entry.detail, entry.digests) == (
        {"reference": pushed.reference},
        {"pushed": "sha256:1"},
    )
    with pytest.raises(ConflictError, match="left this machine"):
        refuse_reuse(BUILT, {"bento": "another"}, built.history(), replacing=True)


def test_a_running_release_is_never_cancelled_by_the_same_tag() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_an_edited_ledger_is_reported_not_shown(built: Ledger, capsys) -> None:
    import sqlite3

    connection = sqlite3.connect(built.path)
    connection.execute("DROP TRIGGER entries_never_change")
    connection.execute("UPDATE entries SET who = 'nobody'")
    connection.commit()
    connection.close()
    assert main(["release", "history", "--check"]) == 3
    assert "edited" in capsys.readouterr().err
