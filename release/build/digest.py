"""One digest for a tree of files, equal wherever and whenever the tree is made."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from csanmt.durable import file_sha256
from csanmt.errors import IntegrityError


def file_digest(path: Path) -> str:
    """Return ``sha256:<hex>`` of a file's bytes."""
    return f"sha256:{file_sha256(path)}"


def tree_digest(directory: Path) -> str:
    """Return ``sha256:<hex>`` over the paths, execute bits and contents below ``directory``.

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
