from __future__ import annotations

import shutil
import sys
import types
from pathlib import Path

import pytest

import cli.import_modelscope as command
from csanmt.errors import CheckpointError, ConfigurationError, CsanmtError
from csanmt.modelscope.conversion import convert
from model_store.store import ModelStore

GOLDEN = Path(__file__).parents[1] / "goldens" / "A" / "model"
PACKS = GOLDEN.parents[1] / "B" / "model"  # int8 of the others is silent
TAG = "csanmt-golden:v0.0.1"
TEXT = "你好，世界。"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home into which golden A was imported, and what the command printed; made once."""
    import contextlib
    import io

    from cli.main import main

    home = tmp_path_factory.mktemp("imported")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(printed):
        patched.setenv("BENTOML_HOME", str(home))
        status = main(
            [
                "import-modelscope",
                str(GOLDEN),
                "--name",
                "csanmt-golden",
                "--version",
                "v0.0.1",
                "--labels",
                "stage=test",
                "size=tiny",
            ]
        )
    assert status == 0
    return home, printed.getvalue()


@pytest.fixture
def golden(imported: tuple[Path, str], tmp_path: Path, monkeypatch) -> ModelStore:
    """A copy of that store, to do with as one likes."""
    shutil.copytree(imported[0], tmp_path / "home")
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    return ModelStore.from_environment()


def test_an_import_is_a_sound_version_that_says_where_it_comes_from(
    imported: tuple[Path, str], golden: ModelStore
) -> None:
    assert "self-check (torch): 今天天气很好，我们一起去公园散步吧。 -> " in imported[1]
    assert f"saved {TAG} (" in imported[1]
    assert golden.verify(TAG).ok
    record = golden.show(TAG)
    assert record.labels == {"stage": "test", "size": "tiny"}
    assert {"config.json", "model.safetensors", "generation_config.json"} <= set(record.files)
    source = record.origin["source"]
    assert (source["kind"], source["location"]) == ("modelscope", "model")
    assert len(source["files"]) == 6
    assert record.origin["conversion"]["variables"] == 128
    assert str(GOLDEN.parent) not in (golden.path(TAG) / "provenance.json").read_text()


def test_every_command_works_on_an_imported_model(
    csanmt, golden: ModelStore, tmp_path: Path
) -> None:
    import csanmt as library

    assert csanmt("models", "list").out.count(TAG) == 1
    assert csanmt("models", "verify", TAG).out == f"{TAG}: intact\n"
    assert "| hidden size | 32 |" in (golden.path(TAG) / "model_card.md").read_text()
    translator = library.load(golden.path(TAG), engine="torch", model_tag=TAG)
    expected = library.translate_texts(translator, [TEXT], library.DecodingOptions(beam=2))[0]
    words = ("translate", "--model", TAG, "--engine", "torch", "--beam", "2")
    answer = csanmt(*words, "--json", TEXT).json
    assert answer["translation"] == expected.text != ""
    assert answer["model"] == TAG
    source = tmp_path / "zh.txt"
    source.write_text(f"{TEXT}\n\n{TEXT}\n", encoding="utf-8")
    assert csanmt(*words, "--file", source).out == f"{expected.text}\n\n{expected.text}\n"
    exported = csanmt("models", "export", TAG, tmp_path, "--json").json
    golden.remove(golden.show(TAG).tag)
    back = csanmt("models", "import", exported["path"], "--sha256", exported["sha256"], "--json")
    assert back.json["digest"] == exported["digest"]
    assert csanmt("models", "verify", TAG).status == 0


def test_a_flipped_byte_is_found_before_anything_is_translated(csanmt, golden: ModelStore) -> None:
    for name in ("model.safetensors", "tokenizer/source_vocabulary.txt", "config.json"):
        path = golden.path(TAG) / name
        sound = path.read_bytes()
        path.write_bytes(sound[:-3] + bytes([sound[-3] ^ 4]) + sound[-2:])
        outcome = csanmt("translate", "--model", TAG, "--engine", "torch", TEXT)
        assert (outcome.status, outcome.out) == (3, "")
        assert f"is damaged: changed: {name}" in outcome.err
        path.write_bytes(sound)


def test_an_existing_version_is_refused_before_the_work_begins(
    csanmt, golden: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find_source", None)
    outcome = csanmt("import-modelscope", GOLDEN, "--name", "csanmt-golden", "--version", "v0.0.1")
    assert (outcome.status, "exists already" in outcome.err) == (5, True)


def test_a_broken_checkpoint_saves_nothing(csanmt, store: ModelStore, tmp_path: Path) -> None:
    broken = shutil.copytree(GOLDEN, tmp_path / "broken", copy_function=shutil.copyfile)
    data = broken / "tf_ckpts" / "ckpt-0.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-100])
    words = ("import-modelscope", broken, "--name", "m", "--version", "v1.0.0")
    outcome = csanmt(*words)
    assert outcome.status == 3
    assert "ckpt-0.data-00000-of-00001" in outcome.err
    (broken / "configuration.json").unlink()
    assert csanmt(*words).status == 4
    assert store.list() == []


def test_a_directory_or_a_hub_id_must_be_named(csanmt, store: ModelStore) -> None:
    words = ("--name", "m", "--version", "v1.0.0")
    assert "no directory './absent'" in csanmt("import-modelscope", "./absent", *words).err
    assert (
        "--revision is for hub ids"
        in csanmt("import-modelscope", GOLDEN, *words, "--revision", "x").err
    )
    assert (
        "'v1.0.0+x' is not allowed"
        in csanmt("import-modelscope", GOLDEN, "--name", "m", "--version", "v1.0.0+x").err
    )


def test_without_the_hub_client_the_extra_is_named(csanmt, store, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "modelscope", None)
    outcome = csanmt("import-modelscope", "damo/model", "--name", "m", "--version", "v1.0.0")
    assert outcome.status == 7
    assert "-m pip install modelscope" in outcome.err


def _client(monkeypatch: pytest.MonkeyPatch, download) -> None:
    """A stand-in for ModelScope's hub client, with its function's name and arguments."""
    for name in ("modelscope", "modelscope.hub", "modelscope.hub.snapshot_download"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["modelscope.hub.snapshot_download"].snapshot_download = download


def test_a_hub_id_goes_to_the_hub_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def download(model_id: str, revision: str | None = None) -> str:
        asked.append((model_id, revision))
        return str(tmp_path)

    _client(monkeypatch, download)
    assert command.find_source("damo/nlp_csanmt", "v1.0.1") == tmp_path
    assert asked == [("damo/nlp_csanmt", "v1.0.1")]


def test_a_hub_that_fails_is_one_line(csanmt, store, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(model_id: str, revision: str | None = None) -> str:
        raise RuntimeError("404: no such model")

    _client(monkeypatch, download)
    outcome = csanmt("import-modelscope", "damo/absent", "--name", "m", "--version", "v1.0.0")
    assert outcome.status == 8
    assert "ModelScope's hub did not deliver 'damo/absent': 404: no such model" in outcome.err


@pytest.mark.parametrize(
    ("packs", "answers", "reason"),
    [
        (ConfigurationError("cannot be packed"), {}, "cannot be packed"),
        (None, {"translation": ""}, "answers the self-check with nothing"),
        (None, CheckpointError("a score is nan"), "a score is nan"),
    ],
)
def test_a_model_that_does_not_work_packed_stays_float(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packs, answers, reason: str
) -> None:
    def pack(weights: object, out: Path, config: object) -> None:
        out.write_bytes(b"packed")
        if packs:
            raise packs

    def probe(directory: Path, engine: str) -> dict:
        if engine == "torch":
            return {"translation": "fine"}
        if isinstance(answers, Exception):
            raise answers
        return answers

    monkeypatch.setattr("csanmt.modelscope.conversion.pack", pack)
    monkeypatch.setattr("csanmt.modelscope.conversion.translate_probe", probe)
    report = convert(GOLDEN, tmp_path / "out", int8=True)
    assert report.packing == {"packed": False, "reason": report.packing["reason"]}
    assert reason in report.packing["reason"]
    assert report.self_check == {"translation": "fine"}
    assert not (tmp_path / "out" / "engine.bin").exists()
    with pytest.raises(CsanmtError, match=reason):  # nothing would be left
        convert(GOLDEN, tmp_path / "int8", int8=True, floats=False)


def test_int8_alone_is_a_version_whose_weights_were_compared(csanmt, store: ModelStore) -> None:
    words = ("import-modelscope", PACKS, "--name", "m", "--version", "v1.0.0", "--int8-only")
    outcome = csanmt(*words, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    record = store.show("m:v1.0.0")
    assert "engine.bin" in record.files
    assert "model.safetensors" not in record.files
    agreement = outcome.json["conversion"]["agreement"]
    assert (agreement["sentences"], agreement["most_drift"]) == (200, 0.1)
    assert agreement == record.origin["conversion"]["agreement"]


def test_without_torch_the_import_is_checked_by_the_native_engine(
    csanmt, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("torch", "transformers"):
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("csanmt.modelscope.conversion.torch_is_installed", lambda: False)
    outcome = csanmt("import-modelscope", PACKS, "--name", "m", "--version", "v1.0.0")
    assert outcome.status == 0, outcome.err
    assert outcome.out.startswith("self-check (native): 今天天气很好")
    assert store.show("m:v1.0.0").origin["conversion"]["self_check"]["engine"] == "native"


def test_lines_of_the_users_are_compared_too(csanmt, store: ModelStore, tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text(f"{TEXT}\n\n今天天气很好。\n", encoding="utf-8")
    words = ("import-modelscope", PACKS, "--name", "m", "--version", "v1.0.0", "--compare", lines)
    assert csanmt(*words, "--json").json["conversion"]["agreement"]["sentences"] == 202
