"""Actors of a Ray cluster: the same work as ``bulk.local_pool``, as a Ray Data actor pool.

Chunks and answers travel through Ray's object store, and so do the model's files, so the
nodes need this product but no shared disk. Ray starts actors that die again and repeats
their tasks.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import csanmt
from bulk.records import Answer, Answers, Chunk
from bulk.translation import Job, answer, open_translator
from csanmt import errors, version
from csanmt.errors import (
    ConfigurationError,
    CsanmtError,
    EngineUnavailableError,
    IntegrityError,
    UnavailableError,
)

WINDOW = 32_000_000  # characters in the object store at a time; each window starts the actors
CONNECT_SECONDS = 10.0


class RayPool:
    """A ``bulk.run.Pool`` on a cluster.

    Args:
        digest: of the model; names its copy on the nodes.
        address: of a cluster that this machine is a node of; ``local`` starts one.
        workers: actors of one processor each; 0 is one for each of the cluster's.
    """

    deaths = None  # Ray does not say

    def __init__(self, job: Job, digest: str, address: str, workers: int) -> None:
        self._job, self._digest = job, digest
        self._address, self._workers = address, workers

    def __enter__(self) -> RayPool:
        """Connect.

        Raises:
            EngineUnavailableError: Ray is not installed.
            UnavailableError: there is no cluster at the address.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            import ray.data
        except ImportError as error:
            raise EngineUnavailableError(
                "--ray needs the package 'ray': pip install 'csanmt-bento[ray]'"
            ) from error
        _require_listener(self._address)
        self._ray = ray
        self._stdout = _send_stdout_to_stderr()
        try:
            ray.init(self._address, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray raises bare ones, as when a node starts too slowly
            _restore_stdout(self._stdout)
            raise UnavailableError(f"Ray at {self._address!r} is not ready: {error}") from error
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()
        _restore_stdout(self._stdout)

    def translate(self, chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Answers]]:
        """Answers as they come.

        Raises:
            CsanmtError: what an actor could not do.
            UnavailableError: the cluster failed, or gave no answer to a chunk.
        """
        model: Any = None
        while window := _window(chunks):
            model = model or self._ray.put(_files(self._job))
            missing = {chunk.key: chunk for chunk in window}
            try:
                for row in self._dataset(window, model).iter_rows():
                    chunk = missing.pop((row["file"], row["index"]), None)
                    if chunk is not None:  # else a task that was done twice
                        yield chunk, _answers(row["answers"])
            except self._ray.exceptions.RayError as error:
                raise UnavailableError(f"the Ray cluster failed: {error}") from error
            if missing:
                raise UnavailableError(f"the Ray cluster gave no answer to {len(missing)} chunks")

    def _dataset(self, window: list[Chunk], model: Any) -> Any:
        """Rows of answers. Ray Data repeats the tasks of actors that die without an end."""
        data, most = self._ray.data, self._workers or self._processors()
        rows = [
            {"file": c.file, "index": c.index, "texts": json.dumps(c.texts).encode()}
            for c in window
        ]
        here = self._ray.get_runtime_context().get_node_id()
        return data.from_items(rows, override_num_blocks=len(rows)).map(
            ChunkTranslator,
            fn_constructor_args=(self._job, self._digest, [model], here, csanmt.__version__),
            compute=data.ActorPoolStrategy(
                min_size=1, initial_size=most, max_size=most, max_tasks_in_flight_per_actor=2
            ),
            num_cpus=1,
        )

    def _processors(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))


class ChunkTranslator:
    """The actor. It answers with what it cannot do as well, so that Ray does not try again."""

    def __init__(self, job: Job, digest: str, model: list[Any], driver: str, version: str) -> None:
        import ray

        self._driver_version = version
        if ray.get_runtime_context().get_node_id() != driver:
            job = replace(job, directory=str(_local_copy(digest, lambda: ray.get(model[0]))))
        self._job = job

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        try:
            if csanmt.__version__ != self._driver_version:
                raise ConfigurationError(
                    f"a node of the cluster has csanmt {csanmt.__version__}, this machine "
                    f"{self._driver_version}; install the same"
                )
            texts = json.loads(row["texts"])
            found = answer(open_translator(self._job), texts, self._job.decoding)
            value: Any = [None if a is None else asdict(a) for a in found]
        except CsanmtError as error:
            value = {"error": type(error).__name__, "message": str(error)}
        return {"file": row["file"], "index": row["index"], "answers": json.dumps(value).encode()}


def _send_stdout_to_stderr() -> int:
    """Ray has remarks for people and writes them to stdout, which is for results."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    return kept


def _restore_stdout(kept: int) -> None:
    sys.stdout.flush()
    os.dup2(kept, 1)
    os.close(kept)


def _require_listener(address: str) -> None:
    """Ray itself takes minutes to find out that nobody listens. Raises UnavailableError."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return  # local, auto
    try:
        socket.create_connection((host.removeprefix("ray://"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UnavailableError(f"no Ray cluster at {address!r}: {error}") from error


def _window(chunks: Iterator[Chunk]) -> list[Chunk]:
    window, size = [], 0
    for chunk in chunks:
        window.append(chunk)
        size += sum(len(text or "") for text in chunk.texts)
        if size >= WINDOW:
            break
    return window


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


def _answers(encoded: bytes) -> Answers:
    value = json.loads(encoded)
    if isinstance(value, dict):
        raise getattr(errors, value["error"], CsanmtError)(value["message"])
    return tuple(None if entry is None else Answer(**entry) for entry in value)
