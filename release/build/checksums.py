"""Digests of files and trees, equal wherever and whenever they are made; a release's checksums."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from csanmt.durable import file_sha256
from csanmt.errors import IntegrityError, NotFoundError

CHECKSUMS = "SHA256SUMS"
# Left out of the checksums: themselves, the log of one run, and what comes later and has a seal,
# signature or digest of its own (the gate's evidence, the pushed archive and its draft).
UNCOVERED = {
    CHECKSUMS,
    "build.log",
    "evidence.json",
    "evidence.json.sig",
    "verdict.json",
    "verdict.json.sig",
    "image.oci.tar",
    ".image.oci.tar",
}


def file_digest(path: Path) -> str:
    """``sha256:<hex>`` of a file's bytes."""
    return f"sha256:{file_sha256(path)}"


def tree_digest(directory: Path) -> str:
    """``sha256:<hex>`` over the paths, execute bits and contents below ``directory``.

    Times, owners and the order of the file system do not count. Symbolic links
    count by their target.

    Raises:
        IntegrityError: something is neither a file, a folder nor a link.
    """
    total = hashlib.sha256()
    for path in sorted(directory.rglob("*"), key=lambda item: item.relative_to(directory).parts):
        if path.is_symlink():
            mode, content = "l", "link:" + os.readlink(path)
        elif path.is_file():
            mode, content = "x" if path.stat().st_mode & 0o100 else "-", file_digest(path)
        elif path.is_dir():
            continue
        else:
            raise IntegrityError(f"{path} is neither a file, a folder nor a link")
        name = path.relative_to(directory).as_posix()
        total.update(f"{mode} {content} {name}\n".encode())
    return "sha256:" + total.hexdigest()


def set_times(directory: Path, seconds: int) -> None:
    """Give ``directory`` and everything in it one time and plain modes (755 and 644)."""
    for path in [*directory.rglob("*"), directory]:
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
        os.utime(path, (seconds, seconds), follow_symlinks=False)


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
