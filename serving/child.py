"""The gateway's side of its child processes; theirs, which starts without asyncio, is
``serving.messages``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from csanmt.errors import UnavailableError
from csanmt.source_tree import SOURCE_TREE
from serving.messages import MOST_BYTES


class ChildDiedError(Exception):
    """The child ended, or said what is no message."""


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
