"""Writing into the store so that a version is either whole or not there.

Everything is first written below ``BENTOML_HOME/csanmt-staging`` and reaches
``BENTOML_HOME/models`` by one rename. (BentoML's own save copies into the final
place: killed on the way it leaves a version that ``bentoml models list`` shows
with files missing, or that makes the listing fail.) One lock, which the kernel
releases whatever happens to its holder, lets one writer in at a time, so
whatever lies in the staging folder when the lock is taken is a leftover.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from csanmt.durable import lock, sync
from csanmt.errors import StorageError, UnavailableError

STAGING = "csanmt-staging"
_LOCK_WAIT = 900.0  # seconds; longer than any save of a model that fits a disk
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def storage_errors(action: str, place: Path) -> Iterator[None]:
    """Turn an OSError in the body into a StorageError that says what was not done, and why."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            reason = f"the disk that holds {str(place)!r} is full; free some space and try again"
        else:
            reason = f"{error.strerror or error} ({str(error.filename or place)!r})"
        raise StorageError(f"cannot {action}: {reason}") from error


@contextmanager
def writing(home: Path, *, on_wait: Callable[[], None] | None = None) -> Iterator[Path]:
    """Hold the store's writer lock; gives an empty folder that is gone afterwards.

    Args:
        home: BENTOML_HOME.
        on_wait: called once if another writer holds the lock.

    Raises:
        UnavailableError: another writer held the lock for a quarter of an hour.
        OSError: the store cannot be written.
    """
    folder = home / STAGING
    folder.mkdir(parents=True, exist_ok=True)
    (home / "models").mkdir(exist_ok=True)
    with open(folder / "lock", "a", encoding="ascii") as handle:
        if not lock(handle, wait_seconds=_LOCK_WAIT, on_wait=on_wait):
            raise UnavailableError(
                f"another process has been writing to {str(home)!r} for "
                f"{_LOCK_WAIT / 60:.0f} minutes; try again later"
            )
        for leftover in folder.glob("work-*"):  # of a killed writer
            shutil.rmtree(leftover)
        work = folder / f"work-{os.getpid()}"
        work.mkdir()
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def publish(version: Path, target: Path) -> None:
    """Move a finished version folder to its place, where nothing is, durably.

    Raises:
        OSError: the move failed; nothing is visible.
    """
    for parent, _, names in os.walk(version, topdown=False):
        for name in [*names, ""]:
            sync(Path(parent, name))
    target.parent.mkdir(parents=True, exist_ok=True)
    version.rename(target)  # replaces nothing but an empty folder
    sync(target.parent)
    sync(target.parent.parent)
