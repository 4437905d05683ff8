from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import bentoml
import pytest
from bentoml._internal.models import ModelStore as BentoStore

from csanmt.errors import ConflictError, IntegrityError, InvalidInputError, NotFoundError
from model_store.provenance import Record
from model_store.store import ModelStore
from tests.model_store.tiny_model import write_model

TAG = "csanmt-zh-en:v1.0.0"


def test_a_saved_version_reads_back_as_it_was_described(store: ModelStore, model: Path) -> None:
    labels = {"stage": "candidate", "语言": "中文"}
    metadata = {"bleu": 24.5, "sets": ["wmt20"], "nested": {"b": True}}
    provenance = {"source": "training", "scores": {"wmt20": {"bleu": 24.5}}, "digest": "mine"}
    saved = store.save(model, TAG, labels=labels, metadata=metadata, provenance=provenance)

    record = store.show(TAG)
    assert record == saved
    assert record.labels == labels
    assert record.metadata == metadata
    assert record.origin == {"source": "training", "scores": {"wmt20": {"bleu": 24.5}}}
    assert sorted(record.files) == [
        "config.json",
        "engine.bin",
        "model_card.md",
        "tokenizer/source.model",
        "tokenizer/tokenizer_config.json",
    ]
    directory = store.open(TAG)
    for path in record.files:
        assert (directory / path).read_bytes() == (model / path).read_bytes()
    assert store.verify(TAG).ok


def test_bentoml_itself_reads_what_was_saved(store: ModelStore, model: Path) -> None:
    store.save(model, TAG, labels={"stage": "live"}, metadata={"bleu": 24.5})
    theirs = BentoStore(store.models)
    found = bentoml.models.get(TAG, _model_store=theirs)
    assert Path(found.path) == store.path(TAG)
    assert found.info.labels == {"stage": "live"}
    assert found.info.metadata == {"bleu": 24.5, "digest": store.show(TAG).digest}
    assert [str(item.tag) for item in bentoml.models.list(_model_store=theirs)] == [TAG]
    assert str(bentoml.models.get("csanmt-zh-en:latest", _model_store=theirs).tag) == TAG


def test_latest_of_bentoml_follows_saving_and_removal(store: ModelStore, model: Path) -> None:
    theirs = BentoStore(store.models)
    for version in ("v2.0.0", "v1.0.0", "v1.5.0"):
        store.save(model, f"m:{version}")
        assert str(theirs.get("m:latest").tag) == f"m:{version}"
    store.remove(store.show("m:v1.5.0").tag)
    assert str(theirs.get("m:latest").tag) == "m:v1.0.0"
    store.remove(store.show("m:v1.0.0").tag)
    store.remove(store.show("m:v2.0.0").tag)
    assert bentoml.models.list(_model_store=theirs) == []
    assert not (store.models / "m").exists()


def test_the_digest_is_that_of_sha256sum_and_depends_on_the_files_alone(
    store: ModelStore, model: Path
) -> None:
    one = store.save(model, "a:v1.0.0", labels={"x": "1"}, metadata={"y": 2})
    two = store.save(model, "b:v3.0.0", provenance={"source": "elsewhere"})
    assert one.digest == two.digest
    script = (
        "find . -type f ! -name model.yaml ! -name provenance.json -printf '%P\\n' | "
        "LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"
    )
    printed = subprocess.run(
        ["sh", "-c", script], cwd=store.path("a:v1.0.0"), capture_output=True, text=True, check=True
    )
    assert one.digest == "sha256:" + printed.stdout.split()[0]


def test_any_change_of_content_or_name_changes_the_digest(
    store: ModelStore, tmp_path: Path
) -> None:
    digests = set()
    for number, build in enumerate(
        [
            lambda d: write_model(d),
            lambda d: write_model(d, engine=b"other"),
            lambda d: write_model(d, hidden_size=64),
            lambda d: shutil.move(write_model(d) / "model_card.md", d / "notes.md"),
        ]
    ):
        build(tmp_path / f"m{number}")
        digests.add(store.save(tmp_path / f"m{number}", f"m:v1.0.{number}").digest)
    assert len(digests) == 4


def test_saving_over_a_version_is_refused_and_changes_nothing(
    store: ModelStore, model: Path, tmp_path: Path
) -> None:
    first = store.save(model, TAG)
    other = write_model(tmp_path / "other", engine=b"something else")
    with pytest.raises(ConflictError, match=r"v1\.0\.0 exists already; versions never change"):
        store.save(other, TAG)
    assert store.show(TAG) == first
    assert store.verify(TAG).ok


def test_a_version_without_a_card_gets_one_made_of_facts(store: ModelStore, model: Path) -> None:
    (model / "model_card.md").unlink()
    store.save(model, TAG, labels={"stage": "test"}, provenance={"source": "here"})
    card = (store.path(TAG) / "model_card.md").read_text()
    for fact in (
        "# csanmt-zh-en:v1.0.0",
        "| hidden size | 32 |",
        "| label `stage` | test |",
        '"here"',
    ):
        assert fact in card


def _without(name: str):
    def spoil(model: Path) -> None:
        target = model / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return spoil


