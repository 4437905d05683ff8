"""Throughput against concurrency: wrk sends the load, to both systems in turns.

Only a server can be loaded: a URL is taken as it is, a model is served by this
product's own service for as long as it takes. Slices alternate (baseline, candidate,
candidate, baseline, …) and go on only while the answer is open.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.progress import Progress, Silent
from benchmarks.remote import UrlSubject
from benchmarks.significance import Interval, ratio_interval
from csanmt.errors import EngineUnavailableError, UnavailableError

TOOL = "wrk"
SCRIPT = Path(__file__).with_name("load.lua")
REQUEST_SECONDS = 30  # a request without an answer for so long is lost


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How much load.

    Attributes:
        clients: connections of each level.
        seconds: of one slice; a busy or slow machine gets up to ``max_seconds``, until both
            systems answer ``enough`` requests in a slice.
        pairs: fewest slices of each system and level; ``max_pairs`` the most, as long as
            the interval of the ratio holds ``limit``. 8 pairs at most.
        limit: ratio that the slices try to decide.
    """

    clients: tuple[int, ...] = (1, 2, 4, 8)
    seconds: int = 1
    max_seconds: int = 16
    enough: int = 10
    pairs: int = 3
    max_pairs: int = 8
    limit: float = 1.25


@dataclass(frozen=True, slots=True)
class Slice:
    """What wrk saw: answers a second, failed requests, milliseconds of latency, answers."""

    rate: float
    failed: int
    p95: float
    answered: int


@dataclass(frozen=True, slots=True)
class ThroughputRow:
    """Sentences a second with so many clients at once.

    Attributes:
        ratio: baseline over candidate: above 1 the candidate is slower.
        interval: of the ratio, 95 %, from the pairs of slices.
        baseline_failed, candidate_failed: requests refused or lost.
        baseline_p95, candidate_p95: milliseconds under this load.
    """

    clients: int
    baseline: float
    candidate: float
    ratio: float
    interval: Interval
    baseline_failed: int = 0
    candidate_failed: int = 0
    baseline_p95: float = 0.0
    candidate_p95: float = 0.0


def find_tool() -> str:
    """The path of wrk.

    Raises:
        EngineUnavailableError: it is not installed.
    """
    found = shutil.which(TOOL)
    if found is None:
        raise EngineUnavailableError(
            "throughput is measured by wrk, which is not installed (apt-get install wrk); a "
            "policy without throughput_ratio does not need it, nor does compare --no-speed"
        )
    return found


def measure_load(
    baseline: UrlSubject,
    candidate: UrlSubject,
    sentences: Sequence[str],
    plan: LoadPlan = LoadPlan(),
    progress: Progress | None = None,
) -> tuple[ThroughputRow, ...]:
    """One row a level of concurrency.

    Raises:
        EngineUnavailableError: wrk is not installed.
        UnavailableError: a server answers nothing at all.
    """
    tool = find_tool()
    progress = progress or Silent()
    progress.start("throughput", len(plan.clients))
    rows = []
    with tempfile.TemporaryDirectory(prefix="csanmt-load-") as folder:
        commands = [
            _command(tool, target, sentences, Path(folder) / f"{which}.jsonl")
            for which, target in enumerate((baseline, candidate))
        ]
        seconds = _slice_seconds(commands, plan, run_slice)
        for clients in plan.clients:
            rows.append(_level(clients, seconds, commands, plan, run_slice))
            progress.advance(1)
    progress.finish()
    return tuple(rows)


Command = Callable[[int, int], list[str]]
"""From the numbers of clients and seconds to a command line."""
Run = Callable[[Sequence[str]], Slice]


def _command(tool: str, target: UrlSubject, sentences: Sequence[str], bodies: Path) -> Command:
    lines = (json.dumps(target.body([sentence])) for sentence in sentences)
    bodies.write_text("".join(line + "\n" for line in lines), "utf-8")
    headers = [f"{name}: {value}" for name, value in target.headers.items()]

    def command(clients: int, seconds: int) -> list[str]:
        return [
            tool, "--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s",
            "--timeout", f"{REQUEST_SECONDS}s", "--script", str(SCRIPT), target.url, "--",
            str(bodies), *headers,
        ]  # fmt: skip

    return command


def run_slice(command: Sequence[str]) -> Slice:
    """Run wrk once.

    Raises:
        UnavailableError: it fails, or every request did.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        words = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise UnavailableError(f"wrk ended with {done.returncode}: {words[-1]}") from None
    answered = found["requests"] - found["refused"]
    failed = found["refused"] + found["lost"]
    if failed and answered <= 0:
        raise UnavailableError(
            f"under load nothing was answered: {found['refused']} requests refused, "
            f"{found['lost']} lost"
        )
    rate = 1e6 * answered / found["microseconds"]
    return Slice(rate, failed, found["p95"] / 1000, answered)


def _slice_seconds(commands: Sequence[Command], plan: LoadPlan, run: Run) -> int:
    """Seconds in which both systems answer enough requests of the fewest clients."""
    seconds = plan.seconds
    for command in commands:
        while run(command(plan.clients[0], seconds)).answered < plan.enough:
            if seconds >= plan.max_seconds:
                break
            seconds = min(2 * seconds, plan.max_seconds)
    return seconds


def _level(
    clients: int, seconds: int, commands: Sequence[Command], plan: LoadPlan, run: Run
) -> ThroughputRow:
    slices: tuple[list[Slice], list[Slice]] = ([], [])
    interval = Interval(0.0, float("inf"))
    while len(slices[0]) < plan.max_pairs:
        first = len(slices[0]) % 2
        for which in (first, 1 - first):
            found = run(commands[which](clients, seconds))
            if not found.answered:
                raise UnavailableError(f"under load nothing was answered in {seconds} s")
            slices[which].append(found)
        if len(slices[0]) < plan.pairs:
            continue
        interval = ratio_interval([b.rate / c.rate for b, c in zip(*slices, strict=True)])
        if not interval.holds(plan.limit):
            break
    base, cand = (float(np.mean([s.rate for s in system])) for system in slices)
    return ThroughputRow(
        clients=clients,
        baseline=base,
        candidate=cand,
        ratio=base / cand,
        interval=interval,
        baseline_failed=sum(s.failed for s in slices[0]),
        candidate_failed=sum(s.failed for s in slices[1]),
        baseline_p95=float(np.median([s.p95 for s in slices[0]])),
        candidate_p95=float(np.median([s.p95 for s in slices[1]])),
    )
