"""A model behind this product's own service, for as long as something is measured."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks import service_process
from benchmarks.load import LoadPlan, ThroughputRow, find_tool, measure_load
from benchmarks.progress import Progress
from benchmarks.remote import UrlSubject
from benchmarks.subject import ModelSubject, Subject, same_subject
from csanmt.errors import CheckpointError, InvalidInputError, UnavailableError
from csanmt.translator import DecodingOptions


def measure_throughput(
    baseline: Subject,
    candidate: Subject,
    sentences: Sequence[str],
    progress: Progress | None = None,
    plan: LoadPlan = LoadPlan(),
) -> tuple[ThroughputRow, ...]:
    """Load two subjects; models are served first, two equal ones by one service.

    Raises:
        EngineUnavailableError: the load generator is not installed.
        CheckpointError: a model's service does not start.
    """
    find_tool()  # before anything is started
    with ExitStack() as stack:
        first = stack.enter_context(served(baseline))
        second = first
        if not same_subject(baseline, candidate):
            second = stack.enter_context(served(candidate))
        return measure_load(first, second, sentences, plan, progress)


@contextmanager
def served(subject: Subject) -> Iterator[UrlSubject]:
    """The subject as a URL.

    Raises:
        CheckpointError: its service ended, or did not become ready.
        InvalidInputError: there is nothing to serve.
    """
    if isinstance(subject, UrlSubject):
        yield subject
        return
    if not isinstance(subject, ModelSubject) or not Path(subject.spec).is_dir():
        raise InvalidInputError(f"{subject.label} is neither a URL nor a model directory")
    home = Path(tempfile.mkdtemp(prefix="csanmt-served-"))
    try:
        with _service(subject, home) as url:
            yield UrlSubject(url, _decoding(subject.options), subject.label)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _service(subject: ModelSubject, home: Path) -> Iterator[str]:
    port = _free_port()
    environment = {name: v for name, v in os.environ.items() if not name.startswith("CSANMT_")}
    environment |= {
        "CSANMT_MODEL_DIRECTORY": str(Path(subject.spec).absolute()),
        "CSANMT_ENGINE": subject.engine or "auto",
    }
    command = [sys.executable, "-m", "csanmt", "serve", "--host", "127.0.0.1", "--port", str(port)]
    root, log = Path(__file__).resolve().parent.parent, home / "log"
    handle = service_process.start(command, home, log, environment=environment, cwd=root)
    url = f"http://127.0.0.1:{port}"
    try:
        try:
            service_process.await_ready(
                url,
                lambda: service_process.alive(handle),
                lambda: " ".join(service_process.last_words(log).split())[-300:] or "no message",
            )
        except UnavailableError as error:
            raise CheckpointError(f"{subject.label}: {error}") from None
        yield url
    finally:
        service_process.stop(home)


def _decoding(options: DecodingOptions) -> dict[str, object]:
    chosen = asdict(options)
    return {key: chosen[key] for key in ("beam", "length_penalty", "max_length")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
