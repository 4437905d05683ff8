"""Where documents lie while they are translated: a folder for each, of this server alone.

Nothing of a document stays in the gateway's memory. The folders lie in one that is named
after the server's process, below the system's folder for temporary files; it is removed
when the server stops, and when the next one starts where it could not.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

# The files of one document; texts and answers have a line of JSON for each text.
SOURCE, TEXTS, ANSWERS, RESULT = "source", "texts", "answers", "result"
_PREFIX = "csanmt-documents-"


class JobFolders:
    """Folders of this server's documents; the one around them is made when it is needed."""

    def __init__(self) -> None:
        self._root: Path | None = None

    def new(self) -> Path:
        """An empty folder. Raises OSError where there is no room for one."""
        if self._root is None:
            _remove_abandoned(Path(tempfile.gettempdir()))
            self._root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        return Path(tempfile.mkdtemp(dir=self._root))

    def remove(self) -> None:
        """All of them."""
        if self._root is not None:
            remove(self._root)
            self._root = None


def remove(folder: Path) -> None:
    """With what is in it, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Folders of our servers that are gone without having removed them."""
    for path in folder.glob(f"{_PREFIX}*-*"):
        owner = path.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            ours = path.lstat().st_uid == os.getuid() and not path.is_symlink()
            if ours and owner.isdigit() and not Path(f"/proc/{owner}").exists():
                remove(path)
