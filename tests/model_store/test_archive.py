from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import bentoml
import pytest
from bentoml._internal.models import ModelStore as BentoStore

from csanmt.errors import (
    ConflictError,
    CsanmtError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from model_store import provenance
from model_store.archive import Receipt, export_archive, import_archive
from model_store.digests import digest_file, model_digest, walk_files
from model_store.store import ModelStore

TAG = "csanmt-zh-en:v1.0.0"


@pytest.fixture
def receipt(store: ModelStore, model: Path, tmp_path: Path) -> Receipt:
    store.save(model, TAG, labels={"stage": "live"}, metadata={"bleu": 20.5})
    return export_archive(store, TAG, tmp_path)


@pytest.fixture
def other(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "other-home")


def test_a_version_arrives_unchanged(
    store: ModelStore, receipt: Receipt, other: ModelStore
) -> None:
    assert receipt.path.name == "csanmt-zh-en-v1.0.0.tar"
    assert import_archive(other, receipt.path, receipt.sha256) == store.show(TAG)
    assert other.show(TAG) == store.show(TAG)
    assert other.verify(TAG).ok
    assert bentoml.models.get(TAG, _model_store=BentoStore(other.models)).info.labels == {
        "stage": "live"
    }


def test_the_same_version_always_gives_the_same_bytes(
    receipt: Receipt, other: ModelStore, tmp_path: Path
) -> None:
    import_archive(other, receipt.path, "SHA256:" + receipt.sha256.upper())
    again = export_archive(other, TAG, tmp_path / "again.tar")
    assert again.sha256 == receipt.sha256
    assert again.path.read_bytes() == receipt.path.read_bytes()


def test_sha256sum_checks_the_file_beside_the_archive(receipt: Receipt) -> None:
    beside = receipt.path.with_name(receipt.path.name + ".sha256")
    subprocess.run(
        ["sha256sum", "--check", "--strict", beside.name],
        cwd=beside.parent,
        check=True,
        capture_output=True,
    )


def test_bentoml_reads_the_archive_too(receipt: Receipt, other: ModelStore) -> None:
    other.models.mkdir(parents=True)
    bentoml.models.import_model(str(receipt.path), _model_store=BentoStore(other.models))
    assert other.verify(TAG).ok


def test_nothing_is_overwritten(store: ModelStore, receipt: Receipt, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="exists already"):
        export_archive(store, TAG, tmp_path)
    with pytest.raises(ConflictError, match=r"v1\.0\.0 exists already"):
        import_archive(store, receipt.path, receipt.sha256)
    with pytest.raises(StorageError, match="cannot export"):
        export_archive(store, TAG, tmp_path / "no" / "such" / "folder.tar")
    assert sorted(p.name for p in tmp_path.glob("*.tar*")) == [
        "csanmt-zh-en-v1.0.0.tar",
        "csanmt-zh-en-v1.0.0.tar.sha256",
    ]


@pytest.mark.parametrize("digest", ["", "latest", "0" * 63, "g" * 64, "sha512:" + "0" * 64])
def test_a_digest_must_be_one(receipt: Receipt, other: ModelStore, digest: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a SHA-256"):
        import_archive(other, receipt.path, digest)


def test_an_archive_with_another_digest_is_refused(receipt: Receipt, other: ModelStore) -> None:
    with pytest.raises(IntegrityError, match=f"has SHA-256 {receipt.sha256}, not 0000"):
        import_archive(other, receipt.path, "0" * 64)
    with pytest.raises(NotFoundError, match="no archive"):
        import_archive(other, receipt.path.with_name("absent.tar"), receipt.sha256)
    assert other.list() == []


def _entry(name: str, content: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    for key, value in fields.items():
        setattr(entry, key, value)
    return entry, content


def _tar(path: Path, *entries: tuple[tarfile.TarInfo, bytes], mode: str = "a") -> None:
    with tarfile.open(path, mode) as tar:
        for entry, content in entries:
            tar.addfile(entry, io.BytesIO(content))


def _adds(*entries: tuple[tarfile.TarInfo, bytes]) -> Callable[[Path], None]:
    return lambda path: _tar(path, *entries)


def _compress(kind: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        path.unlink()
        _tar(path, _entry("bomb", bytes(1 << 20)), mode=f"w:{kind}")

    return spoil


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1800])


def _sparse(path: Path) -> None:
    """GNU sparse 1.0: a short file that claims to unpack into a terabyte."""
    headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "sparse",
        "GNU.sparse.realsize": str(1 << 40),
    }
    _tar(path, _entry("sparse", b"0\n".ljust(512, b"\0"), pax_headers=headers))


def _lies_about_size(path: Path) -> None:
    """A header that promises more than the file holds."""
    entry = tarfile.TarInfo("huge")
    entry.size = 1 << 40
    content = path.read_bytes().rstrip(b"\0")
    padding = -len(content) % 512
    path.write_bytes(content + bytes(padding) + entry.tobuf(tarfile.GNU_FORMAT))


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (_adds(_entry("../escape")), InvalidInputError, "is refused: entry"),
        (_adds(_entry("a/../../escape")), InvalidInputError, "is refused: entry"),
        (_adds(_entry("/tmp/absolute")), InvalidInputError, "is refused: entry"),
        (_adds(_entry("./config.json")), InvalidInputError, "is refused: entry"),
        (_adds(_entry("a//b")), InvalidInputError, "is refused: entry"),
        (_adds(_entry("a\\..\\b")), InvalidInputError, "is refused: entry"),
        (_adds(_entry("a\nb")), InvalidInputError, "is refused: entry"),
        (_adds(_entry("")), InvalidInputError, "is refused: entry"),
        (_adds(_entry("a/b/c/d/e")), InvalidInputError, "is refused: entry"),
        (_adds(_entry("n" * 300)), InvalidInputError, "is refused: entry"),
        (_adds(_entry("config.json")), InvalidInputError, "entry 'config.json'"),
        (_adds(_entry("CONFIG.json")), InvalidInputError, "entry 'CONFIG.json'"),
        (
            _adds(_entry("link", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
            InvalidInputError,
            "entry 'link'",
        ),
        (
            _adds(_entry("hard", b"", type=tarfile.LNKTYPE, linkname="config.json")),
            InvalidInputError,
            "entry 'hard'",
        ),
        (_adds(_entry("dir", b"", type=tarfile.DIRTYPE)), InvalidInputError, "is refused: entry"),
        (_adds(_entry("fifo", b"", type=tarfile.FIFOTYPE)), InvalidInputError, "is refused: entry"),
        (_adds(_entry("dev", b"", type=tarfile.CHRTYPE)), InvalidInputError, "is refused: entry"),
        (_sparse, InvalidInputError, "is refused: entry"),
        (_lies_about_size, InvalidInputError, "is not a sound tar archive"),
        (_adds(*[_entry(f"f{k}") for k in range(1001)]), InvalidInputError, "is refused: entry"),
        (_adds(_entry("extra.txt")), InvalidInputError, "entry 'extra.txt'"),
        (_adds(_entry("custom.pkl", b"\x80\x04.")), InvalidInputError, "entry 'custom.pkl'"),
        (_compress("gz"), InvalidInputError, "tar archive, or compressed"),
        (_compress("xz"), InvalidInputError, "tar archive, or compressed"),
        (_compress("bz2"), InvalidInputError, "tar archive, or compressed"),
        (_truncate, InvalidInputError, "is not a sound tar archive"),
        (lambda path: path.write_bytes(b""), InvalidInputError, "is not a sound tar archive"),
        (lambda path: path.write_bytes(b"junk" * 500), InvalidInputError, "not a sound tar"),
        (
            lambda path: _tar(path, _entry("config.json"), mode="w"),
            InvalidInputError,
            "has no provenance.json",
        ),
        (
            lambda path: _tar(path, _entry("provenance.json", b"{}"), mode="w"),
            IntegrityError,
            "is not a record of this store",
        ),
    ],
)
def test_hostile_archives_are_refused_even_with_their_own_digest(
    receipt: Receipt,
    other: ModelStore,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    error: type[CsanmtError],
    says: str,
) -> None:
    spoil(receipt.path)
    digest = hashlib.sha256(receipt.path.read_bytes()).hexdigest()
    outside = sorted(path for path in tmp_path.rglob("*") if other.home not in path.parents)
    with pytest.raises(error) as caught:
        import_archive(other, receipt.path, digest)
    assert says in str(caught.value)
    assert other.list() == []
    inside = sorted(p.relative_to(other.home).as_posix() for p in other.home.rglob("*"))
    assert inside == ["csanmt-staging", "csanmt-staging/lock", "models"]
    now = sorted(path for path in tmp_path.rglob("*") if other.home not in path.parents)
    assert [path for path in now if path != other.home] == outside


def _forge(store: ModelStore, target: Path, spoil: Callable[[Path, dict], None]) -> Receipt:
    """An archive by somebody who makes all digests agree with what they put in."""
    directory = store.path(TAG)
    record = store.show(TAG)
    spoil(directory, value := record.to_json())
    files = {
        path: digest_file(directory / path)
        for path in walk_files(directory)
        if path not in ("model.yaml", "provenance.json")
    }
    value["files"] |= {path: asdict(entry) for path, entry in files.items()}
    value["digest"] = model_digest(files)
    value["envelope"] = asdict(digest_file(directory / "model.yaml"))
    value["record_sha256"] = provenance._record_sha256(value)
    (directory / "provenance.json").write_text(provenance._render(value), encoding="utf-8")
    with tarfile.open(target, "w") as tar:
        for path in walk_files(directory):
            tar.add(directory / path, path)
    content = target.read_bytes()
    return Receipt(target, len(content), hashlib.sha256(content).hexdigest(), record)


def _rewrite(old: str, new: str) -> Callable[[Path, dict], None]:
    def spoil(directory: Path, _record: dict) -> None:
        path = directory / "model.yaml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda d, _: (d / "weights.pkl").write_bytes(b"\x80\x04."),
            "'weights.pkl' may not be part of a model",
        ),
        (lambda d, _: (d / "config.json").write_text("{}"), "model_type is None"),
        (_rewrite("module: ''", "module: os"), "module is 'os'; allowed is ''"),
        (_rewrite("options: {}", "options: {a: 1}"), "options is {'a': 1}"),
        (_rewrite("version: v1.0.0", "version: v9.0.0"), "version is 'v9.0.0'"),
        (_rewrite("name: csanmt-zh-en", "name: !!python/name:os.system"), "is not YAML"),
        (lambda _, record: record.update(tag="../x:v1.0.0"), "model name '../x'"),
        (lambda _, record: record.update(labels=["a"]), "labels is ['a']"),
        (lambda _, record: record.update(labels={"a": 1}), "a is 1; allowed is a str"),
        (lambda _, record: record.update(metadata=None), "metadata is None"),
        (lambda _, record: record.update(created=7), "created is 7"),
        (lambda _, record: record.update(format=2), "has format 2; this version reads 1"),
        (
            lambda _, record: record["files"].update({"../../x": {"size": "1", "sha256": "0"}}),
            "size is '1'",
        ),
    ],
)
def test_archives_forged_to_be_consistent_are_judged_by_their_content(
    store: ModelStore,
    receipt: Receipt,
    other: ModelStore,
    tmp_path: Path,
    spoil: Callable[[Path, dict], None],
    says: str,
) -> None:
    forged = _forge(store, tmp_path / "forged.tar", spoil)
    with pytest.raises(CsanmtError) as caught:
        import_archive(other, forged.path, forged.sha256)
    assert says in str(caught.value)
    assert other.list() == []
    assert not list(other.models.rglob("*"))


def test_a_record_that_lists_a_file_outside_leads_nowhere(
    store: ModelStore, receipt: Receipt, other: ModelStore, tmp_path: Path
) -> None:
    record, directory = store.show(TAG), store.path(TAG)
    files = {**record.files, "../escape": digest_file(directory / "config.json")}
    replace(record, files=files, digest=model_digest(files)).write(directory)
    with tarfile.open(receipt.path, "w") as tar:
        for path in walk_files(directory):
            tar.add(directory / path, path)
        tar.add(directory / "config.json", "../escape")
    with pytest.raises(InvalidInputError, match="outside the destination"):
        import_archive(other, receipt.path, digest_file(receipt.path).sha256)
    assert not list(tmp_path.rglob("escape"))


def test_the_forger_of_these_tests_can_make_an_archive_that_is_accepted(
    store: ModelStore, receipt: Receipt, other: ModelStore, tmp_path: Path
) -> None:
    forged = _forge(store, tmp_path / "forged.tar", lambda *_: None)
    import_archive(other, forged.path, forged.sha256)
    assert other.verify(TAG).ok
