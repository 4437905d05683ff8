from __future__ import annotations

import hashlib
import json
import sys
import types
from pathlib import Path

import pytest

from cli.progress import ProgressBar
from model_store.store import ModelStore
from tests.model_store.tiny_model import write_model

TAG = "csanmt-zh-en:v1.0.0"


def _save(csanmt, model: Path, version: str = "v1.0.0", *more: str):
    return csanmt("models", "save", model, "--name", "csanmt-zh-en", "--version", version, *more)


def test_save_list_show(csanmt, store: ModelStore, model: Path) -> None:
    assert csanmt("models", "list").err == "csanmt: no model versions in the store\n"
    (model / "provenance.json").write_text('{"scores": {"wmt20": {"bleu": 20.5}}}')
    saved = _save(
        csanmt, model, "v1.0.0", "--label", "stage=live", "by=us", "--metadata", "n=1.5", "t=x=y"
    )
    digest = store.show(TAG).digest
    assert saved.out == f"saved {TAG} ({_size(store)}, {digest})\n"

    listed = csanmt("models", "list")
    header, row = listed.out.splitlines()
    assert header.split() == ["TAG", "CREATED", "SIZE", "DIGEST", "LABELS"]
    assert row.split()[0] == TAG
    assert row.endswith(f"{digest[7:19]}  by=us stage=live")
    assert csanmt("models", "list", "other").err == "csanmt: no model versions named other\n"

    as_json = csanmt("models", "list", "--json").json
    assert as_json["damaged"] == []
    assert as_json["models"][0] == {
        "tag": TAG,
        "created": store.show(TAG).created,
        "digest": digest,
        "size": store.show(TAG).size,
        "labels": {"by": "us", "stage": "live"},
        "metadata": {"n": 1.5, "t": "x=y"},
    }
    shown = csanmt("models", "show", TAG)
    assert "\nscores.wmt20.bleu: 20.5\n" in shown.out
    assert f"\ndigest: {digest}\n" in shown.out
    assert f"{hashlib.sha256(b'# card' + bytes([10])).hexdigest()}" in shown.out
    assert csanmt("models", "show", TAG, "--json").json["path"] == str(store.path(TAG))


def _size(store: ModelStore) -> str:
    from cli.output import human_size

    return human_size(store.show(TAG).size)


def test_verify_names_what_is_wrong_and_exits_with_3(
    csanmt, store: ModelStore, model: Path
) -> None:
    assert csanmt("models", "verify").err == "csanmt: no model versions in the store\n"
    _save(csanmt, model)
    assert csanmt("models", "verify", TAG).out == f"{TAG}: intact\n"
    (store.path(TAG) / "engine.bin").write_bytes(b"?")
    outcome = csanmt("models", "verify")
    assert (outcome.status, outcome.out) == (3, f"{TAG}: changed: engine.bin\n")
    report = csanmt("models", "verify", TAG, "--json")
    assert report.status == 3
    assert report.json["ok"] is False
    assert report.json["versions"][0]["changed"] == ["engine.bin"]
    (store.path(TAG) / "provenance.json").write_text("{}")
    assert "is not a record of this store" in csanmt("models", "verify", TAG).out
    listed = csanmt("models", "list")
    assert listed.status == 3
    assert "damaged" in listed.out
    assert csanmt("models", "list", "--json").json["damaged"][0]["tag"] == TAG
    assert csanmt("models", "verify", "m:v1.0.0").status == 4


