"""``csanmt suggestions``: what users offered at ``/suggest``: list, export, pin."""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import Run, action, note, print_json, print_table, tell
from csanmt.errors import ConflictError, InvalidInputError
from serving.suggestions import Suggestion, read_suggestions

if TYPE_CHECKING:
    from cli.output import Actions

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
    _add(actions, "list", _list)
    _add(actions, "export", _export)
    pin = _add(actions, "pin", _pin)
    pin.add_argument("numbers", type=int, nargs="+", metavar="NUMBER", help="as `list` shows")
    pin.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="PHRASE",
        help="what an answer must hold; default: the suggested translation as a whole",
    )
    pin.add_argument("--forbid", action="append", default=[], metavar="PHRASE")
    pin.add_argument("--pins", type=Path, metavar="PINS", help="default: the product's own")


def _add(actions: Actions, name: str, run: Run) -> argparse.ArgumentParser:
    parser = action(actions, name, run)
    parser.add_argument("file", type=Path, metavar="FILE")
    return parser


def _list(args: argparse.Namespace) -> int:
    """Show them with their numbers."""
    found = _suggestions(args.file)
    if args.json:
        print_json([{"number": n, **asdict(one)} for n, one in enumerate(found, 1)])
        return 0
    rows = [(n, _day(one), one.model, one.q, one.s) for n, one in enumerate(found, 1)]
    print_table(("number", "day", "model", "source", "suggestion"), rows)
    return 0


def _export(args: argparse.Namespace) -> int:
    """Write source and suggestion as tab-separated lines."""
    found = _suggestions(args.file)
    if args.json:
        print_json([asdict(one) for one in found])
        return 0
    writer = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    writer.writerows((one.q, one.s) for one in found)
    return 0


def _pin(args: argparse.Namespace) -> int:
    """Make them tests of the gate."""
    from benchmarks.pins import DEFAULT_PINS, Pin, add_pin

    found = _suggestions(args.file)
    if (args.require or args.forbid) and len(args.numbers) > 1:
        raise InvalidInputError("--require and --forbid are about one suggestion; give one number")
    chosen = [_numbered(found, number) for number in args.numbers]
    path, today, pinned = args.pins or DEFAULT_PINS, datetime.now(UTC).date(), []
    for one in chosen:
        words = tuple(args.require) or (() if args.forbid else (one.s,))
        pin = Pin(one.q, words, tuple(args.forbid), f"suggested {_day(one)}, {one.model}")
        try:
            pinned.append(asdict(add_pin(path, pin, today)))
        except ConflictError as error:
            note(str(error))
    done = f"{len(pinned)} of {len(chosen)} pinned in {path}"
    tell(args, {"pins": str(path), "added": pinned}, done)
    return 0


def _suggestions(file: Path) -> list[Suggestion]:
    found, bad = read_suggestions(file)
    for number in bad:
        note(f"{file}, line {number}: not a suggestion; left out")
    return found


def _numbered(found: list[Suggestion], number: int) -> Suggestion:
    if not 1 <= number <= len(found):
        raise InvalidInputError(f"there is no suggestion {number}; there are 1 to {len(found)}")
    return found[number - 1]


def _day(suggestion: Suggestion) -> str:
    return datetime.fromtimestamp(suggestion.at, UTC).date().isoformat()
