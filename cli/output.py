"""What every command prints with: JSON for machines, tables for people, errors in one line."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from csanmt.errors import InvalidInputError

if TYPE_CHECKING:
    Actions: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]
Run = Callable[[argparse.Namespace], int | None]


def action(actions: Actions, name: str, run: Run) -> argparse.ArgumentParser:
    """Add one action of a command, with ``--json``; its help is ``run``'s docstring.

    Args:
        run: gets the arguments; gives the exit status, or None for 0.
    """
    first, _, text = inspect.cleandoc(run.__doc__ or "").partition("\n\n")
    summary = " ".join(first.split()).rstrip(".")
    parser = actions.add_parser(
        name,
        help=summary[0].lower() + summary[1:],
        description=f"{summary}.\n\n{text}".strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    add_json_flag(parser)
    return parser


def gone(actions: Actions, command: str, name: str, instead: str) -> None:
    """Answer an action that is no more by its name; no list of actions shows it."""

    def run(_args: argparse.Namespace) -> int:
        raise InvalidInputError(f"{command} {name} is gone: {instead}")

    parser = actions.add_parser(name, add_help=False, prefix_chars="\0")
    parser.add_argument("words", nargs="*")
    parser.set_defaults(run=run)


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    """Give ``parser`` the ``--json`` every command of ours has."""
    parser.add_argument("--json", action="store_true", help="print JSON for machines")


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print ``value`` as JSON; keys keep their order, text stays readable."""
    print(json.dumps(value, ensure_ascii=False, indent=indent, default=str))


def answer(args: argparse.Namespace, value: Any, words: str) -> None:
    """``value`` for machines where ``--json`` asks for it, else ``words`` for people."""
    if args.json:
        print_json(value)
    else:
        print(words)


def answer_table(
    args: argparse.Namespace, value: Any, headers: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """``value`` for machines where ``--json`` asks for it, else a table for people."""
    if args.json:
        print_json(value)
    else:
        print_table(headers, rows)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print left-aligned columns two spaces apart, without trailing blanks."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    for row in [list(headers), *cells]:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())


def printable(text: str) -> str:
    """``text`` in one line that a terminal shows and does not obey: controls, line separators
    and what turns the direction of the text are escaped."""
    obeyed = ("Cc", "Cf", "Zl", "Zp", "Cs")
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in obeyed else c
        for c in text
    )


def human_size(size: int) -> str:
    """``1536`` bytes as ``1.5 kB``."""
    from rich.filesize import decimal

    return decimal(size)


def note(message: str) -> None:
    """A remark for the person watching, on stderr so that results stay clean."""
    print(f"csanmt: {message}", file=sys.stderr)
