"""``csanmt memory``: what the translation memory holds, in and out."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import Run, action, note, print_json, print_table, tell
from csanmt.errors import InvalidInputError

if TYPE_CHECKING:
    from cli.output import Actions
    from csanmt.memory.entries import Entry
    from csanmt.memory.store import TranslationMemory

VARIABLE = "CSANMT_MEMORY_FILE"
DESCRIPTION = """\
The translation memory holds sentences that persons have translated. A server that is
started with CSANMT_MEMORY_FILE answers from it the requests that ask for it ('memory':
'exact' or 'fuzzy'). These commands work beside a running server.
"""


def register(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _import(commands)
    _export(commands)
    _list(commands)
    _forget(commands)


def _command(commands: Actions, name: str, run: Run) -> argparse.ArgumentParser:
    parser = action(commands, name, run)
    parser.add_argument("--memory", metavar="FILE", help=f"the memory (default: ${VARIABLE})")
    return parser


def _import(commands: Actions) -> None:
    parser = _command(commands, "import", run_import)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--source", default="zh", help="language of the sources (zh)")
    parser.add_argument("--target", default="en", help="language of the translations (en)")
    parser.add_argument("--model", default="", help="hold for this model version only (all)")
    parser.add_argument(
        "--most", type=int, metavar="N", help="entries kept; the longest unused go (20000)"
    )


def _export(commands: Actions) -> None:
    parser = _command(commands, "export", run_export)
    parser.add_argument("file", type=Path, metavar="FILE", help="replaced if it exists")


def _list(commands: Actions) -> None:
    parser = _command(commands, "list", run_list)
    parser.add_argument("--containing", default="", metavar="TEXT", help="on either side")
    parser.add_argument("--most", type=int, default=50, metavar="N", help="entries shown (50)")


def _forget(commands: Actions) -> None:
    parser = _command(commands, "forget", run_forget)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--id", type=int, nargs="+", default=(), help="as `list` shows them")
    which.add_argument("--source", metavar="TEXT", help="the translation of this sentence")
    which.add_argument("--origin", help="all that came from there, such as 'suggestion'")
    which.add_argument("--all", action="store_true", help="everything")


def run_import(args: argparse.Namespace) -> None:
    """Store the pairs of .tmx, .tsv (source, tab, translation) and .jsonl
    files; the last are what /suggest writes. Newer ones replace older ones.
    """
    from csanmt.memory.entries import Direction
    from csanmt.memory.exchange import read_pairs

    direction = Direction(args.source, args.target, args.model)
    memory, stored = _open(args, create=True), {}
    for file in args.files:
        stored[str(file)] = memory.add(direction, read_pairs(file, direction))
    lines = [f"{count} sentences of {name} stored" for name, count in stored.items()]
    lines.append(f"the memory has {len(memory)} entries")
    tell(args, {"stored": stored, "entries": len(memory)}, *lines)


def run_export(args: argparse.Namespace) -> None:
    """Write all entries to a .tmx, .tsv or .jsonl file."""
    from csanmt.durable import replacing
    from csanmt.memory.exchange import write_pairs

    memory = _open(args)
    with replacing(args.file) as sink:
        count = write_pairs(memory.entries(), sink, args.file.suffix.lower())
    words = f"{count} entries written to {args.file}"
    tell(args, {"file": str(args.file), "entries": count}, words)


def run_list(args: argparse.Namespace) -> None:
    """Show entries, the newest first."""
    memory = _open(args)
    shown = list(islice(memory.entries(args.containing), args.most))
    if args.json:
        print_json([_described(entry) for entry in shown])
        return
    columns = ("id", "hits", "created", "model", "origin", "source", "translation")
    print_table(columns, [[_described(entry)[name] for name in columns] for entry in shown])
    if len(memory) > len(shown):
        note(f"{len(shown)} of {len(memory)} entries")


def run_forget(args: argparse.Namespace) -> None:
    """Delete entries."""
    count = _open(args).forget(
        ids=args.id, source=args.source, origin=args.origin, everything=args.all
    )
    tell(args, {"forgotten": count}, f"{count} entries forgotten")


def _open(args: argparse.Namespace, *, create: bool = False) -> TranslationMemory:
    from csanmt.memory.store import TranslationMemory
    from serving.settings import Settings

    knobs = (VARIABLE, "CSANMT_MEMORY_ENTRIES")  # what else is set does not matter here
    settings = Settings.from_environment({name: os.environ.get(name, "") for name in knobs})
    path = args.memory or settings.memory_file
    if not path:
        raise InvalidInputError(f"give --memory FILE, or set {VARIABLE}")
    most = getattr(args, "most", None) if create else None
    if most is None:
        most = settings.memory_entries
    if most < 1:
        raise InvalidInputError(f"most is {most}; allowed is 1 or more")
    return TranslationMemory(path, most=most, create=create)


def _described(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "hits": entry.hits,
        "created": datetime.fromtimestamp(entry.created, UTC).isoformat(timespec="seconds"),
        "languages": f"{entry.direction.source}-{entry.direction.target}",
        "model": entry.direction.model or "all",
        "origin": entry.pair.origin,
        "source": entry.pair.source,
        "translation": entry.pair.target,
    }
