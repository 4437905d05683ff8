from __future__ import annotations

from pathlib import Path

from cli.versions import compare
from csanmt.tables import flatten
from model_store.store import ModelStore
from tests.model_store.tiny_model import write_model


def test_equal_files_differ_in_what_was_said_about_them_alone(
    store: ModelStore, model: Path
) -> None:
    store.save(model, "m:v1.0.0", labels={"stage": "old"}, provenance={"scores": {"bleu": 20.0}})
    store.save(model, "m:v1.1.0", labels={"by": "us"}, provenance={"scores": {"bleu": 21.5}})
    difference = compare(store, "m:v1.0.0", "m:v1.1.0")
    assert difference["same_digest"]
    assert difference["tokenizer_same"]
    assert (difference["config"], difference["files"], difference["metadata"]) == ({}, {}, {})
    assert difference["labels"] == {"by": (None, "us"), "stage": ("old", None)}
    assert difference["provenance"] == {"scores.bleu": (20.0, 21.5)}


def test_configuration_files_and_tokenizer_are_compared(
    store: ModelStore, model: Path, tmp_path: Path
) -> None:
    wider = write_model(tmp_path / "wider", hidden_size=64, engine=b"wide")
    (wider / "tokenizer" / "source.model").write_bytes(b"\nother pieces")
    (wider / "shortlist.bin").write_bytes(b"list")
    store.save(model, "m:v1.0.0")
    store.save(wider, "m:v2.0.0")
    difference = compare(store, "m:v1.0.0", "m:v2.0.0")
    assert difference["config"] == {"hidden_size": (32, 64)}
    assert list(difference["files"]) == [
        "config.json",
        "engine.bin",
        "shortlist.bin",
        "tokenizer/source.model",
    ]
    assert difference["files"]["shortlist.bin"][0] is None
    assert not difference["tokenizer_same"]
    report = difference
    assert report["files"]["engine.bin"][1]["size"] == 4
    assert report["before"]["digest"] == store.show("m:v1.0.0").digest


def test_flattening_keeps_lists_and_empty_mappings() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": [1, {"e": 2}]}, "f": {}}) == {
        "a.b.c": 1,
        "a.d": [1, {"e": 2}],
        "f": {},
    }
