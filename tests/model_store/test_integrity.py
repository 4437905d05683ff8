from __future__ import annotations

from pathlib import Path

import pytest

from csanmt.errors import IntegrityError
from model_store.archive import export_archive, import_archive
from model_store.store import ModelStore

TAG = "csanmt-zh-en:v1.0.0"


def test_a_changed_byte_of_any_file_is_found(store: ModelStore, model: Path) -> None:
    store.save(model, TAG, labels={"stage": "live"}, provenance={"scores": {"bleu": 20.5}})
    directory = store.path(TAG)
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    assert len(files) == 7
    for path in files:
        sound = path.read_bytes()
        for position in {0, len(sound) // 2, len(sound) - 1}:
            path.write_bytes(
                sound[:position] + bytes([sound[position] ^ 1]) + sound[position + 1 :]
            )
            name = path.relative_to(directory).as_posix()
            if name == "provenance.json":
                with pytest.raises(IntegrityError, match=r"provenance\.json"):
                    store.verify(TAG)
            else:
                assert store.verify(TAG).changed == (name,)
        path.write_bytes(sound)
    assert store.verify(TAG).ok


def test_missing_and_extra_files_are_named(store: ModelStore, model: Path) -> None:
    store.save(model, TAG)
    directory = store.path(TAG)
    (directory / "engine.bin").unlink()
    (directory / "tokenizer" / "added.txt").write_text("x")
    findings = store.verify(TAG)
    assert (findings.missing, findings.extra) == (("engine.bin",), ("tokenizer/added.txt",))
    assert str(findings) == "missing: engine.bin; extra: tokenizer/added.txt"
    with pytest.raises(IntegrityError, match=r"missing: engine\.bin; extra: tokenizer/added"):
        store.open(TAG)


def test_a_link_in_place_of_a_file_is_tampering(store: ModelStore, model: Path) -> None:
    store.save(model, TAG)
    engine = store.path(TAG) / "engine.bin"
    engine.rename(model / "moved.bin")
    engine.symlink_to(model / "moved.bin")
    with pytest.raises(IntegrityError, match=r"'engine\.bin' in .* is a link"):
        store.verify(TAG)


def test_opening_checks_every_file_but_leaves_the_engine_to_its_own_checksum(
    store: ModelStore, model: Path
) -> None:
    store.save(model, TAG)
    directory = store.path(TAG)
    engine, tokenizer = directory / "engine.bin", directory / "tokenizer" / "source.model"
    sound = engine.read_bytes()
    engine.write_bytes(b"?" + sound[1:])
    assert store.open(TAG) == directory
    with pytest.raises(IntegrityError, match=r"changed: engine\.bin"):
        store.open(TAG, deferred=())
    engine.write_bytes(sound + b"!")  # even a deferred file has its size compared
    with pytest.raises(IntegrityError, match=r"changed: engine\.bin"):
        store.open(TAG)
    engine.write_bytes(sound)
    tokenizer.write_bytes(b"?" + tokenizer.read_bytes()[1:])
    with pytest.raises(IntegrityError, match=r"changed: tokenizer/source\.model"):
        store.open(TAG)


def test_a_version_moved_under_another_tag_is_found(store: ModelStore, model: Path) -> None:
    store.save(model, TAG)
    store.path(TAG).rename(store.models / "csanmt-zh-en" / "v2.0.0")
    with pytest.raises(IntegrityError, match=r"says that it is csanmt-zh-en:v1\.0\.0"):
        store.open("csanmt-zh-en:v2.0.0")


@pytest.mark.parametrize("name", ["engine.bin", "provenance.json", "model.yaml"])
def test_importing_an_export_repairs_a_damaged_version(
    store: ModelStore, model: Path, tmp_path: Path, name: str
) -> None:
    record = store.save(model, TAG)
    receipt = export_archive(store, TAG, tmp_path)
    (store.path(TAG) / name).write_bytes(b"damage")
    assert import_archive(store, receipt.path, receipt.sha256) == record
    assert store.verify(TAG).ok


def test_a_damaged_version_is_not_exported(store: ModelStore, model: Path, tmp_path: Path) -> None:
    store.save(model, TAG)
    (store.path(TAG) / "config.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"changed: config\.json"):
        export_archive(store, TAG, tmp_path)
    assert not list(tmp_path.glob("*.tar*"))
