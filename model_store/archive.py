"""One version as one file: a plain tar with nothing in it but regular files.

The same version always gives the same bytes, so that the archive's SHA-256 can
be written down once and asked for at every import. Reading trusts nothing: the
SHA-256 must be given, the tar must be uncompressed (so it cannot expand), and
its entries must be the regular files that the version's own record lists.
"""

from __future__ import annotations

import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from csanmt.durable import replacing
from csanmt.errors import ConflictError, IntegrityError, InvalidInputError, NotFoundError
from model_store.digests import digest_file, digest_stream
from model_store.envelope import check_envelope
from model_store.integrity import model_files, require_intact
from model_store.provenance import ENVELOPE_NAME, RECORD_NAME, Record
from model_store.staging import storage_errors, writing
from model_store.store import ModelStore


@dataclass(frozen=True, slots=True)
class Receipt:
    """An archive that was written: what to give to ``import_archive``."""

    path: Path
    size: int  # bytes
    sha256: str
    record: Record


def export_archive(store: ModelStore, tag: str, target: str | Path) -> Receipt:
    """Write a version, checked first, as a tar, and ``<target>.sha256`` beside it.

    Args:
        target: the file, or a directory to put ``<name>-<version>.tar`` in.

    Raises:
        IntegrityError: the version is damaged.
        ConflictError: the file exists.
        StorageError: it cannot be written; nothing is left behind.
    """
    record, directory = store.show(tag), store.path(tag)
    require_intact(directory, record)
    path = Path(target)
    if path.is_dir():
        path = path / f"{record.tag.name}-{record.tag.version}.tar"
    if path.exists():
        raise ConflictError(f"{str(path)!r} exists already")
    with storage_errors(f"export {record.tag}", path.parent):
        with replacing(path) as stream:
            _write_tar(stream, directory, record)
        digest = digest_file(path)
        path.with_name(path.name + ".sha256").write_text(f"{digest.sha256}  {path.name}\n")
    return Receipt(path, digest.size, digest.sha256, record)


def import_archive(store: ModelStore, archive: str | Path, sha256: str) -> Record:
    """Bring an exported version into the store, under its own tag.

    Args:
        sha256: hexadecimal SHA-256 of the archive, from whoever exported it.

    Raises:
        NotFoundError: no such archive.
        InvalidInputError: ``sha256`` is not one, or the archive is not one of ours.
        IntegrityError: the archive is not the one with that SHA-256, or is inconsistent.
        ConflictError: the version exists, undamaged.
    """
    path = Path(archive)
    wanted = sha256.lower().removeprefix("sha256:")
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        raise InvalidInputError(f"{sha256!r} is not a SHA-256 (64 hexadecimal digits)")
    if not path.is_file():
        raise NotFoundError(f"no archive {str(path)!r}")
    with (
        storage_errors(f"import {str(path)!r}", store.home),
        path.open("rb") as stream,
        writing(store.home) as work,
    ):
        actual = digest_stream(stream).sha256
        if actual != wanted:
            raise IntegrityError(
                f"{str(path)!r} has SHA-256 {actual}, not {wanted}: damaged or not what was meant"
            )
        stream.seek(0)
        version = work / "version"
        record = _extract(stream, version, name=str(path))
        require_intact(version, record)
        model_files(version)
        check_envelope(version, record.tag)
        store.place(version, record, repair=True)
    return record


def _write_tar(stream: IO[bytes], directory: Path, record: Record) -> None:
    """Entries sorted by path, with the same owner, mode and time for everybody."""
    names = sorted([RECORD_NAME, ENVELOPE_NAME, *record.files], key=str.encode)
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = (directory / name).stat().st_size
            entry.mode = 0o644
            with (directory / name).open("rb") as content:
                tar.addfile(entry, content)


def _extract(stream: IO[bytes], target: Path, *, name: str) -> Record:
    """Write what the archive's own record lists, once each; anything else is refused first."""
    try:
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            odd = [entry.name for entry in tar if not entry.isreg() or entry.issparse()]
            names = Counter(tar.getnames())
            if not odd and RECORD_NAME not in names:
                raise InvalidInputError(
                    f"{name!r} has no {RECORD_NAME}: it was not written by 'csanmt models export'"
                )
            if not odd:
                tar.extract(RECORD_NAME, target, filter="data")
                record = Record.read(target)
                odd = [*(names - Counter([RECORD_NAME, ENVELOPE_NAME, *record.files]))]
            if odd:
                raise InvalidInputError(
                    f"{name!r} is refused: entry {odd[0][:100]!r} is not a regular file that its "
                    f"{RECORD_NAME} lists, or is one of several of that name"
                )
            tar.extractall(target, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise InvalidInputError(
            f"{name!r} is not a sound tar archive, or compressed, as 'csanmt models export' "
            f"writes none: {error}"
        ) from error
    return record
