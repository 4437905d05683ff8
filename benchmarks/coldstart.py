"""Cold start: a fresh process until its first answer, and its peak memory.

``python -m benchmarks.coldstart DIR [ENGINE]`` is the fresh process: it loads the
model, answers one sentence and prints one JSON line.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.speed import StartReport, paired_ratio
from benchmarks.subject import Subject, same_subject
from csanmt.errors import CheckpointError, DeadlineExceededError
from csanmt.source_tree import SOURCE_TREE

SENTENCE = "今天天气很好，我们去公园吧。"
TIMEOUT = 300.0  # seconds
PAIRS, MAX_PAIRS = 3, 5  # starts of each


Start = Callable[[Subject], tuple[float, float]]


def measure_start(
    baseline: Subject,
    candidate: Subject,
    memory_limit: float = 1.25,
    start: Start | None = None,
) -> StartReport | None:
    """Start both in turns, ``PAIRS`` times and on to ``MAX_PAIRS`` as long as the interval of the
    memory's ratio holds its limit; None if one of them is not a model directory.

    Args:
        start: seam for tests: (seconds to the first answer, peak MiB) of a fresh process.

    Raises:
        CheckpointError: a fresh process could not load the model.
        DeadlineExceededError: it did not answer in ``TIMEOUT`` seconds.
    """
    systems = (baseline, candidate)
    if any(s.kind != "model" or not Path(s.spec).is_dir() or not s.spec for s in systems):
        return None
    start = start or _start_once
    enough = PAIRS if same_subject(*systems) else MAX_PAIRS
    runs: list[list[tuple[float, float]]] = [[], []]
    while True:
        turn = len(runs[0]) % 2
        for which in (turn, 1 - turn):
            runs[which].append(start(systems[which]))
        if len(runs[0]) < PAIRS:
            continue
        (base_s, base_mb), (cand_s, cand_mb) = (tuple(zip(*side, strict=True)) for side in runs)
        memory = paired_ratio(base_mb, cand_mb)
        if not memory.interval.holds(memory_limit) or len(runs[0]) >= enough:
            return StartReport(
                median(base_s),
                median(cand_s),
                median(base_mb),
                median(cand_mb),
                paired_ratio(base_s, cand_s),
                memory,
                len(runs[0]),
            )


def _start_once(subject: Subject) -> tuple[float, float]:
    """(seconds to the first answer, peak MiB)."""
    engine = str(subject.settings.get("engine") or "")
    command = [sys.executable, "-m", "benchmarks.coldstart", str(Path(subject.spec).absolute())]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            [*command, *([engine] if engine else [])],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            cwd=SOURCE_TREE,
        )
    except subprocess.TimeoutExpired:
        raise DeadlineExceededError(f"{subject.label} gave no answer in {TIMEOUT:g} s") from None
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CheckpointError(f"{subject.label} does not start in a fresh process: {last}")
    return seconds, float(json.loads(done.stdout.splitlines()[-1])["peak_mb"])


def main(arguments: list[str]) -> int:
    from csanmt.loading import load_translator

    directory, engine = arguments[0], arguments[1] if len(arguments) > 1 else None
    load_translator(directory, engine=engine).translate([SENTENCE])
    # Not getrusage's peak, which a process inherits from the one that started it.
    words = Path("/proc/self/status").read_text("ascii").split()
    peak = int(words[words.index("VmHWM:") + 1]) / 1024
    sys.stdout.write(json.dumps({"peak_mb": peak}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
