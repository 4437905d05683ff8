"""The gateway's side of the parsers: a few warm processes, and no document that holds them.

A document may use so many seconds of processor time and so much memory (see
``serving.documents.process``). A parser that is beyond them, dies or does not answer is
replaced, and its document is refused; one owner never holds all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import sys
from typing import Any

from csanmt.documents.limits import (
    MEGABYTE,
    DocumentError,
    DocumentTooLargeError,
    UnsupportedDocumentError,
)
from csanmt.errors import CsanmtError, StorageFullError, UnavailableError
from csanmt.source_tree import SOURCE_TREE
from serving.documents.process import FULL
from serving.documents.turns import FairTurns
from serving.runners.wire import LENGTH_BYTES, WireError, frame_length, pack, unpack

log = logging.getLogger("csanmt.documents")

PARSERS = 2
MEMORY = 1024 * MEGABYTE  # address space of one
CPU_SECONDS = 30.0  # of one document, each time that it is read
WALL_SECONDS = 180.0  # where the machine is so busy that processor time is scarce
_KINDS: dict[str, type[CsanmtError]] = {
    kind.code: kind for kind in (DocumentError, DocumentTooLargeError, UnsupportedDocumentError)
}
_TOO_SLOW = "the document takes more time to read than a document may take"


class ParserPool:
    """Runs what ``serving.documents.process`` does, in turns that are fair between owners."""

    def __init__(
        self, count: int = PARSERS, *, memory: int = MEMORY, seconds: float = CPU_SECONDS
    ) -> None:
        self._memory, self._seconds = memory, seconds
        self._turns = FairTurns(count, max(1, count - 1))
        self._idle: list[asyncio.subprocess.Process] = []
        self._all: set[asyncio.subprocess.Process] = set()

    async def run(self, owner: str, message: dict[str, Any]) -> dict[str, Any]:
        """What a parser answers.

        Raises:
            DocumentError, DocumentTooLargeError: the document is refused.
            StorageFullError: the disk took no more.
            UnavailableError: no parser can be started.
            CsanmtError: a fault of ours, which is logged.
        """
        async with self._turns.turn(owner):
            process = self._warm() or await self._start()
            try:
                async with asyncio.timeout(WALL_SECONDS):
                    reply = await _ask(process, {**message, "seconds": self._seconds})
            except TimeoutError:
                await self._end(process)
                raise DocumentTooLargeError(_TOO_SLOW) from None
            except (asyncio.IncompleteReadError, ConnectionError, WireError, ValueError):
                raise self._death(await self._end(process)) from None
            except BaseException:  # nobody waits for the answer any more
                await asyncio.shield(self._end(process))
                raise
            if reply.get("last"):
                await self._end(process)
            else:
                self._idle.append(process)
        if "error" in reply:
            raise _error(reply)
        return reply

    async def stop(self) -> None:
        """End all of them."""
        for process in list(self._all):
            await self._end(process)

    def _warm(self) -> asyncio.subprocess.Process | None:
        while self._idle:
            if (process := self._idle.pop()).returncode is None:
                return process
            self._all.discard(process)
        return None

    async def _start(self) -> asyncio.subprocess.Process:
        environment = {
            **os.environ,
            "PYTHONPATH": str(SOURCE_TREE),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "serving.documents.process",
                str(self._memory),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
            )
        except OSError as error:
            raise UnavailableError(f"no process for the document: {error.strerror}") from None
        self._all.add(process)
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> int:
        """Kill it, whatever it does. Returns how it had ended, if it had."""
        self._all.discard(process)
        if process in self._idle:
            self._idle.remove(process)
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(process.wait(), 0.1)  # it may be ending by itself
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        return await process.wait()

    def _death(self, status: int) -> CsanmtError:
        if status == -signal.SIGXCPU:
            return DocumentTooLargeError(_TOO_SLOW)
        log.error("parser died", extra={"status": status})
        return DocumentError("the document cannot be read: it ended the process that read it")


async def _ask(process: asyncio.subprocess.Process, message: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(pack(message))
    await process.stdin.drain()
    length = frame_length(await process.stdout.readexactly(LENGTH_BYTES))
    return unpack(await process.stdout.readexactly(length))


def _error(reply: dict[str, Any]) -> CsanmtError:
    code, message = reply["error"]["code"], reply["error"]["message"]
    if code in _KINDS:
        return _KINDS[code](message)
    log.error(
        "parser failed", extra={"code": code, "error": message, "frames": reply.get("frames")}
    )
    if code == FULL:
        return storage_error(reply.get("errno"))
    return CsanmtError("the document could not be read")


def storage_error(number: int | None) -> CsanmtError:
    """What the caller is told of a disk that fails."""
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageFullError("this server has no room for the document; try again later")
    return UnavailableError("this server cannot store the document now; try again later")
