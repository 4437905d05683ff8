"""Advisory locks on files; the kernel frees them at any death of their holder."""

from __future__ import annotations

import fcntl
import time
from typing import IO


def lock(file: IO[str], *, shared: bool = False, wait_seconds: float = 0.0) -> bool:
    """Lock an open file against its other openings, of this process too, until it is closed.

    Args:
        shared: beside other shared locks.
        wait_seconds: how long to wait for those who hold it.

    Returns:
        Whether it was obtained.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    end = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
