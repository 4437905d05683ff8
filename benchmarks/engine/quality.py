"""What the engine's short cuts cost in quality: BLEU of one model by several ways.

usage: python -m benchmarks.engine.quality MODEL_DIR [--pairs PAIRS.tsv[.xz]] [--torch]

The native engine stands beside itself with a lexical shortlist (counted from ``--pairs``,
or the model's own ``shortlist.bin``) and beside torch, which runs in float32.
"""

from __future__ import annotations

import argparse
import itertools
import lzma
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from sacrebleu.metrics.bleu import BLEU

from benchmarks.suite import QUALITY_SUITES, Suite, load_suite
from csanmt.engine.native import NativeEngine
from csanmt.engine.shortlist import count_lexicon, frequent_tokens, save_shortlist
from csanmt.loading import load_engine, load_translator
from csanmt.text_translator import TextTranslator
from csanmt.translator import DecodingOptions


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
    with tempfile.TemporaryDirectory() as folder:
        ways = _ways(arguments, translator, suites, Path(folder))
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
    parser.add_argument("--pairs", type=Path, help="source TAB target lines to count from")
    parser.add_argument("--lines", type=int, default=200_000, help="of --pairs, from its start")
    parser.add_argument("--each", type=int, nargs="+", default=[50], help="target ids a source id")
    parser.add_argument("--common", type=int, default=300, help="target ids of every sentence")
    parser.add_argument("--torch", action="store_true", help="also by torch in float32 (slow)")
    return parser.parse_args()


def _cut(suite: Suite, count: int) -> Suite:
    step = max(1, len(suite.sources) // count) if count else 1
    return Suite(
        suite.name, suite.sources[::step], tuple(rows[::step] for rows in suite.references)
    )


def _ways(
    arguments: argparse.Namespace, translator: TextTranslator, suites: Sequence[Suite], folder: Path
) -> dict[str, tuple[Any, bool]]:
    """Name → (engine, whether it uses its shortlist)."""
    ways: dict[str, tuple[Any, bool]] = {"native": (translator.engine, False)}
    if arguments.pairs:
        held_out = {line for suite in suites for line in suite.sources}
        pairs = _encoded(arguments.pairs, arguments.lines, translator, held_out)
        common = frequent_tokens((target for _, target in pairs), arguments.common)
        for each in arguments.each:
            lists = count_lexicon(pairs, translator.tokenizer.source_size, each)
            path = folder / f"{each}.bin"
            save_shortlist(path, lists, common, translator.tokenizer.target_size)
            engine = NativeEngine(arguments.model, shortlist=path)
            ways[f"shortlist of {each} + {arguments.common}"] = engine, True
    elif translator.engine.info["shortlist"]:  # type: ignore[attr-defined]
        ways["shortlist.bin"] = translator.engine, True
    if arguments.torch:
        reference = load_engine(arguments.model, "torch")
        reference.batch_size = 32  # type: ignore[attr-defined]
        ways["torch float32"] = reference, False
    return ways


def _encoded(
    path: Path, lines: int, translator: TextTranslator, held_out: set[str]
) -> list[tuple[list[int], list[int]]]:
    tokenizer = translator.tokenizer
    encode_target = tokenizer.encode_target
    return [
        (tokenizer.encode(source), encode_target(target))
        for source, target in itertools.islice(_pairs(path), lines)
        if source not in held_out
    ]


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    with _open(path) as file:
        for line in file:
            source, target, *_ = [*line.rstrip("\n").split("\t"), ""]
            if source and target:
                yield source, target


def _open(path: Path) -> TextIO:
    return lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open()


def _row(
    translator: TextTranslator, suite: Suite, ways: dict[str, tuple[Any, bool]], bleu: BLEU
) -> str:
    outcomes: dict[str, Outcome] = {}
    for name, (engine, shortlist) in ways.items():
        translator.engine = engine
        plain = outcomes["native"].outputs if outcomes else None
        outcomes[name] = _measure(translator, suite, shortlist, plain, bleu)
    base = outcomes["native"].bleu
    cells = [
        f"{o.bleu:.2f} ({o.bleu - base:+.2f}; {o.same:.1%}; {o.cpu_seconds:.0f} s)"
        for o in outcomes.values()
    ]
    return f"| {suite.name} | {len(suite.sources)} | {' | '.join(cells)} |"


def _measure(
    translator: TextTranslator, suite: Suite, shortlist: bool, plain: list[str] | None, bleu: BLEU
) -> Outcome:
    options = DecodingOptions(shortlist=shortlist)
    start = time.process_time()
    outputs = [answer.text for answer in translator.translate(list(suite.sources), options)]
    seconds = time.process_time() - start
    score = bleu.corpus_score(outputs, [list(rows) for rows in suite.references]).score
    same = [a == b for a, b in zip(outputs, plain or outputs, strict=True)]
    return Outcome(score, sum(same) / len(same), seconds, outputs)


if __name__ == "__main__":
    sys.exit(main())
