"""``docs/cli.md``, written from the parsers themselves.

python -m cli.reference --write docs/cli.md
python -m cli.reference --check docs/cli.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from cli.main import EXIT_CODES, GROUPS, build_parser
from csanmt.errors import EngineUnavailableError

HEAD = """\
# The `csanmt` command

Written by `python -m cli.reference --write docs/cli.md` from the parsers; a test keeps it current.

`csanmt COMMAND --help` says the same. `python -m csanmt` is the same program. With `--json`
a command prints JSON for machines, and an error is `{"error": {"code", "message"}}` there and
one line on stderr.
"""


def main() -> int:
    """Print, write or check the page; 1 if a checked page is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--write", type=Path, metavar="FILE")
    target.add_argument("--check", type=Path, metavar="FILE")
    args = parser.parse_args()
    page = render()
    if args.write:
        args.write.write_text(page, encoding="utf-8")
    elif args.check:
        if args.check.read_text(encoding="utf-8") != page:
            print(f"{args.check} is not current; python -m cli.reference --write {args.check}")
            return 1
    else:
        print(page, end="")
    return 0


def render() -> str:
    """The whole page, of the groups that are installed."""
    parts = [HEAD, "```text\n" + EXIT_CODES.rstrip() + "\n```\n"]
    for name in GROUPS:
        try:
            parser = build_parser(only=name)
        except EngineUnavailableError:
            continue
        parts += _pages(_children(parser)[name], name, depth=2)
    return "\n".join(parts)


def _pages(parser: argparse.ArgumentParser, name: str, depth: int) -> Iterator[str]:
    """The section of a command and those of its actions."""
    children = _children(parser)
    yield f"{'#' * min(depth, 4)} `{parser.prog}`\n"
    if not children:
        yield f"```text\n{_synopsis(parser)}\n```\n"
    if parser.description:
        yield _prose(parser.description)
    rows = [row for action in parser._actions if (row := _row(action))]
    if rows and not (children and len(rows) == 1):
        yield "\n".join(["| | |", "|---|---|", *rows]) + "\n"
    if parser.epilog:
        yield "```text\n" + parser.epilog.rstrip() + "\n```\n"
    for child, action in children.items():
        if action.add_help:  # what is gone has no help
            yield from _pages(action, child, depth + 1)


def _children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _synopsis(parser: argparse.ArgumentParser) -> str:
    """Options that must be given and positionals by name, the rest as ``[options]``."""
    words = [parser.prog, "[options]"]
    for action in parser._actions:
        name = _metavar(action)
        if action.option_strings:
            words += [f"{action.option_strings[-1]} {name}"] if action.required else []
        elif action.nargs in ("?", "*"):
            words.append(f"[{name}{' ...' if action.nargs == '*' else ''}]")
        else:
            words.append(f"{name} ..." if action.nargs == "+" else name)
    return " ".join(words)


def _row(action: argparse.Action) -> str:
    if action.help == argparse.SUPPRESS or isinstance(
        action, argparse._SubParsersAction | argparse._HelpAction
    ):
        return ""
    name = _metavar(action)
    if action.option_strings:
        value = "" if action.nargs == 0 else f" {name}"
        if action.nargs in ("+", "*"):
            value += f" [{name} ...]"
        title = ", ".join(f"`{flag}{value}`" for flag in action.option_strings)
    else:
        title = f"`{name}`"
    text = (action.help or "") % {**vars(action), "prog": "csanmt"} if action.help else ""
    return f"| {_cell(title)} | {_cell(' '.join(text.split()))} |"


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar:
        return action.metavar
    if action.choices is not None:
        return "{" + ",".join(str(choice) for choice in action.choices) + "}"
    return action.dest.upper().replace("_", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _prose(text: str) -> str:
    return text.strip().replace("<", "&lt;") + "\n"


if __name__ == "__main__":
    sys.exit(main())
