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
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "csanmt-documents-"


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The files of one document."""

    path: Path

    @property
    def source(self) -> Path:
        return self.path / "source"

    @property
    def texts(self) -> Path:
        """A line for each text: JSON."""
        return self.path / "texts"

    @property
    def answers(self) -> Path:
        """A line for each line of ``texts``: JSON."""
        return self.path / "answers"

    @property
    def result(self) -> Path:
        return self.path / "result"

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class JobFolders:
    """Folders of this server's documents; the one around them is made when it is needed."""

    def __init__(self) -> None:
        self._root: Path | None = None

    def new(self) -> JobFolder:
        """An empty folder. Raises OSError where there is no room for one."""
        if self._root is None:
            _remove_abandoned(Path(tempfile.gettempdir()))
            self._root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        return JobFolder(Path(tempfile.mkdtemp(dir=self._root)))

    def remove(self) -> None:
        """All of them."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None


def _remove_abandoned(folder: Path) -> None:
    """Folders of our servers that are gone without having removed them."""
    for path in folder.glob(f"{_PREFIX}*-*"):
        owner = path.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            ours = path.lstat().st_uid == os.getuid() and not path.is_symlink()
            if ours and owner.isdigit() and not Path(f"/proc/{owner}").exists():
                shutil.rmtree(path, ignore_errors=True)
