"""``csanmt train``: recipes, packages for machines without network, scores."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import action, add_json_flag, answer, gone, note, print_json, print_table
from csanmt.errors import InvalidInputError, NotFoundError
from csanmt.source_tree import head_commit

if TYPE_CHECKING:
    from training.recipe import Recipe

DESCRIPTION = """\
Train a CSANMT model from a recipe (training/recipes/*.toml): filter the corpora, learn
the tokenizer, train within a wall-clock budget, export a model version. Called again
with the same --out it goes on where it stopped, also after a kill or --stop-after.

  csanmt train --recipe training/recipes/tiny.toml --out run --save my-model:v0.1.0
  csanmt train pack --recipe R --packed run/data --out run.tar.xz
  csanmt bench run run/version --suite training/recipes/tiny/dev.tsv
"""


def register(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
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
    parser = action(actions, "prepare", _prepare)
    parser.add_argument("--recipe", type=Path, required=True)
    _add_data(parser)
    parser.add_argument("--out", type=Path, required=True, help="packed directory to write")
    parser.add_argument(
        "--like",
        type=Path,
        metavar="PACKED",
        help="take vocabulary and held-out lines of this packed data, to go on with its run",
    )
    parser = action(actions, "pack", _pack)
    parser.add_argument("--recipe", type=Path, required=True)
    _add_data(parser)
    parser.add_argument("--packed", type=Path, required=True, help="directory of 'train prepare'")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.tar.xz")
    gone(actions, "csanmt train", "join", "tar xf unpacks what came back")
    from cli import train_results

    train_results.register(actions)


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
    from training.run import train
    from training.status import draw_curves

    stopped = _stop_on_signal()
    done = train(
        recipe,
        packed,
        args.out,
        minutes=args.minutes,
        stop_after=args.stop_after,
        resume=not args.restart,
        changed=args.changed,
        trunk=args.trunk,
        weights=args.weights,
        device=args.device,
        commit=head_commit(),
        report=_reporter(args.json),
        stop=stopped.is_set,
    )
    draw_curves(args.out / "metrics.jsonl", args.out / "curves.svg")
    result = asdict(done)
    if args.save and done.version:
        from model_store.store import ModelStore

        result["saved"] = str(ModelStore.from_environment().save(done.version, args.save).tag)
    words = f"{done.steps} steps, {done.tokens} target tokens, {done.hours:.2f} hours\n"
    if done.version:
        scored = f"dev loss {done.dev['loss']:.3f}" if done.dev else "not evaluated"
        words += f"{scored}, in {done.version}"
    else:
        left = f"{done.minutes_left:.1f} minutes of the budget are left"
        words += f"stopped; {left}: run the same command again"
    answer(args, result, words)
    return 0


def _stop_on_signal() -> threading.Event:
    """Set by SIGTERM or SIGINT: the run saves after its step and ends."""
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    return stopped


def _recipe(args: argparse.Namespace) -> Recipe:
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


def _prepare_into(recipe: Recipe, args: argparse.Namespace, packed: Path) -> dict[str, Any]:
    from training.preparation import prepare

    note(f"preparing data into {packed}")
    trunk = getattr(args, "trunk", None)
    like = trunk / "data" if trunk else getattr(args, "like", None)
    return prepare(recipe, args.data or args.recipe.parent, packed, like)


def _prepare(args: argparse.Namespace) -> int:
    """Filter, learn the tokenizer, pack ids to disk."""
    description = _prepare_into(_recipe(args), args, args.out)
    if args.json:
        print_json(description)
        return 0
    kept, dropped = description["pairs"], description["dropped"]
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
        elif line["step"] == 1 or line["step"] % 50 == 0:
            note(
                f"{line['stage']} step {line['step']}: loss {line['loss']:.3f}, "
                f"{line['tokens']} tokens, {line['seconds']:.0f} s"
            )

    return report


# --- on another machine --------------------------------------------------------------------------


def _pack(args: argparse.Namespace) -> int:
    """Write data, recipe and code as one archive."""
    from csanmt.durable import file_sha256
    from training.package import pack_run

    out = pack_run(_recipe(args), args.packed, args.out)
    found = {"out": str(out), "bytes": out.stat().st_size, "sha256": file_sha256(out)}
    words = f"{found['sha256']}  {out}\nwhat to do there: training/README.md, On another machine"
    answer(args, found, words)
    return 0
