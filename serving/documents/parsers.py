"""The gateway's side of the parsers: a few warm processes, and no document that holds them.

A document may use so many seconds of processor time and so much memory (see
``serving.documents.process``). A parser that is beyond them, dies or does not answer is
replaced, and its document is refused; one owner never holds all of them.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
from typing import Any

from csanmt.documents.limits import (
    MEGABYTE,
    DocumentError,
    DocumentTooLargeError,
    UnsupportedDocumentError,
)
from csanmt.errors import CsanmtError, StorageFullError, UnavailableError
from serving.child import Child, ChildDiedError
from serving.documents.process import FULL
from serving.documents.turns import FairTurns
from serving.messages import pack

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
        self._idle: list[Child] = []
        self._all: set[Child] = set()

    async def run(self, owner: str, message: dict[str, Any]) -> dict[str, Any]:
        """What a parser answers.

        Raises:
            DocumentError, DocumentTooLargeError: the document is refused.
            StorageFullError: the disk took no more.
            UnavailableError: no parser can be started.
            CsanmtError: a fault of ours, which is logged.
        """
        line = pack({**message, "seconds": self._seconds})
        async with self._turns.turn(owner):
            parser = self._warm() or await self._start()
            try:
                async with asyncio.timeout(WALL_SECONDS):
                    reply = await parser.ask(line)
            except TimeoutError:
                await self._end(parser)
                raise DocumentTooLargeError(_TOO_SLOW) from None
            except ChildDiedError:
                raise self._death(await self._end(parser)) from None
            except BaseException:  # nobody waits for the answer any more
                await asyncio.shield(self._end(parser))
                raise
            if reply.get("last"):
                await self._end(parser)
            else:
                self._idle.append(parser)
        if "error" in reply:
            raise _error(reply)
        return reply

    async def stop(self) -> None:
        """End all of them."""
        for parser in list(self._all):
            await self._end(parser)

    def _warm(self) -> Child | None:
        while self._idle:
            if (parser := self._idle.pop()).alive:
                return parser
            self._all.discard(parser)
        return None

    async def _start(self) -> Child:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        parser = await Child.start(
            "serving.documents.process", str(self._memory), environment=environment
        )
        self._all.add(parser)
        return parser

    async def _end(self, parser: Child) -> int:
        """Kill it, whatever it does, if it is not ending by itself. Returns how it ended."""
        self._all.discard(parser)
        if parser in self._idle:
            self._idle.remove(parser)
        return await parser.end(0.1)

    def _death(self, status: int) -> CsanmtError:
        if status == -signal.SIGXCPU:
            return DocumentTooLargeError(_TOO_SLOW)
        log.error("parser died", extra={"status": status})
        return DocumentError("the document cannot be read: it ended the process that read it")


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
