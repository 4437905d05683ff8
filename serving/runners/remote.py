"""The gateway's side of a runner: something that takes one batch at a time.

``ProcessRunner`` speaks frames with a child process, so that a crash of the
engine costs a batch and not the service. ``InlineRunner`` calls a translator in
a thread of this process; tests use it, and ``CSANMT_RUNNER=inline`` chooses it.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from csanmt.errors import (
    CancelledError,
    CheckpointError,
    CsanmtError,
    InvalidInputError,
    UnavailableError,
)
from csanmt.source_tree import SOURCE_TREE
from csanmt.translator import DecodingOptions, Translation, Translator
from serving.quality_signals import examined
from serving.runners.translators import TranslatorFacts, engine_fault
from serving.runners.wire import (
    LENGTH_BYTES,
    MARK_BYTES,
    WireError,
    dump_options,
    frame_length,
    load_translations,
    pack,
    read_mark,
    unpack,
)


class RunnerDiedError(Exception):
    """The runner ended while it held a batch. The batch may be given to another one.

    Attributes:
        begun: it had begun to translate, so that the batch itself may be the cause.
    """

    def __init__(self, message: str, *, begun: bool = False) -> None:
        super().__init__(message)
        self.begun = begun


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Translations in the order of the sources, and the seconds they took in the runner."""

    translations: list[Translation]
    seconds: float


class Runner(Protocol):
    """One worker; ``run`` is called again only after it returned."""

    facts: TranslatorFacts | None

    @property
    def pid(self) -> int: ...

    async def start(self) -> TranslatorFacts:
        """Load and warm up. Raises CsanmtError if the model cannot be served."""
        ...

    async def run(self, sources: Sequence[str], options: DecodingOptions) -> BatchResult:
        """Translate one batch. Raises RunnerDiedError, or CsanmtError for the batch's own fault."""
        ...

    async def ended(self) -> None:
        """Returns when the runner is gone, for whatever reason."""
        ...

    def cancel(self) -> None:
        """Nobody waits for the batch in flight any more."""
        ...

    async def stop(self) -> None: ...

    def kill(self) -> None:
        """End it at once, whatever it does."""
        ...


class InlineRunner:
    """Runs batches in a thread of this process."""

    def __init__(self, translator: Translator, facts: TranslatorFacts) -> None:
        self._translator = translator
        self.facts: TranslatorFacts | None = facts
        self._stop_batch = False

    @property
    def pid(self) -> int:
        return os.getpid()

    async def start(self) -> TranslatorFacts:
        assert self.facts is not None
        return self.facts

    async def run(self, sources: Sequence[str], options: DecodingOptions) -> BatchResult:
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._stop_batch = False
        try:
            translations = await asyncio.to_thread(
                self._translator.translate, sources, options, should_stop=lambda: self._stop_batch
            )
        except CsanmtError:
            raise
        except Exception as error:
            raise engine_fault(error) from None
        return BatchResult(examined(translations), loop.time() - started)

    async def ended(self) -> None:
        await asyncio.get_running_loop().create_future()  # not before this process

    def cancel(self) -> None:
        self._stop_batch = True

    async def stop(self) -> None:
        return None

    def kill(self) -> None:
        self._stop_batch = True


class ProcessRunner:
    """Runs batches in a child process (``serving.runners.process``)."""

    def __init__(self, environment: Mapping[str, str], *, start_seconds: float = 120.0) -> None:
        self._environment = dict(environment)
        self._start_seconds = start_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._mark = mmap.mmap(-1, MARK_BYTES)  # until a process has one to share
        self._batch = 0
        self.facts: TranslatorFacts | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def start(self) -> TranslatorFacts:
        environment = {**self._environment, "PYTHONPATH": self._python_path()}
        try:
            self._process = await self._spawn(environment)
        except OSError as error:
            raise UnavailableError(f"no process for the runner: {error.strerror}") from None
        try:
            async with asyncio.timeout(self._start_seconds):
                message = await self._receive()
        except TimeoutError:
            self.kill()
            raise UnavailableError(
                f"the runner was not ready after {self._start_seconds:g} seconds"
            ) from None
        except RunnerDiedError:
            status = await self._process.wait()
            raise UnavailableError(f"the runner ended at its start (status {status})") from None
        if "failed" in message:
            await self._process.wait()
            raise CheckpointError(message["failed"]["message"])
        self.facts = TranslatorFacts(**message["ready"])
        return self.facts

    async def _spawn(self, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
        """The process, and the page in which it marks the batch that it has begun."""
        with tempfile.TemporaryFile() as page:
            page.write(bytes(MARK_BYTES))  # a hole would be SIGBUS to both on a full disk
            page.flush()
            self._mark = mmap.mmap(page.fileno(), MARK_BYTES)
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "serving.runners.process",
                str(page.fileno()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
                pass_fds=(page.fileno(),),
            )

    def _python_path(self) -> str:
        rest = self._environment.get("PYTHONPATH", "")
        return f"{SOURCE_TREE}{os.pathsep}{rest}" if rest else str(SOURCE_TREE)

    async def run(self, sources: Sequence[str], options: DecodingOptions) -> BatchResult:
        self._batch += 1
        message = {
            "batch": self._batch,
            "sources": list(sources),
            "options": dump_options(options),
        }
        try:
            frame = pack(message)
        except (UnicodeError, WireError):
            raise InvalidInputError("the text cannot be given to a runner") from None
        try:
            await self._send(frame)
            reply = await self._receive()
        except RunnerDiedError as error:
            raise RunnerDiedError(str(error), begun=read_mark(self._mark) == self._batch) from None
        if reply.get("batch") != self._batch:
            self.kill()
            raise RunnerDiedError("the runner answered another batch", begun=True)
        if "error" in reply:
            raise _batch_error(reply["error"])
        try:
            return BatchResult(load_translations(reply["translations"], sources), reply["seconds"])
        except (WireError, LookupError, TypeError, ValueError):
            self.kill()
            raise RunnerDiedError("the runner's answer makes no sense", begun=True) from None

    async def ended(self) -> None:
        assert self._process is not None
        await self._process.wait()

    def cancel(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                # If it is dead already, whoever awaits the batch learns it there.
                self._process.stdin.write(pack({"cancel": self._batch}))

    async def stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(5):  # wait_for may swallow a cancellation (Python 3.11)
                await process.wait()
        except TimeoutError:
            self.kill()
            await process.wait()

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _send(self, frame: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(frame)
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise RunnerDiedError(str(error)) from None

    async def _receive(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        stream = self._process.stdout
        try:
            body = await stream.readexactly(frame_length(await stream.readexactly(LENGTH_BYTES)))
            return unpack(body)
        except (asyncio.IncompleteReadError, ConnectionError, WireError, ValueError) as error:
            self.kill()
            raise RunnerDiedError(str(error)) from None


def _batch_error(error: dict[str, str]) -> CsanmtError:
    """The CsanmtError that the runner's reply stands for."""
    kinds: dict[str, type[CsanmtError]] = {
        kind.code: kind for kind in (CancelledError, InvalidInputError, UnavailableError)
    }
    return kinds.get(error["code"], CsanmtError)(error["message"])
