"""A writer that is killed, starved or raced leaves the store as if it had never begun."""

from __future__ import annotations

import errno
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bentoml._internal.models import ModelStore as BentoStore

from csanmt.errors import ConflictError, StorageError
from model_store.archive import export_archive, import_archive
from model_store.shipped import DEFAULT_TAG, ensure_default
from model_store.staging import STAGING
from model_store.store import ModelStore
from tests.killing import killed_at
from tests.model_store.tiny_model import write_model

TAG = "csanmt-zh-en:v1.0.0"
# Events of the interpreter that touch the disk; see the audit events table of Python.
DISK = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "shutil.copymode"}


def _leftovers(store: ModelStore) -> list[Path]:
    return [path for path in (store.home / STAGING).glob("*") if path.name != "lock"]


def test_a_save_killed_at_any_disk_access_leaves_all_or_nothing(
    store: ModelStore, model: Path
) -> None:
    store.save(model, "csanmt-zh-en:v0.9.0")  # also loads BentoML before the forks
    step, whole, killed = 0, 0, True
    while killed:
        step += 1
        killed = killed_at(step, DISK, lambda: store.save(model, TAG))
        visible = [record.tag for record in store.list() if str(record.tag) == TAG]
        newest = BentoStore(store.models).get("csanmt-zh-en:latest")  # heals a dangling mark
        assert str(newest.tag) == (TAG if visible else "csanmt-zh-en:v0.9.0")
        whole += len(visible)
        for tag in visible:
            assert store.verify(tag).ok
            store.remove(tag)
        assert not (store.models / "csanmt-zh-en" / "v1.0.0").exists()
    assert step > 25, "too few disk accesses were seen: the hook is blind"
    assert 1 <= whole <= 6  # the last attempt, and those killed after the rename
    assert _leftovers(store) == []


def test_what_a_killed_writer_left_is_cleaned_by_the_next(store: ModelStore, model: Path) -> None:
    store.save(model, "m:v0.0.1")
    assert killed_at(12, DISK, lambda: store.save(model, TAG))
    assert _leftovers(store)
    store.save(model, TAG)
    assert _leftovers(store) == []


def test_an_import_killed_at_any_disk_access_leaves_all_or_nothing(
    store: ModelStore, model: Path, tmp_path: Path
) -> None:
    store.save(model, TAG)
    receipt = export_archive(store, TAG, tmp_path)
    other = ModelStore(tmp_path / "other")
    step, killed = 0, True
    while killed:
        step += 1
        killed = killed_at(step, DISK, lambda: import_archive(other, receipt.path, receipt.sha256))
        for record in other.list():
            assert other.verify(record.tag).ok
            other.remove(record.tag)
        assert not list(other.models.glob("*/*/*"))
    assert step > 25
    assert _leftovers(other) == []


def test_a_removal_killed_at_any_disk_access_leaves_all_or_nothing(
    store: ModelStore, model: Path
) -> None:
    step, killed = 0, True
    while killed:
        step += 1
        if not store.list():
            store.save(model, TAG)
        killed = killed_at(step, DISK, lambda: store.remove(store.show(TAG).tag))
        assert [r.tag for r in store.list() if not store.verify(r.tag).ok] == []
    assert store.list() == []
    assert step > 8


def test_everything_is_flushed_before_it_is_visible_and_its_place_after(
    store: ModelStore, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []

    def record(descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        flushed.append((path, store.path(TAG).is_dir() if store.list() else False))

    monkeypatch.setattr(os, "fsync", record)
    saved = store.save(model, TAG)
    before = {path for path, visible in flushed if not visible}
    after = [path for path, visible in flushed if visible]
    for name in [*saved.files, "model.yaml", "provenance.json", "tokenizer", ""]:
        assert any(path.endswith(f"/version/{name}".rstrip("/")) for path in before), name
    assert after == [str(store.models / "csanmt-zh-en"), str(store.models)]


def _save(home: Path, source: Path, barrier, results) -> None:
    store = ModelStore(home)
    barrier.wait()
    try:
        results.put(store.save(source, TAG).digest)
    except ConflictError:
        results.put("refused")


def test_of_processes_that_save_one_version_at_once_exactly_one_wins(
    store: ModelStore, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(4), context.Queue()
    sources = [write_model(tmp_path / f"m{k}", engine=bytes([k]) * 100_000) for k in range(4)]
    workers = [
        context.Process(target=_save, args=(store.home, source, barrier, results))
        for source in sources
    ]
    for worker in workers:
        worker.start()
    outcomes = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert outcomes.count("refused") == 3
    assert [outcome for outcome in outcomes if outcome != "refused"] == [store.show(TAG).digest]
    assert store.verify(TAG).ok


def _start(home: Path, source: Path, barrier, results) -> None:
    barrier.wait()
    results.put(ensure_default(ModelStore(home), source=source).created)


def test_services_that_start_at_once_share_one_default_model(
    store: ModelStore, model: Path
) -> None:
    (model / "provenance.json").write_text('{"source": "training"}')
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(4), context.Queue()
    workers = [
        context.Process(target=_start, args=(store.home, model, barrier, results)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    created = {results.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join(60)
    assert created == {store.show(DEFAULT_TAG).created}


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "is full; free some space"),
        (errno.EDQUOT, "is full; free some space"),
        (errno.EACCES, "Permission denied"),
        (errno.EROFS, "Read-only file system"),
        (errno.EXDEV, "Invalid cross-device link"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_failing_disk_is_named_and_leaves_nothing(
    store: ModelStore, model: Path, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(StorageError) as caught:
            store.save(model, TAG)
    assert says in str(caught.value)
    assert f"cannot save {TAG}" in str(caught.value)
    assert store.list() == []
    assert _leftovers(store) == []
    store.save(model, TAG)


def test_a_home_that_is_a_file_is_a_clear_error(store: ModelStore, model: Path) -> None:
    store.home.write_text("not a directory")
    with pytest.raises(StorageError, match="cannot save"):
        store.save(model, TAG)


@pytest.mark.parametrize(
    ("options", "says", "left"),
    [
        ("size=512k", "is full; free some space", ["csanmt-staging", "lock", "models"]),
        ("ro", "Read-only file system", []),
    ],
)
def test_a_really_full_or_read_only_disk_leaves_nothing(
    store: ModelStore, tmp_path: Path, options: str, says: str, left: list[str]
) -> None:
    """The same with the kernel's own refusals, on a small file system in memory."""
    source = write_model(tmp_path / "big", engine=os.urandom(1 << 20))
    store.home.mkdir()
    program = (
        "from model_store.store import ModelStore\n"
        "from csanmt.errors import StorageError\n"
        "store = ModelStore.from_environment()\n"
        "try:\n"
        f"    store.save({str(source)!r}, {TAG!r})\n"
        "except StorageError as error:\n"
        "    print(error, store.list(), sorted(p.name for p in store.home.rglob('*')))\n"
    )
    script = (
        f'mount -t tmpfs -o {options} csanmt {store.home} || exit 77\nexec {sys.executable} -c "$0"'
    )
    outcome = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, program],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if outcome.returncode == 77 or "unshare" in outcome.stderr:
        pytest.skip("user namespaces with tmpfs are not allowed here")
    assert says in outcome.stdout, outcome.stderr
    assert f"[] {left}" in outcome.stdout
