"""The measured cells as Markdown and JSON."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.engine.contenders import LENGTH
from benchmarks.engine.measure import Cell, Spread
from benchmarks.engine.models import Dimensions
from benchmarks.engine.processes import Footprint
from benchmarks.engine.real_text import TextResult
from benchmarks.engine.work import Machine, work

PAIR = ("native", "ctranslate2")


@dataclass(frozen=True, slots=True)
class Result:
    """Everything measured for one model size."""

    name: str
    dimensions: Dimensions
    cells: list[Cell]
    footprint: Footprint
    scaling: Spread | None  # throughput of two workers over one, wall time


def as_json(
    machine: Machine, results: list[Result], text: TextResult | None = None
) -> dict[str, Any]:
    """Everything measured, times in seconds a sentence."""
    return {
        "machine": {"processor": platform.processor() or platform.machine(), **asdict(machine)},
        "results": [
            {
                "size": r.name,
                "dimensions": asdict(r.dimensions),
                "footprint": asdict(r.footprint),
                "two_workers": asdict(r.scaling) if r.scaling else None,
                "cells": [_cell_json(machine, r.dimensions, cell) for cell in r.cells],
            }
            for r in results
        ],
        "text": _text_json(text) if text else None,
    }


def _text_json(text: TextResult) -> dict[str, Any]:
    cells = [
        {"batch": c.batch, "beam": c.beam, "seconds_a_sentence": _seconds(c),
         "speedup": {k: asdict(c.ratio(*PAIR, k)) for k in ("cpu", "wall")}}
        for c in text.cells
    ]  # fmt: skip
    facts = ("name", "suite", "sentences", "source_tokens", "target_tokens")
    return {**{name: getattr(text, name) for name in facts}, "cells": cells}


def _seconds(cell: Cell) -> dict[str, Any]:
    return {
        name: {"cpu": asdict(Spread.of(t.cpu)), "wall": asdict(Spread.of(t.wall))}
        for name, t in cell.timings.items()
    }


def _cell_json(machine: Machine, dimensions: Dimensions, cell: Cell) -> dict[str, Any]:
    return {
        "batch": cell.batch,
        "beam": cell.beam,
        "seconds_a_sentence": _seconds(cell),
        "speedup": {
            " over ".join(PAIR): {
                clock: asdict(cell.ratio(*PAIR, clock)) for clock in ("cpu", "wall")
            }
        },
        "share_of_peak": _shares(machine, dimensions, cell)[0],
        "share_of_bandwidth": _shares(machine, dimensions, cell)[1],
    }


def _shares(machine: Machine, dimensions: Dimensions, cell: Cell) -> tuple[float, float]:
    seconds = Spread.of(cell.timings["native"].cpu).median
    needed = work(dimensions, cell.batch, cell.beam, LENGTH)
    return (
        needed.multiply_adds / seconds / machine.peak,
        needed.bytes_read / seconds / machine.bandwidth,
    )


def as_markdown(machine: Machine, results: list[Result], text: TextResult | None = None) -> str:
    lines = [
        "# Speed of the CPU engine",
        "",
        f"One thread, {LENGTH} source and {LENGTH} forced target tokens, random weights. Kernels: "
        f"{machine.instruction_set}; measured int8 peak {machine.peak / 1e9:.0f} billion "
        f"multiply-adds a second, memory {machine.bandwidth / 1e9:.1f} GB/s. Times are "
        "milliseconds a sentence, median (quartiles); ratios are taken round by round. "
        "CTranslate2 runs the same dimensions without the semantic parts.",
    ]
    for result in results:
        lines += ["", *_size_lines(machine, result)]
    if text:
        lines += ["", *_text_lines(text)]
    return "\n".join(lines) + "\n"


def _size_lines(machine: Machine, result: Result) -> list[str]:
    names = list(result.cells[0].timings)
    d, f = result.dimensions, result.footprint
    lines = [
        f"## {result.name}: {d.num_encoder_layers}/{d.num_decoder_layers}/{d.hidden_size}/"
        f"{d.intermediate_size}/{d.vocab_size}, {d.num_semantic_encoder_layers} semantic layers",
        "",
        f"Load {f.load_seconds * 1e3:.0f} ms (import {f.import_seconds * 1e3:.0f} ms), resident "
        f"{f.rss:.0f} MiB of which the weights are shared; a second worker adds "
        f"{f.second_private:.0f} MiB." + (
            f" Two workers do {_times(result.scaling)} the work of one in wall time."
            if result.scaling else ""
        ),
        "",
        "| batch | beam | " + " | ".join(f"{n}, CPU ms" for n in names) + " | native, wall ms "
        "| native : ctranslate2 | wall | of peak | of bandwidth |",
        "|" + "--:|" * (len(names) + 7),
    ]  # fmt: skip
    return lines + [_row(machine, result, cell, names) for cell in result.cells]


def _text_lines(text: TextResult) -> list[str]:
    names = list(text.cells[0].timings)
    lines = [
        f"## {text.name} on real text",
        "",
        f"{text.sentences} sentences of {text.suite}, {text.source_tokens:.1f} source tokens and "
        f"{text.target_tokens:.1f} target tokens on average, as the model ends them; CTranslate2 "
        "is forced to the average length of each batch.",
        "",
        "| batch | beam | " + " | ".join(f"{n}, CPU ms" for n in names) + " | native, wall ms "
        "| native : ctranslate2 | wall |",
        "|" + "--:|" * (len(names) + 5),
    ]
    for cell in text.cells:
        columns = [
            str(cell.batch), str(cell.beam),
            *(_milliseconds(Spread.of(cell.timings[n].cpu)) for n in names),
            _milliseconds(Spread.of(cell.timings["native"].wall)),
            *(_times(cell.ratio(*PAIR, clock)) for clock in ("cpu", "wall")),
        ]  # fmt: skip
        lines.append("| " + " | ".join(columns) + " |")
    return lines


def _row(machine: Machine, result: Result, cell: Cell, names: list[str]) -> str:
    peak, bandwidth = _shares(machine, result.dimensions, cell)
    times = [_milliseconds(Spread.of(cell.timings[n].cpu)) for n in names]
    ratios = [_times(cell.ratio(*PAIR, clock)) for clock in ("cpu", "wall")]
    columns = [
        str(cell.batch), str(cell.beam), *times,
        _milliseconds(Spread.of(cell.timings["native"].wall)), *ratios,
        f"{peak:.0%}", f"{bandwidth:.0%}",
    ]  # fmt: skip
    return "| " + " | ".join(columns) + " |"


def _milliseconds(s: Spread) -> str:
    return f"{s.median * 1e3:.1f} ({s.low * 1e3:.1f}-{s.high * 1e3:.1f})"


def _times(s: Spread) -> str:
    return f"{s.median:.2f} ({s.low:.2f}-{s.high:.2f})"
