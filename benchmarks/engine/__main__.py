"""Compare the native engine with CTranslate2 at the published dimensions and on real text.

usage: python -m benchmarks.engine [--sizes base large] [--text MODEL]

Everything is measured interleaved in one run; process CPU time is what counts on a
shared machine. Models are built once into ``--models`` and kept.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any of the engines is loaded

from benchmarks.engine.contenders import Run, Sentences, ctranslate2, measure, native, spread
from benchmarks.engine.models import (
    KEYS,
    SIZES,
    Dimensions,
    ctranslate2_model,
    native_model,
    source_sentences,
)
from benchmarks.engine.processes import measure as measure_memory
from benchmarks.suite import load_suite
from csanmt.loading import load_engine, load_tokenizer

CELLS = [(1, 1), (1, 4), (8, 1), (8, 4), (32, 1), (32, 4)]  # (batch, beam)
LENGTH = 30  # source and target tokens of random sentences
SUITE, SENTENCES = "tatoeba", 32  # of the real text
HEAD = (
    "| batch | beam | native, CPU ms | ctranslate2, CPU ms | native, wall ms "
    "| native : ctranslate2 | wall |"
)


def main() -> int:
    options = _options()
    lines = [_head(), *(line for name in options.sizes for line in _random(name, options))]
    lines += _real(options)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument(
        "--sizes",
        nargs="+",
        default=["base", "large"],
        help=f"{', '.join(SIZES)}, or the config.json of a model (default: base large)",
    )
    parser.add_argument(
        "--text",
        type=Path,
        default=Path("model_store/default"),
        help="directory of a packed model to measure on real text",
    )
    parser.add_argument("--rounds", type=int, default=9, help="timed rounds a cell")
    parser.add_argument("--models", type=Path, default=Path("build/bench-engine"))
    return parser.parse_args()


def _head() -> str:
    import csanmt_engine

    return (
        "# Speed of the CPU engine\n\n"
        f"One thread, {LENGTH} source and {LENGTH} forced target tokens, random weights. Kernels: "
        f"{csanmt_engine.instruction_sets()[0]}. Times are milliseconds a sentence, median "
        "(quartiles); ratios are taken round by round. CTranslate2 runs the same dimensions "
        "without the semantic parts."
    )


def _dimensions(name: str) -> Dimensions:
    if name in SIZES:
        return SIZES[name]
    config = json.loads(Path(name).read_text(encoding="utf-8"))
    return {key: config[key] for key in KEYS}


def _random(name: str, options: argparse.Namespace) -> Iterator[str]:
    """One size with random weights, every sentence forced to the same length."""
    from csanmt.engine.native import NativeEngine

    d = _dimensions(name)
    label = name if name in SIZES else Path(name).resolve().parent.name
    packed = native_model(d, options.models / label / "native")
    converted = ctranslate2_model(d, options.models / label / "ctranslate2")
    contenders = {
        "native": native(NativeEngine(packed), LENGTH),
        "ctranslate2": ctranslate2(converted, lambda *_: LENGTH),
    }
    sentences = tuple(map(tuple, source_sentences(d, 32, LENGTH)))
    first, second = measure_memory(packed, 100)
    yield (
        f"\n## {label}: encoder/decoder layers/hidden/inner size/heads/vocabulary/semantic layers "
        f"{'/'.join(map(str, d.values()))}\n"
    )
    yield (
        f"Load {second.load_seconds * 1e3:.0f} ms (import {first.import_seconds * 1e3:.0f} ms), "
        f"resident {first.rss['100']:.0f} MiB of which the weights are shared; a second worker "
        f"adds {second.private:.0f} MiB."
    )
    yield from _table(contenders, sentences, options.rounds, few=4)


def _real(options: argparse.Namespace) -> Iterator[str]:
    """A trained model on real sentences, each ending where the model ends it; CTranslate2,
    which cannot host it, is forced to the average length of each batch."""
    model: Path = options.text
    tokenizer, lines = load_tokenizer(model), load_suite(SUITE).sources
    sentences = tuple(
        tuple(tokenizer.encode(line)) for line in lines[:: len(lines) // SENTENCES][:SENTENCES]
    )
    ours = native(load_engine(model, "native"))
    folder = options.models / model.resolve().name / "ctranslate2"
    theirs = ctranslate2(ctranslate2_model(_dimensions(str(model / "config.json")), folder), ours)
    tokens = sum(map(len, sentences)) / len(sentences)
    yield f"\n## {model.resolve().name} on real text\n"
    yield (
        f"{SENTENCES} sentences of {SUITE}, {tokens:.1f} source tokens and "
        f"{ours(sentences, 4)} target tokens on average, as the model ends them; "
        "CTranslate2 is forced to the average length of each batch."
    )
    yield from _table({"native": ours, "ctranslate2": theirs}, sentences, options.rounds, few=32)


def _table(
    contenders: dict[str, Run], sentences: Sentences, rounds: int, few: int
) -> Iterator[str]:
    """A row a cell; of single sentences only a ``few``, one after the other."""
    yield f"\n{HEAD}\n|" + "--:|" * 7
    for batch, beam in CELLS:
        times = measure(contenders, sentences[: max(few, batch)], batch, beam, rounds)
        shown = [("native", "cpu"), ("ctranslate2", "cpu"), ("native", "wall")]
        cells = [spread(times[key], 1) for key in shown]
        for clock in ("cpu", "wall"):
            pairs = zip(times["native", clock], times["ctranslate2", clock], strict=True)
            cells.append(spread([theirs / ours for ours, theirs in pairs], 2))
        sys.stderr.write(f"batch {batch} beam {beam}\n")
        yield f"| {batch} | {beam} | {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
