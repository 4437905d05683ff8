"""Compare the native engine with CTranslate2 and torch at the published dimensions.

usage: python -m benchmarks.engine [--quick] [--sizes base large] [--text MODEL] [--output DIR]

Everything is measured interleaved in one run; process CPU time is what counts on a
shared machine. Models are built once into ``--models`` and kept.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any of the engines is loaded

from benchmarks.engine.contenders import LENGTH, make_contenders
from benchmarks.engine.measure import CELLS, Spread, measure_cell
from benchmarks.engine.models import SIZES, Dimensions, source_sentences
from benchmarks.engine.processes import footprint, throughput
from benchmarks.engine.real_text import TextResult, measure_text
from benchmarks.engine.report import Result, as_json, as_markdown
from benchmarks.engine.work import Machine


def main() -> int:
    arguments = _parse()
    machine = Machine.measured()
    results = []
    for name in arguments.sizes:
        results.append(_measure(name, _dimensions(name), arguments))
        _write(arguments.output, machine, results)  # a cut-off run keeps what it has
    text = _measure_text(arguments)
    _write(arguments.output, machine, results, text)
    sys.stdout.write(as_markdown(machine, results, text))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engine", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument(
        "--sizes", nargs="+", default=["base", "large"],
        help=f"{', '.join(SIZES)}, or the config.json of a model (default: base large)",
    )  # fmt: skip
    parser.add_argument(
        "--text", type=Path, default=Path("model_store/default"),
        help="directory of a packed model to measure on real text",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=9, help="timed rounds a cell")
    parser.add_argument("--quick", action="store_true", help="base only, 3 rounds, no torch")
    parser.add_argument("--no-torch", action="store_true", help="leave out the torch reference")
    parser.add_argument("--models", type=Path, default=Path("build/bench-engine"))
    parser.add_argument("--output", type=Path, default=Path("build/bench-engine"))
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.sizes, arguments.rounds, arguments.no_torch = ["base"], 3, True
    return arguments


def _dimensions(name: str) -> Dimensions:
    if name in SIZES:
        return SIZES[name]
    config = json.loads(Path(name).read_text(encoding="utf-8"))
    return Dimensions(**{k: config[k] for k in Dimensions.__dataclass_fields__ if k in config})


def _measure(name: str, dimensions: Dimensions, arguments: argparse.Namespace) -> Result:
    label = name if name in SIZES else Path(name).resolve().parent.name
    directory = arguments.models / label
    sentences = source_sentences(dimensions, max(b for b, _ in CELLS), LENGTH)
    contenders = make_contenders(dimensions, directory, not arguments.no_torch)
    cells = []
    for batch, beam in CELLS:
        cells.append(measure_cell(contenders, sentences[:batch], beam, arguments.rounds))
        ratio = cells[-1].ratio("native", "ctranslate2")
        sys.stderr.write(f"{label} batch {batch} beam {beam}: {ratio.median:.2f}\n")
    packed = directory / "native" / "engine.bin"
    del contenders
    seconds = 2.0 if arguments.quick else 6.0
    pairs = [
        throughput(packed, 2, seconds) / throughput(packed, 1, seconds)
        for _ in range(min(3, arguments.rounds))
    ]
    return Result(label, dimensions, cells, footprint(packed), Spread.of(pairs))


def _measure_text(arguments: argparse.Namespace) -> TextResult:
    model: Path = arguments.text
    return measure_text(
        model, _dimensions(str(model / "config.json")),
        arguments.models / model.resolve().name, arguments.rounds, not arguments.no_torch,
    )  # fmt: skip


def _write(
    directory: Path, machine: Machine, results: list[Result], text: TextResult | None = None
) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "engine.md").write_text(as_markdown(machine, results, text), encoding="utf-8")
    document = json.dumps(as_json(machine, results, text), indent=1)
    (directory / "engine.json").write_text(document + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
