"""What only separate processes can show: load time, memory beside the shared weights.

usage: python -m benchmarks.engine.processes MODEL_DIR [SENTENCES]

prints load time, what a second worker adds, and memory of one worker over so many sentences.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_LOADED = """
import json, resource, sys, time
start = time.perf_counter()
from csanmt.engine.native import NativeEngine
from csanmt.translator import DecodingOptions
imported = time.perf_counter()
engine = NativeEngine(sys.argv[1])
loaded = time.perf_counter()
options = DecodingOptions(max_length=30, repetition_guard=False)
def memory():
    text = open('/proc/self/smaps_rollup').read().split()
    return {k: int(text[text.index(k + ':') + 1]) / 1024 for k in ('Rss', 'Private_Dirty')}
def sentence(n):
    return [1 + (n * 7919 + i * 104729) % (engine.info['source_vocabulary'] - 1) for i in range(30)]
"""

_MEMORY = (
    _LOADED
    + """
for i in range(3):
    engine.translate_ids([sentence(i)], options)
print(json.dumps({'import': imported - start, 'load': loaded - imported, **memory()}), flush=True)
sys.stdin.readline()
"""
)

_STEADY = (
    _LOADED
    + """
import random
dice, total, done, sizes = random.Random(5), int(sys.argv[2]), 0, {}
marks = [total * tenth // 10 for tenth in range(1, 11)]
options = DecodingOptions(max_length=40, alignment=True)
while done < total:
    count = min(dice.choice((1, 1, 1, 2, 4, 8, 32)), marks[len(sizes)] - done)
    batch = [sentence(done + i)[: dice.randint(1, 30)] for i in range(count)]
    engine.translate_ids(batch, options)
    done += count
    if done == marks[len(sizes)]:
        sizes[done] = round(memory()['Rss'] * 1024)
print(json.dumps(sizes), flush=True)
sys.stdin.readline()
"""
)


@dataclass(frozen=True, slots=True)
class Footprint:
    """Seconds and MiB. ``second_private`` is what a second worker adds to the machine."""

    import_seconds: float
    load_seconds: float
    rss: float
    second_private: float


def _start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a worker ended early with status {process.wait()}")
    return line


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def footprint(engine_file: Path) -> Footprint:
    """Load the engine in two processes side by side; the second shares the mapped weights."""
    first, second = _start(_MEMORY, str(engine_file)), None
    try:
        found = json.loads(_line(first))
        second = _start(_MEMORY, str(engine_file))
        other = json.loads(_line(second))
    finally:
        for process in filter(None, (first, second)):
            _go(process)
            process.wait(30)
    loads = min(found["load"], other["load"])
    return Footprint(found["import"], loads, found["Rss"], other["Private_Dirty"])


def steady_memory(engine_file: Path, sentences: int) -> dict[int, int]:
    """Resident KiB of one worker after every tenth of ``sentences``, in batches of all sizes."""
    process = _start(_STEADY, str(engine_file), str(sentences))
    try:
        sizes = json.loads(_line(process))
    finally:
        _go(process)
        process.wait(30)
    return {int(count): size for count, size in sizes.items()}


def main(directory: str, sentences: str = "10000") -> None:
    file = Path(directory) / "engine.bin"
    found, sizes = footprint(file), steady_memory(file, int(sentences))
    rss = {str(count): round(kib / 1024, 1) for count, kib in sizes.items()}
    facts = {
        "load_seconds": round(found.load_seconds, 4),
        "second_worker_mib": round(found.second_private, 1),
        "rss_mib_after_sentences": rss,
    }
    sys.stdout.write(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
