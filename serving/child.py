"""Child processes of the gateway, and the messages that it and they exchange.

A message is a JSON object on a line of its own, on the child's standard input and output.
JSON and not pickle: neither side can make the other run code.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from csanmt.errors import UnavailableError
from csanmt.source_tree import SOURCE_TREE

MOST_BYTES = 64 * 1024 * 1024  # of a message
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class ChildDiedError(Exception):
    """The child ended, or said what is no message."""


def pack(message: dict[str, Any]) -> bytes:
    """The line that says ``message``. Raises ValueError: too long, or half a surrogate pair."""
    line = _ENCODER.encode(message).encode() + b"\n"
    if len(line) > MOST_BYTES:
        raise ValueError(f"message of {len(line)} bytes; allowed is {MOST_BYTES}")
    return line


class Child:
    """The gateway's side of a child."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout

    @classmethod
    async def start(
        cls,
        module: str,
        *arguments: str,
        environment: Mapping[str, str],
        pass_fds: Sequence[int] = (),
    ) -> Child:
        """Run ``module`` in a process of its own. Raises UnavailableError: there can be none."""
        path = filter(None, (str(SOURCE_TREE), environment.get("PYTHONPATH")))
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**environment, "PYTHONPATH": os.pathsep.join(path)},
                pass_fds=pass_fds,
                limit=MOST_BYTES,
            )
        except OSError as error:
            raise UnavailableError(f"no process for {module}: {error.strerror}") from None
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def write(self, line: bytes) -> None:
        """Say a packed message. If the child is dead, whoever receives learns it there."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._stdin.write(line)

    async def ask(self, line: bytes) -> dict[str, Any]:
        """What it answers to a packed message. Raises ChildDiedError."""
        self.write(line)
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._stdin.drain()
        return await self.receive()

    async def receive(self) -> dict[str, Any]:
        """Its next message. Raises ChildDiedError; what says something else is killed."""
        try:
            line = await self._stdout.readline()
            message = json.loads(line)
        except (ConnectionError, ValueError):  # nothing or half a line is no JSON
            message = None
        if not isinstance(message, dict):
            self.kill()
            raise ChildDiedError("the process ended")
        return message

    async def wait(self) -> int:
        """How it ended, when it has."""
        return await self._process.wait()

    async def end(self, patience: float) -> int:
        """Close its input, kill it if that does not end it in so many seconds; how it ended."""
        self._stdin.close()
        try:
            async with asyncio.timeout(patience):  # wait_for may swallow a cancellation (3.11)
                return await self.wait()
        except TimeoutError:
            self.kill()
            return await self.wait()

    def kill(self) -> None:
        """End it at once, whatever it does.

        By number: ``Process.kill`` first collects the status of a child that ended, which is
        then lost to asyncio (it says 255).
        """
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def become_child() -> BinaryIO:
    """In a child: where to ``tell`` its messages; what a library prints lands on standard error.

    Ctrl-C and a process manager's SIGTERM reach the whole process group. The gateway drains
    and then closes the child's input, so the child must outlive both.
    """
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return outgoing


def tell(outgoing: BinaryIO, message: dict[str, Any]) -> None:
    """Say a message to the gateway."""
    outgoing.write(pack(message))
    outgoing.flush()


def told(incoming: BinaryIO) -> Iterator[dict[str, Any]]:
    """The gateway's messages, until it is gone, however it died."""
    for line in incoming:
        if line.endswith(b"\n"):
            yield json.loads(line)