def test_diff_says_what_differs(csanmt, store: ModelStore, model: Path, tmp_path: Path) -> None:
    wide = write_model(tmp_path / "wide", engine=b"wide", hidden_size=64)
    (wide / "provenance.json").write_text('{"scores": {"bleu": 21.5}, "recipe": "wide"}')
    (model / "provenance.json").write_text('{"scores": {"bleu": 20}}')
    _save(csanmt, model)
    _save(csanmt, wide, "v2.0.0")
    lines = csanmt("models", "diff", TAG, "csanmt-zh-en:v2.0.0").out.splitlines()
    for line in (
        "tokenizer: same",
        "config.hidden_size: 32 -> 64",
        "provenance.scores.bleu: 20 -> 21.5",
        "provenance.recipe: absent -> wide",
    ):
        assert line in lines
    assert any(line.startswith("files.engine.bin: ") and '"size": 4' in line for line in lines)
    report = csanmt("models", "diff", TAG, "csanmt-zh-en:v2.0.0", "--json").json
    assert report["config"] == {"hidden_size": [32, 64]}
    same = csanmt("models", "diff", TAG, TAG).out
    assert "files: all equal" in same


def test_export_and_import_carry_a_version_to_another_store(
    csanmt, store: ModelStore, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _save(csanmt, model)
    exported = csanmt("models", "export", TAG, tmp_path, "--json").json
    archive = Path(exported["path"])
    assert exported["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert f"sha256 {exported['sha256']}" in csanmt("models", "export", TAG, tmp_path / "b").out

    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "elsewhere"))
    refused = csanmt("models", "import", archive)
    assert (refused.status, "required: --sha256" in refused.err) == (2, True)
    refused = csanmt("models", "import", archive, "--sha256", "0" * 64, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (3, "integrity")
    imported = csanmt("models", "import", archive, "--sha256", exported["sha256"])
    assert imported.out.startswith(f"imported {TAG} (")
    assert csanmt("models", "import", archive, "--sha256", exported["sha256"]).status == 5
    assert csanmt("models", "verify").out == f"{TAG}: intact\n"


def test_retire_shows_first_and_needs_to_know_what_is_in_service(
    csanmt, store: ModelStore, model: Path
) -> None:
    for minor in range(5):
        _save(csanmt, model, f"v1.{minor}.0")
    name = "csanmt-zh-en"
    assert (
        "one of the arguments --in-service --none-in-service is required"
        in csanmt("models", "retire", name).err
    )
    dry = csanmt("models", "retire", name, "--in-service", TAG)
    assert [line.split()[1] for line in dry.out.splitlines()[1:]] == [
        "stays",
        "would",
        "stays",
        "stays",
        "stays",
    ]
    assert "nothing was removed; add --yes" in dry.err
    assert len(store.list()) == 5
    done = csanmt("models", "retire", name, "--in-service", TAG, "--yes", "--json").json
    assert [v["tag"] for v in done["versions"] if v["retire"]] == [f"{name}:v1.1.0"]
    assert [record.tag.version for record in store.list()] == [
        "v1.0.0",
        "v1.2.0",
        "v1.3.0",
        "v1.4.0",
    ]
    stays = csanmt("models", "retire", TAG, "--in-service", TAG, "--yes")
    assert (stays.status, "stays: it is in service" in stays.err) == (5, True)
    stays = csanmt("models", "retire", f"{name}:v1.4.0", "--none-in-service", "--yes")
    assert (stays.status, "one of the newest 3" in stays.err) == (5, True)
    assert csanmt("models", "retire", name, "--none-in-service", "--keep", "1").status == 2


def test_the_bars_reach_their_end(
    csanmt, store: ModelStore, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is digested adds up to the totals that the commands announce, but for small records."""
    bars: list[ProgressBar] = []
    stop = ProgressBar.__exit__
    monkeypatch.setattr(
        ProgressBar, "__exit__", lambda bar, *rest: bars.append(bar) or stop(bar, *rest)
    )
    (model / "engine.bin").write_bytes(bytes(1 << 20))
    _save(csanmt, model)
    csanmt("models", "verify")
    receipt = csanmt("models", "export", TAG, tmp_path, "--json").json
    store.remove(store.show(TAG).tag)
    csanmt("models", "import", receipt["path"], "--sha256", receipt["sha256"])
    assert [bar.title for bar in bars] == ["saving", "verifying", "exporting", "importing"]
    for bar in bars:
        assert bar.done == pytest.approx(bar._total, rel=0.05)


@pytest.fixture
def packer(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the library's packer, which needs a real model."""
    module = types.ModuleType("csanmt.engine.packing")
    module.pack = lambda source, out: Path(out).write_bytes(
        b"packed " + (Path(source) / "model.safetensors").read_bytes()
    )
    monkeypatch.setitem(sys.modules, "csanmt.engine.packing", module)


@pytest.mark.usefixtures("packer")
def test_pack_makes_a_file_or_a_new_version(
    csanmt, store: ModelStore, model: Path, tmp_path: Path
) -> None:
    (model / "engine.bin").unlink()
    (model / "model.safetensors").write_bytes(b"floats")
    (model / "provenance.json").write_text('{"source": "training"}')
    _save(csanmt, model, "v1.0.0")
    out = tmp_path / "engine.bin"
    assert csanmt("models", "pack", TAG, "--out", out, "--json").json["size"] == 13
    assert out.read_bytes() == b"packed floats"
    assert csanmt("models", "pack", model, "--out", out).status == 5
    slim = csanmt("models", "pack", TAG, "--save-as", "csanmt-zh-en:v1.0.1", "--slim")
    assert slim.status == 0, slim.err
    record = store.show("csanmt-zh-en:v1.0.1")
    assert "engine.bin" in record.files
    assert "model.safetensors" not in record.files
    assert record.origin == {"source": "training", "packed_from": TAG}
    both = csanmt("models", "pack", model, "--save-as", "csanmt-zh-en:v1.0.2", "--json").json
    assert {"engine.bin", "model.safetensors"} <= set(store.show(both["tag"]).files)
    assert (
        "has no model.safetensors"
        in csanmt("models", "pack", "csanmt-zh-en:v1.0.1", "--out", tmp_path / "x").err
    )
    assert csanmt("models", "pack", TAG, "--out", tmp_path / "x", "--slim").status == 2


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["show", "m:v1.0.0"], 4, "no model m:v1.0.0 in"),
        (["show", "m"], 2, "has no version; write name:vX.Y.Z"),
        (["show", "m:latest"], 2, "'latest' is not allowed"),
        (["verify", "m:v1"], 2, "write vX.Y.Z"),
        (["diff", "m:v1.0.0", "m:v2.0.0"], 4, "there is nothing"),
        (["export", "m:v1.0.0"], 4, "no model m:v1.0.0"),
        (["import", "absent.tar", "--sha256", "0" * 64], 4, "no archive 'absent.tar'"),
        (["import", "absent.tar", "--sha256", "12"], 2, "is not a SHA-256"),
        (["save", "absent", "--name", "m", "--version", "v1.0.0"], 4, "no model directory"),
        (["save", ".", "--name", "M", "--version", "v1.0.0"], 2, "model name 'M'"),
        (["save", ".", "--name", "m", "--version", "v1.0.0+a"], 2, "'v1.0.0+a' is not allowed"),
        (
            ["save", ".", "--name", "m", "--version", "v1.0.0", "--label", "x"],
            2,
            "'x' is not KEY=VALUE",
        ),
        (
            ["save", ".", "--name", "m", "--version", "v1.0.0", "--labels", "x=1", "x=2"],
            2,
            "'x=2' is not KEY=VALUE, or its key is given twice",
        ),
        (["pack", "absent", "--out", "x"], 4, "no directory 'absent'"),
        (["retire", "m:v1.0.0", "--none-in-service"], 4, "no model m:v1.0.0"),
        (["retire", "m", "--in-service", "latest"], 2, "has no version"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_status(
    csanmt, store: ModelStore, words: list[str], status: int, says: str
) -> None:
    outcome = csanmt("models", *words)
    assert outcome.status == status
    assert says in outcome.err
    assert len(outcome.err.splitlines()) == 1
    reported = csanmt("models", *words, "--json")
    error = json.loads(reported.out)["error"]
    assert reported.status == status
    assert says in error["message"]
