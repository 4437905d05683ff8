"""``csanmt translate --input DATA… --output DIR``: corpora, by many workers, resumable."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import note, print_json, print_table
from csanmt.errors import InvalidInputError

if TYPE_CHECKING:
    from bulk.local_pool import LocalPool
    from bulk.ray_pool import RayPool
    from bulk.run import Corpus

DESCRIPTION = """\
Translate whole corpora: .txt, .tsv, .jsonl and .parquet, .gz and .xz of the first three,
files and folders. The outputs get the inputs' names below the folder --output. A run that
was stopped or killed goes on when the same command is given again; with another model,
other options or changed inputs it is refused.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a bulk run, beside those of ``csanmt translate``."""
    group = parser.add_argument_group("corpora", DESCRIPTION)
    group.add_argument(
        "--input", nargs="+", metavar="DATA", help="files and folders to translate to --output DIR"
    )
    group.add_argument(
        "--format",
        default="",
        choices=("txt", "tsv", "jsonl", "parquet"),
        metavar="F",
        help="txt, tsv, jsonl or parquet (default: by name)",
    )
    group.add_argument(
        "--field",
        "--column",
        default="",
        metavar="NAME",
        help="where the text is: a tsv column's number from 1, or name with --header (default 1); "
        "a field of JSON objects, a.b inside another, or a parquet column (default text)",
    )
    group.add_argument(
        "--into",
        default="translation",
        metavar="NAME",
        help="name of the column or field that is added (default translation)",
    )
    group.add_argument("--header", action="store_true", help="tsv files begin with column names")
    group.add_argument(
        "--on-error",
        default="fail",
        choices=("fail", "copy", "empty"),
        help="bad records (not UTF-8, no such field, …): refuse the run, copy them, or write an "
        "empty translation (default fail)",
    )
    group.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="worker processes, which share the weights (default: one a processor; with --ray: "
        "one for each of the cluster's)",
    )
    group.add_argument(
        "--chunk-lines",
        type=int,
        default=1000,
        metavar="N",
        help="records of one unit of work (default 1000)",
    )
    group.add_argument(
        "--ray", metavar="ADDRESS", help="run on this Ray cluster; 'local' starts one here"
    )


def run(args: argparse.Namespace) -> None:
    """Translate the corpora and print the summary."""
    _check(args)
    from bulk.run import translate_corpus
    from cli.progress import BulkProgress

    corpus, directory = _corpus(args)
    started = time.monotonic()
    with _pool(args, corpus, directory) as pool, BulkProgress() as progress:
        summary = translate_corpus(corpus, pool, progress.update)
        summary |= {"seconds": round(time.monotonic() - started, 1), "worker_deaths": pool.deaths}
    if args.json:
        print_json(summary)
    else:
        _print(summary)


def _check(args: argparse.Namespace) -> None:
    if not args.output:
        raise InvalidInputError("--input needs --output DIR")
    if args.text or args.file:
        raise InvalidInputError("give either TEXT, --file or --input")
    if args.n_best != 1:
        raise InvalidInputError("--n-best is not offered with --input")
    if args.workers < 0 or args.chunk_lines < 1:
        raise InvalidInputError("allowed are 0 or more --workers, 1 or more --chunk-lines")


def _corpus(args: argparse.Namespace) -> tuple[Corpus, Path]:
    """What to translate, and the directory of the model."""
    from bulk.records import Layout
    from bulk.run import Corpus
    from bulk.state import Model
    from cli.loading import chosen_engine, digest_of_directory, find_model, options_of
    from csanmt import __version__
    from csanmt.loading import best_engine

    layout = Layout(args.format, args.field, args.into, args.header, args.on_error)
    directory, tag = find_model(args.model, args.engine)
    decoding = options_of(args, directory)
    engine = chosen_engine(args.engine) or best_engine(directory)
    model = Model(tag, digest_of_directory(directory), engine, __version__)
    inputs = tuple(Path(place) for place in args.input)
    output, lines = Path(args.output), args.chunk_lines
    return Corpus(inputs, output, model, decoding, layout, lines), directory


def _pool(args: argparse.Namespace, corpus: Corpus, directory: Path) -> LocalPool | RayPool:
    """The workers."""
    from bulk.translation import Job

    model = corpus.model
    job = Job(str(directory.resolve()), model.tag, model.engine, corpus.decoding)
    if args.ray:
        from bulk.ray_pool import RayPool

        return RayPool(job, model.digest, args.ray, args.workers)
    from bulk.local_pool import LocalPool
    from serving.settings import usable_cpus

    return LocalPool(job, args.workers or usable_cpus())


def _print(summary: dict[str, Any]) -> None:
    columns = ("records", "bad", "kept", "split", "truncated", "characters", "target_characters")
    shown = [*summary["files"]]
    if len(shown) > 1:
        shown.append({"name": "all", **summary["total"]})
    titles = ["file", *(name.replace("_", " ") for name in columns)]
    print_table(titles, [[file["name"], *(file[name] for name in columns)] for file in shown])
    action = {"copy": "copied", "empty": "given an empty translation"}.get(summary["on_error"])
    for file in summary["files"]:
        for problem, found in file["problems"].items():
            places = ", ".join(map(str, found["first"]))
            more = ", …" if found["count"] > len(found["first"]) else ""
            note(f"{file['name']}: {found['count']} × {problem}, {action} (lines {places}{more})")
    if summary["resumed"]:
        note(f"{summary['resumed']} records were translated by an earlier run")
