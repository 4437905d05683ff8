"""What int8 costs in quality: BLEU of one model by the native engine and by torch.

usage: python -m benchmarks.engine.quality MODEL_DIR [--suites NAME…] [--sentences N]

The native engine (int8) stands beside torch, which runs in float32 and is slow.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics.bleu import BLEU

from benchmarks.suite import QUALITY_SUITES, Suite, load_suite
from csanmt.loading import load_engine, load_translator
from csanmt.text_translator import TextTranslator


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one suite and one way: BLEU, translations equal to the plain native ones, CPU time."""

    bleu: float
    same: float
    cpu_seconds: float
    outputs: list[str]


def main() -> int:
    arguments = _parse()
    suites = [_cut(load_suite(name), arguments.sentences) for name in arguments.suites]
    translator = load_translator(arguments.model, engine="native")
    bleu = BLEU()
    reference = load_engine(arguments.model, "torch")
    reference.batch_size = 32  # type: ignore[attr-defined]
    ways = {"native": translator.engine, "torch float32": reference}
    sys.stdout.write(f"| suite | sentences | {' | '.join(ways)} |\n")
    sys.stdout.write("|---|--:|" + "---|" * len(ways) + "\n")
    for suite in suites:
        sys.stdout.write(_row(translator, suite, ways, bleu) + "\n")
        sys.stdout.flush()
    note = "BLEU (difference to native; share of equal translations; CPU seconds)."
    sys.stdout.write(f"\n{note}\n{bleu.get_signature()}\n")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engine.quality", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("model", type=Path, help="directory of a packed model")
    parser.add_argument("--suites", nargs="+", default=list(QUALITY_SUITES))
    parser.add_argument(
        "--sentences", type=int, default=0, help="every n-th, about so many a suite"
    )
    return parser.parse_args()


def _cut(suite: Suite, count: int) -> Suite:
    step = max(1, len(suite.sources) // count) if count else 1
    return Suite(
        suite.name, suite.sources[::step], tuple(rows[::step] for rows in suite.references)
    )


def _row(translator: TextTranslator, suite: Suite, ways: dict[str, Any], bleu: BLEU) -> str:
    outcomes: dict[str, Outcome] = {}
    for name, engine in ways.items():
        translator.engine = engine
        plain = outcomes["native"].outputs if outcomes else None
        outcomes[name] = _measure(translator, suite, plain, bleu)
    base = outcomes["native"].bleu
    cells = [
        f"{o.bleu:.2f} ({o.bleu - base:+.2f}; {o.same:.1%}; {o.cpu_seconds:.0f} s)"
        for o in outcomes.values()
    ]
    return f"| {suite.name} | {len(suite.sources)} | {' | '.join(cells)} |"


def _measure(
    translator: TextTranslator, suite: Suite, plain: list[str] | None, bleu: BLEU
) -> Outcome:
    start = time.process_time()
    outputs = [answer.text for answer in translator.translate(list(suite.sources))]
    seconds = time.process_time() - start
    score = bleu.corpus_score(outputs, [list(rows) for rows in suite.references]).score
    same = [a == b for a, b in zip(outputs, plain or outputs, strict=True)]
    return Outcome(score, sum(same) / len(same), seconds, outputs)


if __name__ == "__main__":
    sys.exit(main())
