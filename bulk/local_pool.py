"""Worker processes of this machine.

Each is an executor of its own, so one that dies (killed, out of memory) costs only its chunk,
which is given to a new one. Workers end with the process that started them, however it ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from bulk.records import Answers, Chunk
from bulk.translation import Job, work
from csanmt.errors import UnavailableError

MOST_DEATHS = 3  # workers that one chunk may cost


class LocalPool:
    """``workers`` processes that translate chunks."""

    def __init__(self, job: Job, workers: int) -> None:
        self._job, self._count = job, workers
        self.deaths = 0

    def __enter__(self) -> LocalPool:
        return self

    def __exit__(self, *_: object) -> None:
        for child in multiprocessing.active_children():  # the executors would wait for their chunks
            child.kill()

    def translate(self, chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Answers]]:
        """Answers as they come; never more chunks are taken than there are workers.

        Raises:
            CsanmtError: what a worker could not do, such as load the model.
            UnavailableError: one chunk has cost ``MOST_DEATHS`` workers.
        """
        again: list[Chunk] = []
        deaths: Counter[tuple[int, int]] = Counter()
        idle = [_worker() for _ in range(self._count)]
        busy: dict[Future[Answers], tuple[Chunk, ProcessPoolExecutor]] = {}
        while True:
            while idle and (wanted := again.pop() if again else next(chunks, None)):
                worker = idle.pop()
                try:
                    busy[worker.submit(work, self._job, wanted.texts)] = wanted, worker
                except BrokenProcessPool:  # it died while idle, of nothing in this chunk
                    self.deaths += 1
                    again.append(wanted)
                    idle.append(_worker())
            if not busy:
                return
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                chunk, worker = busy.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    self._bury(chunk, deaths)
                    again.append(chunk)
                    idle.append(_worker())
                else:
                    idle.append(worker)
                    yield chunk, future.result()

    def _bury(self, chunk: Chunk, deaths: Counter[tuple[int, int]]) -> None:
        """Count a death. Raises UnavailableError when the chunk has cost too many."""
        self.deaths += 1
        deaths[chunk.key] += 1
        if deaths[chunk.key] >= MOST_DEATHS:
            raise UnavailableError(
                f"{MOST_DEATHS} workers died while translating records {chunk.first} to "
                f"{chunk.last} of input {chunk.file + 1}: out of memory? Try fewer --workers"
            )


def _worker() -> ProcessPoolExecutor:
    """One process, which starts with its first chunk."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _follow_parent)


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
