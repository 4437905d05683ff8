"""What only separate processes show: load time, memory of a worker, and what a second one adds.

usage: python -m benchmarks.engine.processes MODEL_DIR [SENTENCES]
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

WORKER = "--worker"


@dataclass(frozen=True, slots=True)
class Memory:
    """Seconds and MiB.

    Attributes:
        second_worker: what a second process adds to the machine.
        rss: sentences translated → resident, after every tenth of them.
    """

    import_seconds: float
    load_seconds: float
    second_worker: float
    rss: dict[str, float]


def measure(engine_file: Path, sentences: int = 1000) -> Memory:
    """Two workers, the second beside the first, whose mapped weights it shares."""
    first = _start(engine_file, sentences)
    try:
        found = _read(first)
        second = _start(engine_file, 10)
        try:
            other = _read(second)
        finally:
            second.communicate("\n")
    finally:
        first.communicate("\n")
    load = min(found["load_seconds"], other["load_seconds"])
    return Memory(found["import_seconds"], load, other["private"], found["rss"])


def _start(engine_file: Path, sentences: int) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.engine.processes",
        WORKER,
        str(engine_file),
        str(sentences),
    ]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _read(process: subprocess.Popen[str]) -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError(f"a worker ended early with status {process.wait()}")
    found: dict[str, Any] = json.loads(line)
    return found


def _work(engine_file: str, sentences: int) -> None:
    """Batches of all sizes; then one line of JSON, and wait for a line."""
    began = time.perf_counter()
    from csanmt.engine.native import NativeEngine
    from csanmt.translator import DecodingOptions

    imported = time.perf_counter()
    engine = NativeEngine(engine_file)
    loaded = time.perf_counter()
    vocabulary, options = engine.info["source_vocabulary"], DecodingOptions(max_length=40)
    dice, done, rss = random.Random(5), 0, {}
    for mark in [sentences * tenth // 10 for tenth in range(1, 11)]:
        while done < mark:
            count = min(dice.choice((1, 1, 1, 2, 4, 8, 32)), mark - done)
            lengths = [dice.randint(1, 30) for _ in range(count)]
            engine.translate_ids(
                [[dice.randrange(1, vocabulary) for _ in range(n)] for n in lengths], options
            )
            done += count
        rss[str(mark)] = _memory("Rss")
    facts = {
        "import_seconds": imported - began,
        "load_seconds": loaded - imported,
        "private": _memory("Private_Dirty"),
        "rss": rss,
    }
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()


def _memory(kind: str) -> float:
    words = Path("/proc/self/smaps_rollup").read_text().split()
    return int(words[words.index(f"{kind}:") + 1]) / 1024


if __name__ == "__main__":
    if sys.argv[1] == WORKER:
        _work(sys.argv[2], int(sys.argv[3]))
    else:
        counted = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
        facts = asdict(measure(Path(sys.argv[1]) / "engine.bin", counted))
        sys.stdout.write(json.dumps(facts, indent=1) + "\n")
