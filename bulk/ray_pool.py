"""Tasks of a Ray cluster: the same work as ``bulk.local_pool``.

Chunks and answers travel through Ray's object store, and so do the model's files, so the
nodes need this product but no shared disk. Ray repeats the tasks of processes that die.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import csanmt
from bulk.records import Answers, Chunk
from bulk.translation import Job, work
from csanmt import version
from csanmt.errors import (
    ConfigurationError,
    CsanmtError,
    EngineUnavailableError,
    IntegrityError,
    UnavailableError,
)

CONNECT_SECONDS = 10.0
RETRIES = 2  # of a task whose process died


class RayPool:
    """A ``bulk.run.Pool`` on a cluster.

    Args:
        digest: of the model; names its copy on the nodes.
        address: of a cluster that this machine is a node of; ``local`` starts one.
        workers: tasks of one processor each at a time; 0 is as many as the cluster takes.
    """

    deaths = None  # Ray does not say

    def __init__(self, job: Job, digest: str, address: str, workers: int) -> None:
        self._job, self._digest = job, digest
        self._address, self._workers = address, workers
        self._stdout = redirect_stdout(sys.stderr)  # for results; Ray has remarks for people

    def __enter__(self) -> RayPool:
        """Connect.

        Raises:
            EngineUnavailableError: Ray is not installed.
            UnavailableError: there is no cluster at the address.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            import ray
        except ImportError as error:
            raise EngineUnavailableError(
                "--ray needs the package 'ray': pip install 'csanmt-bento[ray]'"
            ) from error
        _require_listener(self._address)
        self._ray = ray
        try:
            with self._stdout:
                ray.init(self._address, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray raises bare ones, as when a node starts too slowly
            raise UnavailableError(f"Ray at {self._address!r} is not ready: {error}") from error
        self._stdout.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()
        self._stdout.__exit__(None, None, None)

    def translate(self, chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Answers]]:
        """Answers as they come.

        Raises:
            CsanmtError: what a task could not do.
            UnavailableError: the cluster failed.
        """
        ray = self._ray
        task = ray.remote(num_cpus=1, max_retries=RETRIES)(translate_chunk)
        node = ray.get_runtime_context().get_node_id()
        known: Any = None
        busy: dict[Any, Chunk] = {}
        while True:
            while len(busy) < self._room() and (wanted := next(chunks, None)):
                known = known or (self._job, self._digest, [ray.put(_files(self._job))], node)
                busy[task.remote(*known, csanmt.__version__, wanted.texts)] = wanted
            if not busy:
                return
            for done in ray.wait(list(busy))[0]:
                yield busy.pop(done), self._result(done)

    def _room(self) -> int:
        """How many tasks are there at a time: for each processor one and one that waits."""
        return self._workers or 2 * max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _result(self, task: Any) -> Answers:
        try:
            answers: Answers = self._ray.get(task)
            return answers
        except self._ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, CsanmtError):
                raise cause from None
            raise UnavailableError(f"the Ray cluster failed: {error}") from error


def translate_chunk(
    job: Job, digest: str, model: list[Any], driver: str, version: str, texts: Sequence[str | None]
) -> Answers:
    """Body of a task; the process keeps its translator for the next one.

    Args:
        model: the one reference to the model's files; in a list, Ray does not fetch it.
        driver: the node of the command, which has the model's directory.
        version: of the command's csanmt.

    Raises:
        ConfigurationError: this node has another version of csanmt.
    """
    import ray

    if csanmt.__version__ != version:
        raise ConfigurationError(
            f"a node of the cluster has csanmt {csanmt.__version__}, this machine {version}; "
            "install the same"
        )
    if ray.get_runtime_context().get_node_id() != driver:
        job = replace(job, directory=str(_local_copy(digest, lambda: ray.get(model[0]))))
    return work(job, texts)


def _require_listener(address: str) -> None:
    """Ray itself takes minutes to find out that nobody listens. Raises UnavailableError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return  # local, auto
    try:
        socket.create_connection((host.removeprefix("ray://"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UnavailableError(f"no Ray cluster at {address!r}: {error}") from error


def _files(job: Job) -> dict[str, bytes]:
    """What the engine needs of a model's directory, by relative path."""
    place = Path(job.directory)
    unread = version.FLOAT_WEIGHTS if job.engine == "native" else ""
    found = (p for p in sorted(place.rglob("*")) if p.is_file() and p.name != unread)
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in found}


def _local_copy(digest: str, fetch: Callable[[], dict[str, bytes]]) -> Path:
    """The model's directory on this node; its actors share it, and with it the weights.

    Raises:
        IntegrityError: the place belongs to somebody else.
    """
    root = Path(tempfile.gettempdir()) / f"csanmt-bulk-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid():
        raise IntegrityError(f"{str(root)!r} belongs to somebody else")
    place = root / digest.replace(":", "-")
    if place.is_dir():
        return place
    with tempfile.TemporaryDirectory(dir=root) as folder:
        draft = Path(folder) / "model"
        for name, content in fetch().items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            draft.rename(place)
        except OSError:  # another actor of this node was faster
            if not place.is_dir():
                raise
    return place
