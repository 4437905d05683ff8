"""Memory of one worker over thousands of sentences, load time, and what a second worker adds.

usage: python -m benchmarks.engine.soak MODEL_DIR [--sentences 10000]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.engine.processes import footprint, steady_memory

MIB = 1024


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engine.soak", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("model", type=Path, help="engine.bin, or the directory that holds it")
    parser.add_argument("--sentences", type=int, default=10_000)
    arguments = parser.parse_args()
    file = arguments.model / "engine.bin" if arguments.model.is_dir() else arguments.model
    found = footprint(file)
    sizes = steady_memory(file, arguments.sentences)
    json.dump(
        {
            "load_seconds": round(found.load_seconds, 4),
            "second_worker_mib": round(found.second_private, 1),
            "rss_mib_after_sentences": {str(n): round(kib / MIB, 1) for n, kib in sizes.items()},
        },
        sys.stdout,
        indent=1,
    )
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
