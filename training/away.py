"""What ``go.py`` of a package runs: train, and leave the result of a finished run in parts."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from csanmt.errors import CsanmtError
from training.package import packed_recipe
from training.parts import split_directory
from training.plots import write_curves
from training.run import train


def main(place: Path, arguments: list[str]) -> int:
    """Train the package unpacked in ``place``; returns the exit status."""
    parser = argparse.ArgumentParser(prog="go.py", description=__doc__)
    parser.add_argument("--minutes", type=float, help="budget of the whole run, else the recipe's")
    parser.add_argument(
        "--stop-after", type=float, metavar="MINUTES", help="end this command; the next goes on"
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--weights", default="bf16", choices=("int8", "bf16", "float32"))
    parser.add_argument("--part-size", type=int, default=16 << 20, help="bytes of a result part")
    args = parser.parse_args(arguments)
    try:
        outcome = train(
            packed_recipe(place),
            place / "data",
            place / "work",
            minutes=args.minutes,
            stop_after=args.stop_after,
            device=args.device,
            weights=args.weights,
            report=_print,
        )
    except CsanmtError as error:
        sys.stderr.write(f"go.py: {error}\n")
        return error.exit_code
    if outcome.version is None:
        sys.stdout.write(
            f"stopped at step {outcome.steps}; {outcome.minutes_left:.1f} minutes of the budget "
            "are left: run the same command again\n"
        )
        return 0
    metrics = place / "work" / "metrics.jsonl"
    shutil.copyfile(metrics, outcome.version / "metrics.jsonl")
    write_curves(metrics, outcome.version / "curves.png")
    parts = split_directory(outcome.version, place / "result", args.part_size)
    sys.stdout.write(f"{outcome.tokens} tokens, {len(parts)} parts in {place / 'result'}\n")
    return 0


def _print(line: dict[str, Any]) -> None:
    if line["event"] == "evaluation" or line["step"] % 100 == 0:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
