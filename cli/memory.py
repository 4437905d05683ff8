"""``csanmt memory``: what the translation memory holds, in and out."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import Run, action, answer, answer_table, note
from csanmt.errors import InvalidInputError

if TYPE_CHECKING:
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

    def command(name: str, run: Run) -> argparse.ArgumentParser:
        found = action(commands, name, run)
        found.add_argument("--memory", metavar="FILE", help=f"the memory (default: ${VARIABLE})")
        return found

    found = command("import", run_import)
    found.add_argument("files", nargs="+", type=Path, metavar="FILE")
    found.add_argument("--source", default="zh", help="language of the sources (zh)")
    found.add_argument("--target", default="en", help="language of the translations (en)")
    found.add_argument("--model", default="", help="hold for this model version only (all)")
    found = command("export", run_export)
    found.add_argument("file", type=Path, metavar="FILE", help="replaced if it exists")
    found = command("list", run_list)
    found.add_argument("--containing", default="", metavar="TEXT", help="on either side")
    found.add_argument("--most", type=int, default=50, metavar="N", help="entries shown (50)")
    which = command("forget", run_forget).add_mutually_exclusive_group(required=True)
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
    memory = _open(args, create=True)
    stored = {str(file): memory.add(direction, read_pairs(file, direction)) for file in args.files}
    words = [f"{count} sentences of {name} stored" for name, count in stored.items()]
    words.append(f"the memory has {len(memory)} entries")
    answer(args, {"stored": stored, "entries": len(memory)}, "\n".join(words))


def run_export(args: argparse.Namespace) -> None:
    """Write all entries to a .tmx, .tsv or .jsonl file."""
    from csanmt.durable import replacing
    from csanmt.memory.exchange import write_pairs

    memory = _open(args)
    with replacing(args.file) as sink:
        count = write_pairs(memory.entries(), sink, args.file.suffix.lower())
    found = {"file": str(args.file), "entries": count}
    answer(args, found, f"{count} entries written to {args.file}")


def run_list(args: argparse.Namespace) -> None:
    """Show entries, the newest first."""
    memory = _open(args)
    shown = [_described(entry) for entry in islice(memory.entries(args.containing), args.most)]
    columns = ("id", "hits", "created", "model", "origin", "source", "translation")
    answer_table(args, shown, columns, [[entry[name] for name in columns] for entry in shown])
    if len(memory) > len(shown):
        note(f"{len(shown)} of {len(memory)} entries")


def run_forget(args: argparse.Namespace) -> None:
    """Delete entries."""
    count = _open(args).forget(
        ids=args.id, source=args.source, origin=args.origin, everything=args.all
    )
    answer(args, {"forgotten": count}, f"{count} entries forgotten")


def _open(args: argparse.Namespace, *, create: bool = False) -> TranslationMemory:
    from csanmt.memory.store import TranslationMemory
    from serving.settings import Settings

    knobs = (VARIABLE, "CSANMT_MEMORY_ENTRIES")  # what else is set does not matter here
    settings = Settings.from_environment({name: os.environ.get(name, "") for name in knobs})
    path = args.memory or settings.memory_file
    if not path:
        raise InvalidInputError(f"give --memory FILE, or set {VARIABLE}")
    return TranslationMemory(path, most=settings.memory_entries, create=create)


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
