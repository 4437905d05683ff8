"""What only separate processes show: load time, memory of a worker, and what a second one adds.

usage: python -m benchmarks.engine.processes MODEL_DIR [SENTENCES]
"""

from __future__ import annotations

import json
import multiprocessing
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Worker:
    """Seconds and MiB of one worker.

    Attributes:
        private: what this process adds to the machine beside others with the same weights.
        rss: sentences translated → resident, after every tenth of them.
    """

    import_seconds: float
    load_seconds: float
    private: float
    rss: dict[str, float]


def measure(engine_file: Path, sentences: int = 1000) -> tuple[Worker, Worker]:
    """Two workers, the second beside the first, whose mapped weights it shares."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, fresh) as first, ProcessPoolExecutor(1, fresh) as second:
        one = first.submit(_work, str(engine_file), sentences).result()
        return one, second.submit(_work, str(engine_file), 10).result()


def _work(engine_file: str, sentences: int) -> Worker:
    """Batches of all sizes."""
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
    return Worker(imported - began, loaded - imported, _memory("Private_Dirty"), rss)


def _memory(kind: str) -> float:
    words = Path("/proc/self/smaps_rollup").read_text().split()
    return int(words[words.index(f"{kind}:") + 1]) / 1024


if __name__ == "__main__":
    counted = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    workers = measure(Path(sys.argv[1]) / "engine.bin", counted)
    sys.stdout.write(json.dumps([asdict(worker) for worker in workers], indent=1) + "\n")
