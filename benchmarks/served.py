"""A model behind this product's own service, for as long as something is measured."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from benchmarks.load import LoadPlan, ThroughputRow, find_tool, measure_load
from benchmarks.progress import Progress
from benchmarks.remote import UrlSubject
from benchmarks.subject import ModelSubject, Subject, same_subject
from csanmt.errors import CheckpointError, InvalidInputError

READY_SECONDS = 180.0
STOP_SECONDS = 60.0


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
        CheckpointError: its service ended, or was not ready in ``READY_SECONDS``.
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
            yield UrlSubject(url, options=subject.options, label=subject.label)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _service(subject: ModelSubject, home: Path) -> Iterator[str]:
    port = _free_port()
    environment = {name: v for name, v in os.environ.items() if not name.startswith("CSANMT_")}
    environment |= {
        "BENTOML_HOME": str(home),
        "CSANMT_MODEL_DIRECTORY": str(Path(subject.spec).absolute()),
        "CSANMT_ENGINE": subject.engine or "auto",
    }
    command = [sys.executable, "-m", "csanmt", "serve", "--host", "127.0.0.1", "--port", str(port)]
    log = home / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, cwd=Path(__file__).resolve().parent.parent, env=environment,
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        _await_ready(url, process, log, subject.label)
        yield url
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_ready(url: str, process: subprocess.Popen[bytes], log: Path, label: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    how = "ended" if process.poll() is not None else f"was not ready in {READY_SECONDS:g} s"
    words = " ".join(log.read_text("utf-8", "replace").split()) or "no message"
    raise CheckpointError(f"{label}: its service {how}: …{words[-300:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
