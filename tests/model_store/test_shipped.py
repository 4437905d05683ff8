from __future__ import annotations

import json
from pathlib import Path

import pytest

from csanmt.errors import ConflictError, IntegrityError, NotFoundError
from model_store.shipped import DEFAULT_TAG, ensure_default
from model_store.store import ModelStore


@pytest.fixture
def source(model: Path, store: ModelStore, tmp_path: Path) -> Path:
    """A model as training leaves it: with the digests of its files on record."""
    files = ModelStore(tmp_path / "scratch").save(model, "m:v1.0.0").to_json()["files"]
    (model / "provenance.json").write_text(json.dumps({"source": "training", "files": files}))
    return model


def test_it_is_saved_once_and_found_ever_after(store: ModelStore, source: Path) -> None:
    first = ensure_default(store, source=source)
    assert str(first.tag) == DEFAULT_TAG
    assert first.origin == {"source": "training"}
    assert ensure_default(store, source=source) == first
    assert store.verify(DEFAULT_TAG).ok


def test_it_is_found_without_the_source(store: ModelStore, source: Path, tmp_path: Path) -> None:
    first = ensure_default(store, source=source)
    assert ensure_default(store, source=tmp_path / "nowhere") == first


def test_a_source_tree_without_the_model_says_what_to_do(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="csanmt models save"):
        ensure_default(store, source=tmp_path / "nowhere")


def test_a_damaged_source_is_not_saved(store: ModelStore, source: Path) -> None:
    (source / "engine.bin").write_bytes(b"a checkout that went wrong")
    with pytest.raises(IntegrityError, match=r"engine\.bin .*not as recorded"):
        ensure_default(store, source=source)
    assert store.list() == []


@pytest.mark.parametrize("recorded", [True, False])
def test_another_model_under_the_same_tag_is_not_served_in_silence(
    store: ModelStore, source: Path, recorded: bool
) -> None:
    ensure_default(store, source=source)
    (source / "engine.bin").write_bytes(b"trained again")
    record = json.loads((source / "provenance.json").read_text())
    record["files"]["engine.bin"]["sha256"] = "0" * 64
    (source / "provenance.json").write_text(json.dumps(record if recorded else {}))
    with pytest.raises(ConflictError, match=r"engine\.bin differ"):
        ensure_default(store, source=source)


@pytest.mark.parametrize("recorded", [True, False])
def test_a_new_text_about_the_same_model_is_no_other_model(
    store: ModelStore, source: Path, recorded: bool
) -> None:
    first = ensure_default(store, source=source)
    (source / "model_card.md").write_text("# better\n")
    record = json.loads((source / "provenance.json").read_text())
    record["files"]["model_card.md"]["sha256"] = "0" * 64
    (source / "provenance.json").write_text(json.dumps(record if recorded else {}))
    assert ensure_default(store, source=source) == first
