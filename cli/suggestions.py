"""``csanmt suggestions``: what users offered at ``/suggest``: list, export, pin."""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from cli.output import action, answer, answer_table, note, print_json
from csanmt.errors import ConflictError, InvalidInputError
from serving.suggestions import Suggestion, read_suggestions

DESCRIPTION = """\
FILE is the server's CSANMT_SUGGESTIONS_FILE. `pin` makes suggestions tests that the
gate runs for ever (see `csanmt bench pin`): read them first, strangers wrote them.

  csanmt suggestions list suggestions.jsonl
  csanmt suggestions pin suggestions.jsonl 3 --require "surname is Bai"
  csanmt suggestions pin suggestions.jsonl 4 7
"""


def register(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    for name, run in (("list", _list), ("export", _export), ("pin", _pin)):
        found = action(actions, name, run)
        found.add_argument("file", type=Path, metavar="FILE")
    found.add_argument("numbers", type=int, nargs="+", metavar="NUMBER", help="as `list` shows")
    found.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="PHRASE",
        help="what an answer must hold; default: the suggested translation as a whole",
    )
    found.add_argument("--forbid", action="append", default=[], metavar="PHRASE")
    found.add_argument("--pins", type=Path, metavar="PINS", help="default: the product's own")


def _list(args: argparse.Namespace) -> None:
    """Show them with their numbers."""
    found = _suggestions(args.file)
    value = [{"number": n, **asdict(one)} for n, one in enumerate(found, 1)]
    rows = [(n, _day(one), one.model, one.q, one.s) for n, one in enumerate(found, 1)]
    answer_table(args, value, ("number", "day", "model", "source", "suggestion"), rows)


def _export(args: argparse.Namespace) -> None:
    """Write source and suggestion as tab-separated lines."""
    found = _suggestions(args.file)
    if args.json:
        print_json([asdict(one) for one in found])
        return
    writer = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    writer.writerows((one.q, one.s) for one in found)


def _pin(args: argparse.Namespace) -> None:
    """Make them tests of the gate."""
    from benchmarks.pins import DEFAULT_PINS, Pin, add_pin

    found = _suggestions(args.file)
    if (args.require or args.forbid) and len(args.numbers) > 1:
        raise InvalidInputError("--require and --forbid are about one suggestion; give one number")
    if not all(1 <= number <= len(found) for number in args.numbers):
        raise InvalidInputError(f"the suggestions have the numbers 1 to {len(found)}")
    chosen = [found[number - 1] for number in args.numbers]
    path, today, pinned = args.pins or DEFAULT_PINS, datetime.now(UTC).date(), []
    for one in chosen:
        words = tuple(args.require) or (() if args.forbid else (one.s,))
        pin = Pin(one.q, words, tuple(args.forbid), f"suggested {_day(one)}, {one.model}")
        try:
            pinned.append(asdict(add_pin(path, pin, today)))
        except ConflictError as error:
            note(str(error))
    done = f"{len(pinned)} of {len(chosen)} pinned in {path}"
    answer(args, {"pins": str(path), "added": pinned}, done)


def _suggestions(file: Path) -> list[Suggestion]:
    found, bad = read_suggestions(file)
    for number in bad:
        note(f"{file}, line {number}: not a suggestion; left out")
    return found


def _day(suggestion: Suggestion) -> str:
    return datetime.fromtimestamp(suggestion.at, UTC).date().isoformat()
