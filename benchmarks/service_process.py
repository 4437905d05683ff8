"""A service as a process of this machine: start it, wait until it is ready, stop all of it.

BentoML's workers live in sessions of their own and go on serving when the main process is
killed. Every service is therefore started with a ``BENTOML_HOME`` of its own, which two live
ones must not share anyway, and all its processes are found by that variable.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

from csanmt.errors import UnavailableError

HOME = "BENTOML_HOME"
READY_SECONDS = 180.0
STOP_SECONDS = 60.0
LAST_LINES = 20
# Opens addresses of this machine, whatever proxy the environment names.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def birth(pid: int) -> str:
    """Start time in clock ticks since boot; empty for a process that is gone or a zombie.

    A pid alone may have been given to another process since; pid and birth together may not.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()  # the name before may hold anything
    return "" if fields[0] in "ZX" else fields[19]


def start(
    command: Sequence[str],
    home: Path,
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Start ``command`` in a session of its own; return its handle, ``pid:birth``.

    Args:
        home: its BENTOML_HOME, by which its processes are found again.
        log: receives what it writes, after what is there.
        environment: of the process; this one's by default.
    """
    own = os.environ if environment is None else environment
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command,
            cwd=cwd or home,
            env={**own, HOME: str(home)},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    return f"{process.pid}:{birth(process.pid)}"


def alive(handle: str) -> bool:
    """Whether the process of a handle still runs; one that ended is reaped if it is ours."""
    number, _, born = handle.partition(":")
    if not number.isdigit() or not born:
        return False
    _reap(int(number))
    return birth(int(number)) == born


def members(home: Path) -> list[int]:
    """The processes that run with ``home`` as their BENTOML_HOME, the oldest first."""
    mark = f"{HOME}={home}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # gone, or another user's
            continue
        if mark in words and (born := birth(int(entry.name))):
            found.append((int(born), int(entry.name)))
    return [pid for _, pid in sorted(found) if pid != os.getpid()]


def stop(home: Path, deadline_seconds: float = STOP_SECONDS) -> int | None:
    """Let the service at ``home`` finish what it began, then end every process of it.

    Returns:
        Exit status of the oldest process where it was ours and ended by itself.
    """
    there = members(home)
    status = None
    for pid in there[:1]:
        _signal(pid, signal.SIGTERM)
    end = time.monotonic() + deadline_seconds
    while there and time.monotonic() < end:
        ended = _reap(there[0])
        status = ended if status is None else status
        if not birth(there[0]):
            left = members(home)
            if left and left != there:
                _signal(left[0], signal.SIGTERM)  # an orphan, which nobody else tells
            there = left
        if there:
            time.sleep(0.05)
    for pid in members(home):
        _signal(pid, signal.SIGKILL)
    while members(home):
        time.sleep(0.02)
    return status


def await_ready(
    url: str, running: Callable[[], bool], words: Callable[[], str], seconds: float = READY_SECONDS
) -> None:
    """Poll ``url/readyz`` until it answers 200, the service ends or time runs out.

    Raises:
        UnavailableError: with what ``words`` returns.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answers(url):
            return
        if not running():
            raise UnavailableError(f"the service ended before it was ready: {words()}")
        time.sleep(0.1)
    raise UnavailableError(f"the service was not ready in {seconds:g} s: {words()}")


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether ``url/readyz`` answers 200."""
    try:
        with DIRECT.open(f"{url}/readyz", timeout=timeout) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException, ValueError):  # a stranger may speak anything
        return False


def last_words(log: Path, lines: int = LAST_LINES) -> str:
    """The end of a log; nothing where there is none."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _reap(pid: int) -> int | None:
    try:
        reaped, status = os.waitpid(pid, os.WNOHANG)
    except (ChildProcessError, OverflowError):  # of others, or no process at all
        return None
    return os.waitstatus_to_exitcode(status) if reaped else None


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
