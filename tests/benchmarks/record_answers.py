"""Record what a model answers to everything that the gate asks of a model.

python -m tests.benchmarks.record_answers MODEL_DIRECTORY tests/benchmarks/answers/v1.2.0.json.xz
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path

from benchmarks.answers import AnswerCache, translate_suite
from benchmarks.behaviour import load_cases
from benchmarks.loading import load_subject
from benchmarks.suite import QUALITY_SUITES, load_suite


def main(directory: str, out: str) -> None:
    subject = load_subject(directory)
    groups = [group for rule in load_cases().groups.values() for group in rule.values()]
    asked = [case.source for group in groups for case in group.alone]
    asked += [source for group in groups for pair in group.pair for source in pair.sources]
    content = {
        "suites": {
            name: translate_suite(subject, load_suite(name), AnswerCache(), workers=2)
            for name in QUALITY_SUITES
        },
        "cases": {source: subject.translate([source])[0] for source in dict.fromkeys(asked)},
    }
    data = json.dumps(content, ensure_ascii=False).encode()
    Path(out).write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main(*sys.argv[1:])
