"""Run another program and turn its failure into one of our errors."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

from csanmt.errors import CsanmtError, EngineUnavailableError

TAIL_LINES = 12  # lines of a failed program's output that its error carries


class CommandError(CsanmtError):
    """A program that the release path depends on failed; the message ends in its last lines."""

    exit_code = 1
    code = "command_failed"


def run_command(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    log: Path | None = None,
    timeout: float | None = None,
) -> str:
    """Run ``command`` and return its standard output.

    Args:
        environment: the whole environment of the program; ours by default.
        log: a file that receives output and errors as they come (the result is then empty).
        timeout: seconds.

    Raises:
        EngineUnavailableError: the program is not installed.
        CommandError: it failed or ran out of time.
    """
    shown = " ".join(command[:3])
    try:
        with log.open("ab") if log else nullcontext(subprocess.PIPE) as sink:
            done = subprocess.run(
                command, cwd=cwd, env=environment, stdin=stdin, stdout=sink,
                stderr=sink, text=True, errors="replace", timeout=timeout, check=False,
            )  # fmt: skip
    except FileNotFoundError as error:
        raise EngineUnavailableError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{shown} did not finish in {timeout:g} s") from error
    if done.returncode != 0:
        text = log.read_text("utf-8", "replace") if log else done.stderr.strip() or done.stdout
        tail = "\n".join(text.strip().splitlines()[-TAIL_LINES:])
        raise CommandError(f"{shown} ended with {done.returncode}:\n{tail}")
    return done.stdout or ""


@contextmanager
def timed(tell: Callable[[str], None], step: str) -> Iterator[None]:
    """Say how long a step took."""
    began = time.monotonic()
    yield
    tell(f"{step}: {time.monotonic() - began:.0f} s")
