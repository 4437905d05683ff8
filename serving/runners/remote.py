"""The gateway's side of a runner, a child process that takes one batch at a time.

A crash of the engine costs a batch and not the service.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

from csanmt.errors import (
    CancelledError,
    CheckpointError,
    CsanmtError,
    InvalidInputError,
    UnavailableError,
)
from csanmt.translator import DecodingOptions, Translation
from serving.child import Child, ChildDiedError
from serving.messages import pack
from serving.runners.translators import TranslatorFacts
from serving.runners.wire import (
    MARK_BYTES,
    dump_options,
    load_translations,
    read_mark,
)


class RunnerDiedError(Exception):
    """The runner ended while it held a batch. The batch may be given to another one.

    Attributes:
        begun: it had begun to translate, so that the batch itself may be the cause.
    """

    def __init__(self, message: str, *, begun: bool) -> None:
        super().__init__(message)
        self.begun = begun


class Runner:
    """One worker (``serving.runners.process``); ``run`` is called again only after it returned."""

    _child: Child
    _mark: IO[bytes]

    def __init__(self, environment: Mapping[str, str], *, start_seconds: float = 120.0) -> None:
        self._environment = dict(environment)
        self._start_seconds = start_seconds
        self._batch = 0

    @property
    def pid(self) -> int:
        return self._child.pid

    async def start(self) -> TranslatorFacts:
        """Load and warm up. Raises CsanmtError if the model cannot be served."""
        try:
            self._mark = tempfile.TemporaryFile()  # noqa: SIM115
            self._mark.write(bytes(MARK_BYTES))  # now: later the disk may be full
            self._mark.flush()
        except OSError as error:
            raise UnavailableError(f"no file for the runner: {error.strerror}") from None
        mark = self._mark.fileno()
        self._child = await Child.start(
            "serving.runners.process", str(mark), environment=self._environment, pass_fds=(mark,)
        )
        try:
            async with asyncio.timeout(self._start_seconds):
                message = await self._child.receive()
        except TimeoutError:
            words = f"the runner was not ready after {self._start_seconds:g} seconds"
            raise UnavailableError(words) from None
        except ChildDiedError:
            status = await self._child.wait()
            raise UnavailableError(f"the runner ended at its start (status {status})") from None
        if "failed" in message:
            await self._child.wait()
            raise CheckpointError(message["failed"])
        return TranslatorFacts(**message["ready"])

    async def run(
        self, sources: Sequence[str], options: DecodingOptions
    ) -> tuple[list[Translation], float]:
        """Translate one batch; with the seconds it took in the runner.

        Raises:
            RunnerDiedError: while it held the batch.
            CsanmtError: for the batch's own fault.
        """
        self._batch += 1
        batch = {"batch": self._batch, "sources": list(sources), "options": dump_options(options)}
        try:
            line = pack(batch)
        except ValueError:
            raise InvalidInputError("the text cannot be given to a runner") from None
        try:
            reply = await self._child.ask(line)
        except ChildDiedError as error:
            begun = read_mark(self._mark.fileno()) == self._batch
            raise RunnerDiedError(str(error), begun=begun) from None
        try:
            if reply["batch"] != self._batch:
                raise ValueError("of another batch")
            if "error" in reply:
                raise _batch_error(reply["error"])
            return load_translations(reply["translations"], sources), reply["seconds"]
        except (LookupError, TypeError, ValueError):
            self.kill()
            raise RunnerDiedError("the runner's answer makes no sense", begun=True) from None

    async def ended(self) -> None:
        """Returns when the runner is gone, for whatever reason."""
        await self._child.wait()

    def cancel(self) -> None:
        """Nobody waits for the batch in flight any more."""
        self._child.write(pack({"cancel": self._batch}))

    async def stop(self) -> None:
        """End it after what it does; harmless where it never began."""
        if hasattr(self, "_child"):
            await self._child.end(5)

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self._child.kill()


def _batch_error(error: dict[str, str]) -> CsanmtError:
    """The CsanmtError that the runner's reply stands for."""
    kinds: dict[str, type[CsanmtError]] = {
        kind.code: kind for kind in (CancelledError, InvalidInputError, UnavailableError)
    }
    return kinds.get(error["code"], CsanmtError)(error["message"])
