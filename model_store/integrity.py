"""Does a stored version still hold exactly the bytes that were saved?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from csanmt.errors import IntegrityError, InvalidInputError
from model_store.digests import FileDigest, digest_file, walk_files
from model_store.provenance import ENVELOPE_NAME, RECORD_NAME, Record


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
        parts = [
            f"{kind} {', '.join(paths)}"
            for kind, paths in (
                ("changed:", self.changed),
                ("missing:", self.missing),
                ("extra:", self.extra),
            )
            if paths
        ]
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
