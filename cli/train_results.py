"""``csanmt train``'s commands about what a run made: status, answers, cards."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import action, answer, gone, note, print_json, print_table
from csanmt.errors import InvalidInputError

if TYPE_CHECKING:
    from cli.output import Actions


def register(actions: Actions) -> None:
    add = action(actions, "distill", _distill).add_argument
    add("corpora", type=Path, nargs="+", help="TSV, TMX or Moses prefixes")
    add("--teacher", required=True, help="version directory or tag in the store")
    add("--engine", choices=("native", "torch"))
    add("--out", type=Path, required=True, help=".tsv; appended to when resumed")
    add("--beam", type=int)
    add(
        "--back",
        action="store_true",
        help="corpora are lines of the target's language; the teacher translates into the source's",
    )
    add(
        "--lowest-score",
        type=float,
        default=float("-inf"),
        help="drop translations below this normalised log probability",
    )
    add = action(actions, "status", _status).add_argument
    add("directory", type=Path, metavar="RUN", help="the --out of the run")
    add("--plot", type=Path, metavar="FILE", help="also draw its curves, .svg")
    add("--log", type=Path, metavar="FILE", help="also write its evaluations, .jsonl")
    add("--trunk", type=Path, metavar="RUN", help="run that comes first in --log")
    add = action(actions, "card", _card).add_argument
    add("--model", required=True, help="version directory or tag in the store")
    add("--engine", choices=("native", "torch"))
    add("--packed", type=Path, help="packed data of the version")
    add("--log", type=Path, help="its evaluations, as 'train status --log' writes")
    gone(actions, "csanmt train", "plot", "csanmt train status RUN --plot FILE.svg")
    gone(actions, "csanmt train", "evaluate", "csanmt bench run MODEL --suite SET")


def _distill(args: argparse.Namespace) -> int:
    """Let a teacher translate corpora for a student."""
    from cli.loading import decoding_options, find_model
    from csanmt.loading import load_translator
    from training.corpus import read_pairs
    from training.distillation import distil, monolingual
    from training.packed import corpora_digests, model_digest

    directory, tag = find_model(args.teacher, args.engine)
    teacher = load_translator(directory, engine=args.engine, model_tag=tag)
    show = sys.stderr.isatty() and not args.json
    written = distil(
        teacher,
        monolingual(args.corpora) if args.back else read_pairs(args.corpora),
        args.out,
        decoding_options(directory, beam=args.beam),
        lowest_score=args.lowest_score,
        back=args.back,
        made_with={
            "teacher": model_digest(directory),
            "engine": teacher.engine.name,
            "corpora": corpora_digests(args.corpora),
        },
        progress=(lambda done: note(f"{done} sentences")) if show else None,
    )
    found = {"out": str(args.out), "written": written, "teacher": tag}
    answer(args, found, f"{written} pairs by {tag} in {args.out}")
    return 0


def _status(args: argparse.Namespace) -> int:
    """Where a run stands: losses, speed, time left."""
    from training.status import draw_curves, read_status, write_log

    status = read_status(args.directory)
    if args.plot and args.plot.suffix != ".svg":
        raise InvalidInputError(f"{str(args.plot)!r} must end in .svg")
    if args.plot and not draw_curves(args.directory / "metrics.jsonl", args.plot):
        raise InvalidInputError(f"{args.directory} holds no evaluation yet")
    if args.log:
        write_log([run for run in (args.trunk, args.directory) if run], args.log)
    if args.json:
        print_json(status)
        return 0
    print("{recipe}: {stage}, step {step}, {tokens:,} target tokens".format(**status))
    print("{minutes} minutes, {minutes_left} left of the budget".format(**status))
    print("{tokens_per_second:,.0f} tokens/s, rate {rate:.2g}, loss {loss:.3f}".format(**status))
    if status["dev"] is not None:
        losses = {"dev": status["dev"], **status["domains"]}
        print_table(["text", "nats a token"], [(k, f"{v:.3f}") for k, v in losses.items()])
    return 0


def _card(args: argparse.Namespace) -> int:
    """Tables for a model card: text, run, shown sentences."""
    from cli.loading import chosen_engine, decoding_options, find_model
    from csanmt.loading import load_translator
    from training.card import run_section, showcase_section, text_section
    from training.packed import read_description

    directory, tag = find_model(args.model, args.engine)
    translator = load_translator(directory, engine=chosen_engine(args.engine), model_tag=tag)
    parts = {"sentences": showcase_section(translator, decoding_options(directory))}
    if args.packed:
        parts["text"] = text_section(read_description(args.packed)["pairs"])
    if args.log:
        parts["run"] = run_section(args.log)
    answer(args, parts, "\n\n".join(parts.values()))
    return 0