def _with(name: str, content: bytes):
    def spoil(model: Path) -> None:
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(content)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_without("config.json"), "missing config.json"),
        (_without("engine.bin"), "missing engine.bin or model.safetensors"),
        (_without("tokenizer"), "missing tokenizer/"),
        (_with("config.json", b"{"), "not JSON"),
        (_with("config.json", b"[1]"), "must hold a JSON object"),
        (_with("config.json", b"{}"), "model_type is None"),
        (_with("config.json", b'{"model_type": "csanmt", "source_language": 1}'), "is 1"),
        (_with("generation_config.json", b'{"beam": "four"}'), "beam is 'four'"),
        (_with("generation_config.json", b"{bad"), "is not JSON"),
        (_with("config.json", b'{"model_type": "marian"}'), "model_type is 'marian'"),
        (_with("custom_objects.pkl", b"x"), "'custom_objects.pkl' may not be part of a model"),
        (_with("tokenizer/vocab.json", b"\x80\x04\x95"), "'tokenizer/vocab.json' may not be part"),
        (_with("pytorch_model.bin", b"PK\x03\x04.."), "'pytorch_model.bin' may not be part"),
        (_with("tokenizer/load.PY", b"import os"), "'tokenizer/load.PY' may not be part"),
        (_with("provenance.json", b"["), "provenance.json' is not JSON"),
        (_with("bad\nname", b""), "file name 'bad\\nname' is not allowed"),
        (lambda model: (model / "link").symlink_to("/etc/passwd"), "'link' in"),
        (lambda model: os.mkfifo(model / "pipe"), "not a regular file"),
    ],
)
def test_what_is_not_a_model_is_refused_by_name(
    store: ModelStore, model: Path, spoil, says: str
) -> None:
    spoil(model)
    with pytest.raises(InvalidInputError) as caught:
        store.save(model, TAG)
    assert says in str(caught.value)
    assert store.list() == []


def test_safetensors_whose_length_looks_like_a_pickle_is_accepted(
    store: ModelStore, model: Path
) -> None:
    (model / "model.safetensors").write_bytes((640).to_bytes(8, "little") + b" " * 640)
    assert (model / "model.safetensors").read_bytes()[:2] == b"\x80\x02"
    assert "model.safetensors" in store.save(model, TAG).files


def test_values_that_json_cannot_carry_are_refused(store: ModelStore, model: Path) -> None:
    with pytest.raises(InvalidInputError, match="must be JSON"):
        store.save(model, TAG, provenance={"scores": {"bleu": float("nan")}})
    with pytest.raises(InvalidInputError, match="metadata entries must be basic python types"):
        store.save(model, TAG, metadata={"a": None})
    with pytest.raises(InvalidInputError, match="label 'a' is 1; allowed is text"):
        store.save(model, TAG, labels={"a": 1})
    assert store.list() == []


def test_files_that_disagree_with_their_authors_record_are_refused(
    store: ModelStore, model: Path
) -> None:
    store.save(model, "m:v1.0.0")
    copy = shutil.copytree(store.path("m:v1.0.0"), model.parent / "copy")
    assert store.save(copy, "m:v1.0.1").digest == store.show("m:v1.0.0").digest
    (copy / "engine.bin").write_bytes(b"half a download")
    (copy / "config.json").write_text('{"model_type": "csanmt"}')
    with pytest.raises(IntegrityError, match=r"config.json, engine.bin .*not as recorded"):
        store.save(copy, "m:v1.0.2")


def test_an_unknown_version_names_those_there_are(store: ModelStore, model: Path) -> None:
    with pytest.raises(NotFoundError, match="there is nothing"):
        store.open(TAG)
    store.save(model, TAG)
    with pytest.raises(NotFoundError, match=r"there is csanmt-zh-en:v1\.0\.0"):
        store.open("csanmt-zh-en:v9.0.0")
    with pytest.raises(NotFoundError, match=r"there is csanmt-zh-en"):
        store.open("csanmt-zh-eng:v1.0.0")
    with pytest.raises(NotFoundError, match="no model directory"):
        store.save(model / "absent", "m:v1.0.0")


def test_listing_is_by_name_and_semantic_version_and_passes_over_strangers(
    store: ModelStore, model: Path
) -> None:
    for tag in ("b:v1.10.0", "b:v1.9.0", "a:v2.0.0", "b:v1.10.0-rc.1"):
        store.save(model, tag)
    theirs = BentoStore(store.models)
    with bentoml.models.create("stranger:x1", _model_store=theirs) as stranger:
        Path(stranger.path_of("weights")).write_bytes(b"w")
    (store.models / "b" / "v3.0.0").mkdir()
    assert [str(record.tag) for record in store.list()] == [
        "a:v2.0.0",
        "b:v1.9.0",
        "b:v1.10.0-rc.1",
        "b:v1.10.0",
    ]
    assert [str(record.tag) for record in store.list("a")] == ["a:v2.0.0"]
    for nobody in ("*", "?", "[ab]", "/proc", "../models/a", "a/"):  # a name is no pattern
        assert store.list(nobody) == []
    (store.path("b:v1.9.0") / "provenance.json").write_text("{}")
    wrong = {str(tag): entry for tag, entry in store.scan() if not isinstance(entry, Record)}
    assert list(wrong) == ["b:v1.9.0"]
    with pytest.raises(IntegrityError, match="not saved by this store"):
        store.show("b:v3.0.0")


def test_reading_needs_no_write_access_and_leaves_no_trace(
    store: ModelStore, model: Path, tmp_path: Path
) -> None:
    assert store.list() == []
    assert not store.home.exists()
    store.save(model, TAG)
    before = sorted(path for path in store.home.rglob("*"))
    store.open(TAG)
    store.verify(TAG)
    store.list()
    assert sorted(path for path in store.home.rglob("*")) == before


def test_the_record_is_plain_json_in_a_stable_order(store: ModelStore, model: Path) -> None:
    store.save(model, TAG, provenance={"scores": {"bleu": 1.5}})
    text = (store.path(TAG) / "provenance.json").read_text()
    value = json.loads(text)
    assert list(value)[:6] == ["format", "tag", "created", "digest", "labels", "metadata"]
    assert list(value["files"]) == sorted(value["files"])
    assert json.dumps(value, ensure_ascii=False, indent=2) + "\n" == text
