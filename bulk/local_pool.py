"""Worker processes of this machine.

Each is a child with a pipe of its own, so a worker that dies (killed, out of memory)
is known by name, its chunk is given to a new one, and nobody else notices. Workers end
with the process that started them, however it ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from bulk.records import Answers, Chunk
from bulk.translation import Job, answer, open_translator
from csanmt.errors import CsanmtError, UnavailableError

MOST_DEATHS = 3  # workers that one chunk may cost


class LocalPool:
    """``workers`` processes that translate chunks."""

    def __init__(self, job: Job, workers: int) -> None:
        self._job, self._count = job, workers
        self._workers: dict[Connection, _Worker] = {}
        self.deaths = 0

    def __enter__(self) -> LocalPool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers.values():
            worker.stop()

    def translate(self, chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Answers]]:
        """Answers as they come; never more chunks are taken than there are workers.

        Raises:
            CsanmtError: what a worker could not do, such as load the model.
            UnavailableError: one chunk has cost ``MOST_DEATHS`` workers.
        """
        again: list[Chunk] = []
        deaths: Counter[tuple[int, int]] = Counter()
        idle: list[_Worker] = []
        while True:
            while idle or len(self._workers) < self._count:
                wanted = again.pop() if again else next(chunks, None)
                if wanted is None:
                    break
                (idle.pop() if idle else self._start()).give(wanted)
            busy = [worker for worker in self._workers.values() if worker.chunk]
            if not busy:
                return
            for connection in wait([worker.connection for worker in busy]):
                worker = self._workers[connection]  # type: ignore[index]
                chunk, answers = worker.take()
                if answers is not None:
                    idle.append(worker)
                    yield chunk, answers
                else:
                    del self._workers[worker.connection]
                    self._bury(chunk, deaths)
                    again.append(chunk)

    def _bury(self, chunk: Chunk, deaths: Counter[tuple[int, int]]) -> None:
        """Count a death. Raises UnavailableError when the chunk has cost too many."""
        self.deaths += 1
        deaths[chunk.key] += 1
        if deaths[chunk.key] >= MOST_DEATHS:
            raise UnavailableError(
                f"{MOST_DEATHS} workers died while translating records {chunk.first} to "
                f"{chunk.last} of input {chunk.file + 1}: out of memory? Try fewer --workers"
            )

    def _start(self) -> _Worker:
        worker = _Worker(self._job)
        self._workers[worker.connection] = worker
        return worker


class _Worker:
    """The parent's side of one worker."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_work, args=(theirs, job), daemon=True)
        self._process.start()
        theirs.close()
        self.chunk: Chunk | None = None

    def give(self, chunk: Chunk) -> None:
        self.chunk = chunk
        with suppress(OSError):  # it died while idle; reading from it will say so
            self.connection.send(chunk)

    def take(self) -> tuple[Chunk, Answers | None]:
        """Its chunk and the answers, None if it is dead. Raises what it could not do."""
        chunk, self.chunk = self.chunk, None
        assert chunk is not None
        try:
            result = self.connection.recv()
        except (EOFError, OSError):
            self.stop()
            return chunk, None
        if isinstance(result, CsanmtError):
            raise result
        if isinstance(result, str):
            raise RuntimeError(f"a worker failed:\n{result}")
        answers: Answers = result
        return chunk, answers

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


def _work(connection: Connection, job: Job) -> None:
    """Body of a worker: chunks in, answers out, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            chunk: Chunk = connection.recv()
        except EOFError:
            return
        try:
            connection.send(answer(open_translator(job), chunk.texts, job.decoding))
        except CsanmtError as error:
            connection.send(error)
        except Exception:
            connection.send(traceback.format_exc())


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
