"""Checksums of a release's artefacts."""

from __future__ import annotations

from pathlib import Path

from csanmt.errors import IntegrityError, NotFoundError
from release.build.digest import file_digest

CHECKSUMS = "SHA256SUMS"
UNCOVERED = {
    CHECKSUMS, "build.log", "evidence.json", "evidence.json.sig", "verdict.json",
    "verdict.json.sig", "image.oci.tar",
    ".image.oci.tar",
}  # fmt: skip
"""Left out of the checksums: themselves, the log of one run, and what comes later and has a
seal, signature or digest of its own (the gate's evidence, the pushed archive and its draft)."""


def write_checksums(folder: Path) -> Path:
    """Write ``SHA256SUMS`` over the folder's files, as ``sha256sum -c`` reads it."""
    lines = [
        f"{file_digest(path).removeprefix('sha256:')}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in UNCOVERED
    ]
    target = folder / CHECKSUMS
    target.write_text("".join(lines), encoding="utf-8")
    return target


def check_checksums(folder: Path, *, alone: bool = True) -> int:
    """Recompute every checksum and return how many files were checked.

    Args:
        alone: nothing else may be there.

    Raises:
        NotFoundError: there is no checksum file.
        IntegrityError: names every file that is missing, changed or not covered.
    """
    try:
        text = (folder / CHECKSUMS).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"no {CHECKSUMS} in {folder}") from error
    expected = {
        name: digest for digest, name in (line.split("  ", 1) for line in text.splitlines())
    }
    present = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in UNCOVERED
    }
    wrong = [f"{name} is missing" for name in sorted(expected.keys() - present.keys())]
    if alone:
        wrong += [f"{name} is not covered" for name in sorted(present.keys() - expected.keys())]
    wrong += [
        f"{name} was changed"
        for name in sorted(expected.keys() & present.keys())
        if file_digest(present[name]) != f"sha256:{expected[name]}"
    ]
    if wrong:
        raise IntegrityError(f"artefacts in {folder}: {'; '.join(wrong)}")
    return len(expected)
