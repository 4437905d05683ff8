"""What a version may hold, and whether a stored one still holds the bytes that were saved."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from csanmt.errors import IntegrityError, InvalidInputError, NotFoundError
from csanmt.version import missing_files, read_config
from model_store.digests import FileDigest, digest_file, walk_files
from model_store.provenance import ENVELOPE_NAME, RECORD_NAME, Record

_NO_WEIGHTS = "pkl pickle dill joblib pt pth ckpt npy npz h5 hdf5 keras py pyc so"
_REFUSED = frozenset(_NO_WEIGHTS.split())
_PICKLE_HEAD = re.compile(rb"\x80[\x02-\x05]")  # protocols 2 to 5
_ZIP_HEAD = b"PK\x03\x04"  # what torch.save writes


@dataclass(frozen=True, slots=True)
class Findings:
    """Relative paths of the files that are not as they were saved."""

    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not (self.changed or self.missing or self.extra)

    def __str__(self) -> str:
        parts = [f"{kind}: {', '.join(paths)}" for kind, paths in asdict(self).items() if paths]
        return "; ".join(parts) or "intact"


def examine(directory: Path, record: Record, *, deferred: Collection[str] = ()) -> Findings:
    """Compare every file with its record.

    Args:
        deferred: files of which the size alone is compared, because whoever
            reads them checks a checksum of its own (``engine.bin``) or will not read them.
    """
    expected = {**record.files, ENVELOPE_NAME: record.envelope}
    try:
        present = set(walk_files(directory)) - {RECORD_NAME}
    except InvalidInputError as error:  # a link or a device where there was none
        raise IntegrityError(f"{record.tag} was tampered with: {error}") from error
    changed = [
        path
        for path in sorted(present & expected.keys())
        if _differs(directory / path, expected[path], size_only=path in deferred)
    ]
    return Findings(
        changed=tuple(changed),
        missing=tuple(sorted(expected.keys() - present)),
        extra=tuple(sorted(present - expected.keys())),
    )


def require_intact(
    directory: Path, record: Record, *, deferred: Collection[str] = (), advice: str = ""
) -> None:
    """Raise IntegrityError naming every changed, missing or extra file."""
    findings = examine(directory, record, deferred=deferred)
    if not findings.ok:
        raise IntegrityError(f"{record.tag} is damaged: {findings}{advice}")


def _differs(path: Path, expected: FileDigest, *, size_only: bool) -> bool:
    if path.stat().st_size != expected.size:
        return True
    return not size_only and digest_file(path) != expected


# -- what may be saved -------------------------------------------------------------------------


def model_files(directory: Path) -> list[str]:
    """Relative paths of the files of a version-to-be, checked, sorted.

    Raises:
        NotFoundError: there is no such directory.
        InvalidInputError: names everything missing, the file that may not be in a model, or
            what cannot be read of ``config.json``.
    """
    if not directory.is_dir():
        raise NotFoundError(f"no model directory {str(directory)!r}")
    paths = [path for path in walk_files(directory) if path not in (RECORD_NAME, ENVELOPE_NAME)]
    if missing := list(missing_files(paths)):
        raise InvalidInputError(f"{str(directory)!r} is not a model: missing {', '.join(missing)}")
    for path in paths:
        _refuse_code(directory, path)
    read_config(directory)
    return paths


def _refuse_code(directory: Path, path: str) -> None:
    """Refuse what a loader might unpickle or run."""
    kind = PurePosixPath(path).suffix.lower().removeprefix(".")
    with (directory / path).open("rb") as stream:
        head = stream.read(4)
    # A safetensors file begins with a length, which may look like anything.
    disguised = kind != "safetensors" and (_PICKLE_HEAD.match(head) or head == _ZIP_HEAD)
    if disguised or kind in _REFUSED:
        raise InvalidInputError(
            f"{path!r} may not be part of a model: pickles, archives and code are never loaded; "
            "weights are safetensors or engine.bin"
        )
