"""``csanmt train``: recipes, packages for machines without network, scores."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import action, add_json_flag, note, print_json, print_table
from csanmt.errors import CsanmtError, InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from cli.output import Actions
    from training.recipe import Recipe

DESCRIPTION = """\
Train a CSANMT model from a recipe (training/recipes/*.toml): filter the corpora, learn
the tokenizer, train within a wall-clock budget, export a model version. Called again
with the same --out it goes on where it stopped, also after a kill or --stop-after.

  csanmt train --recipe training/recipes/tiny.toml --out run --save my-model:v0.1.0
  csanmt train pack --recipe R --packed run/data --out parts --part-size 12M
  csanmt train evaluate --model run/version training/recipes/tiny/dev.tsv
"""


def register(subparsers: Actions) -> None:
    parser = subparsers.add_parser(
        "train",
        help="train a model from a recipe",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recipe", type=Path, metavar="FILE", help="TOML recipe")
    _add_data(parser)
    parser.add_argument("--out", type=Path, default=Path("run"), help="directory of the run")
    parser.add_argument(
        "--packed", type=Path, help="packed data; default: OUT/data, made if absent"
    )
    parser.add_argument("--minutes", type=float, help="budget of the whole run, else the recipe's")
    parser.add_argument(
        "--stop-after", type=float, metavar="MINUTES", help="end this command; the next goes on"
    )
    parser.add_argument("--weights", default="int8", choices=("int8", "bf16", "float32"))
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument(
        "--plain", action="store_true", help="ablation: no semantic encoder, no augmentation"
    )
    parser.add_argument(
        "--restart", action="store_true", help="drop an earlier run and its data in OUT"
    )
    parser.add_argument(
        "--changed",
        action="store_true",
        help="go on with a recipe or data that differ from what the run in OUT had; logged",
    )
    parser.add_argument(
        "--trunk",
        type=Path,
        metavar="RUN",
        help="begin with a copy of this run's checkpoint and its vocabulary; RUN stays as it is",
    )
    parser.add_argument("--save", metavar="TAG", help="also save to the store, e.g. name:v1.2.0")
    add_json_flag(parser)
    parser.set_defaults(run=_train)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    for add in (
        _add_prepare,
        _add_pack,
        _add_join,
        _add_evaluate,
        _add_distill,
        _add_plot,
        _add_status,
    ):
        add(actions)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="where the recipe's corpora lie; default: the recipe's directory",
    )


# --- train, prepare ------------------------------------------------------------------------------


def _train(args: argparse.Namespace) -> int:
    recipe = _recipe(args)
    packed = args.packed or args.out / "data"
    stale = args.restart and args.packed is None
    if stale or not (packed / "packed.json").is_file():
        _prepare_into(recipe, args, packed)
    from training.plots import write_curves
    from training.run import RunOptions, train

    stopped = _stop_on_signal()
    options = RunOptions(
        minutes=args.minutes,
        stop_after=args.stop_after,
        resume=not args.restart,
        changed=args.changed,
        trunk=args.trunk,
        weights=args.weights,
        device=args.device,
        commit=_commit(),
    )
    report = _reporter(args.json)
    outcome = train(recipe, packed, args.out, options, report=report, stop=stopped.is_set)
    write_curves(args.out / "metrics.jsonl", args.out / "curves.png")
    result = {
        "version": str(outcome.version) if outcome.version else None,
        "minutes_left": round(outcome.minutes_left, 2),
        "steps": outcome.steps,
        "tokens": outcome.tokens,
        "hours": round(outcome.hours, 3),
        "dev": outcome.scores,
    }
    if args.save and outcome.version:
        result["saved"] = _save(outcome.version, args.save)
    if args.json:
        print_json(result)
        return 0
    print(f"{outcome.steps} steps, {outcome.tokens} target tokens, {outcome.hours:.2f} hours")
    if outcome.version:
        print(f"dev loss {outcome.scores.get('loss', 0):.3f}, in {outcome.version}")
    else:
        left = f"{outcome.minutes_left:.1f} minutes of the budget are left"
        print(f"stopped; {left}: run the same command again")
    return 0


def _stop_on_signal() -> threading.Event:
    """Set by SIGTERM or SIGINT: the run saves after its step and ends."""
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    return stopped


def _save(version: Path, tag: str) -> str:
    from model_store.store import ModelStore

    return str(ModelStore.from_environment().save(version, tag).tag)


def _recipe(args: argparse.Namespace) -> Recipe:
    from dataclasses import replace

    from training.recipe import load_recipe

    if args.recipe is None:
        raise InvalidInputError("--recipe FILE is needed; see training/recipes")
    recipe = load_recipe(args.recipe)
    if recipe.start.initial_model:
        place = _initial_model(recipe.start.initial_model, args)
        recipe = replace(recipe, start=replace(recipe.start, initial_model=str(place)))
    if getattr(args, "plain", False):
        recipe = replace(recipe, model=replace(recipe.model, use_augmentation=False))
    return recipe


def _initial_model(name: str, args: argparse.Namespace) -> Path:
    """A directory named in a recipe: looked for where the data is, then beside the recipe."""
    places = [place / name for place in (args.data, args.recipe.parent) if place is not None]
    found = next((place for place in places if (place / "config.json").is_file()), None)
    if found is None:
        raise NotFoundError(
            f"start.initial_model: no model version {' nor '.join(map(repr, map(str, places)))}"
        )
    return found.resolve()


def _prepare_into(recipe: Recipe, args: argparse.Namespace, packed: Path) -> dict[str, object]:
    from training.preparation import prepare

    note(f"preparing data into {packed}")
    trunk = getattr(args, "trunk", None)
    like = trunk / "data" if trunk else getattr(args, "like", None)
    return prepare(recipe, args.data or args.recipe.parent, packed, like)


def _add_prepare(actions: Actions) -> None:
    parser = action(actions, "prepare", _prepare, "filter, learn the tokenizer, pack ids to disk")
    parser.add_argument("--recipe", type=Path, required=True)
    _add_data(parser)
    parser.add_argument("--out", type=Path, required=True, help="packed directory to write")
    parser.add_argument(
        "--like",
        type=Path,
        metavar="PACKED",
        help="take vocabulary and held-out lines of this packed data, to go on with its run",
    )


def _prepare(args: argparse.Namespace) -> int:
    description = _prepare_into(_recipe(args), args, args.out)
    if args.json:
        print_json(description)
        return 0
    kept, dropped = description["pairs"], description["dropped"]
    assert isinstance(kept, dict)
    assert isinstance(dropped, dict)
    print_table(["origin", "pairs"], kept.items())
    print()
    print_table(["dropped by", "pairs"], dropped.items())
    return 0


def _reporter(quiet: bool) -> Callable[[dict[str, Any]], None] | None:
    """Progress on stderr: a line every 50 steps and every evaluation."""
    if quiet:
        return None

    def report(line: dict[str, Any]) -> None:
        if line["event"] == "evaluation":
            bleu = f", greedy BLEU {line['bleu']:.1f}" if "bleu" in line else ""
            note(f"step {line['step']}: dev loss {line['loss']:.3f}{bleu}")
        elif line["event"] == "changed":
            note(f"step {line['step']}: goes on with other {', '.join(line['settings']) or 'data'}")
        elif line["step"] % 50 == 1:
            note(
                f"{line['stage']} step {line['step']}: loss {line['loss']:.3f}, "
                f"{line['tokens']} tokens, {line['seconds']:.0f} s"
            )

    return report


def _commit() -> str:
    root = Path(__file__).resolve().parent.parent
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


# --- away from home ------------------------------------------------------------------------------


def _add_pack(actions: Actions) -> None:
    parser = action(actions, "pack", _pack, "write data, recipe and code as parts with digests")
    parser.add_argument("--recipe", type=Path, required=True)
    _add_data(parser)
    parser.add_argument("--packed", type=Path, required=True, help="directory of 'train prepare'")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part-size", default="16M", help="most bytes of a part (K, M, G)")


def _pack(args: argparse.Namespace) -> int:
    from training.package import pack_run

    parts = pack_run(_recipe(args), args.packed, args.out, parse_size(args.part_size))
    sizes = {part.name: part.stat().st_size for part in parts}
    if args.json:
        print_json({"out": str(args.out), "parts": sizes})
    else:
        print(f"{len(parts)} parts, {sum(sizes.values())} bytes in {args.out}")
        print("there: python split_archive.py join . run && cd run && python go.py")
    return 0


def parse_size(text: str) -> int:
    """``12M`` → bytes. Raises InvalidInputError if it is no size."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    number, unit = (text[:-1], units[text[-1].upper()]) if text[-1:].upper() in units else (text, 1)
    if not number.isdigit() or int(number) < 1:
        raise InvalidInputError(f"size is {text!r}; write a number of bytes, or 500K, 12M, 1G")
    return int(number) * unit


def _add_join(actions: Actions) -> None:
    parser = action(actions, "join", _join, "check and join the parts that came back")
    parser.add_argument("parts", type=Path)
    parser.add_argument("--out", type=Path, required=True)


def _join(args: argparse.Namespace) -> int:
    from training.package import join_result

    out = join_result(args.parts, args.out)
    if args.json:
        print_json({"out": str(out)})
    else:
        print(f"joined into {out}")
    return 0


# --- scores, distillation, curves ----------------------------------------------------------------


def _add_evaluate(actions: Actions) -> None:
    parser = action(actions, "evaluate", _evaluate, "BLEU, chrF and TER with signatures")
    parser.add_argument(
        "sets",
        type=Path,
        nargs="+",
        help="a .tsv, a folder of benchmarks/suites, or a prefix of .zh and .en",
    )
    parser.add_argument("--model", required=True, help="version directory or tag in the store")
    parser.add_argument("--engine", choices=("native", "torch"))
    parser.add_argument("--beam", type=int)
    parser.add_argument("--out", type=Path, help="also write hypotheses to OUT/SET.en")


def _evaluate(args: argparse.Namespace) -> int:
    from cli.loading import chosen_engine, decoding_options, find_model
    from csanmt.loading import load_translator
    from training.corpus_metrics import load_test_set, score, translate_set

    directory, tag = find_model(args.model, args.engine)
    translator = load_translator(directory, engine=chosen_engine(args.engine), model_tag=tag)
    results = []
    for path in args.sets:
        test = load_test_set(path)
        outputs = translate_set(translator, test, decoding_options(directory, beam=args.beam))
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            text = "".join(" ".join(line.split()) + "\n" for line in outputs)
            (args.out / f"{test.name}.en").write_text(text, encoding="utf-8")
        results.append(score(test.name, outputs, test.references))
    if args.json:
        print_json({"model": tag, "scores": [result.to_dict() for result in results]})
        return 0
    rows = [(r.name, r.sentences, r.bleu, r.chrf, r.ter) for r in results]
    print_table(["set", "sentences", "BLEU", "chrF", "TER"], rows)
    for signature in (
        results[0].bleu_signature,
        results[0].chrf_signature,
        results[0].ter_signature,
    ):
        print(signature)
    return 0


def _add_distill(actions: Actions) -> None:
    parser = action(actions, "distill", _distill, "let a teacher translate corpora for a student")
    parser.add_argument("corpora", type=Path, nargs="+", help="TSV, TMX or Moses prefixes")
    parser.add_argument("--teacher", required=True, help="version directory or tag in the store")
    parser.add_argument("--engine", choices=("native", "torch"))
    parser.add_argument("--out", type=Path, required=True, help=".tsv; appended to when resumed")
    parser.add_argument("--beam", type=int)
    parser.add_argument(
        "--back",
        action="store_true",
        help="corpora are lines of the target's language; the teacher translates into the source's",
    )
    parser.add_argument(
        "--lowest-score",
        type=float,
        default=float("-inf"),
        help="drop translations below this normalised log probability",
    )


def _distill(args: argparse.Namespace) -> int:
    from cli.loading import decoding_options, find_model
    from csanmt.loading import load_translator
    from training.corpus import read_pairs
    from training.distillation import distil, monolingual
    from training.input_digests import corpora_digests, model_digest

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
    if args.json:
        print_json({"out": str(args.out), "written": written, "teacher": tag})
    else:
        print(f"{written} pairs by {tag} in {args.out}")
    return 0


def _add_plot(actions: Actions) -> None:
    parser = action(actions, "plot", _plot, "draw the learning curves of a run")
    parser.add_argument("metrics", type=Path, help="metrics.jsonl")
    parser.add_argument("--out", type=Path, required=True, help=".png")


def _plot(args: argparse.Namespace) -> int:
    from training.plots import write_curves

    if not args.metrics.is_file():
        raise InvalidInputError(f"no metrics file {str(args.metrics)!r}")
    if not write_curves(args.metrics, args.out):
        raise CsanmtError("matplotlib is not installed; install the development requirements")
    if args.json:
        print_json({"out": str(args.out)})
    return 0


def _add_status(actions: Actions) -> None:
    parser = action(actions, "status", _status, "where a run stands: losses, speed, time left")
    parser.add_argument("directory", type=Path, metavar="RUN", help="the --out of the run")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw its curves, .png")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="also write its evaluations, .jsonl"
    )
    parser.add_argument("--trunk", type=Path, metavar="RUN", help="run that comes first in --log")


def _status(args: argparse.Namespace) -> int:
    from training.plots import write_curves
    from training.status import read_status, write_log

    status = read_status(args.directory)
    if args.plot:
        write_curves(args.directory / "metrics.jsonl", args.plot)
    if args.log:
        write_log([run for run in (args.trunk, args.directory) if run], args.log)
    if args.json:
        print_json(status.to_dict())
        return 0
    print(f"{status.recipe}: {status.stage}, step {status.step}, {status.tokens:,} target tokens")
    print(f"{status.minutes} minutes, {status.minutes_left} left of the budget")
    print(
        f"{status.tokens_per_second:,.0f} tokens/s, rate {status.rate:.2g}, loss {status.loss:.3f}"
    )
    if status.dev is not None:
        rows = [("dev", f"{status.dev:.3f}"), *((k, f"{v:.3f}") for k, v in status.domains.items())]
        print_table(["text", "nats a token"], rows)
    return 0


__all__: Sequence[str] = ("parse_size", "register")
