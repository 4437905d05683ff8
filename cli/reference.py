"""``docs/cli.md``, written from the parsers themselves: ``python -m cli.reference``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from cli.main import GROUPS, build_parser
from csanmt.source_tree import SOURCE_TREE

PAGE = SOURCE_TREE / "docs" / "cli.md"
HEAD = """\
# The `csanmt` command

Written by `python -m cli.reference` from the parsers; a test keeps it current.

`csanmt COMMAND --help` says the same. `python -m csanmt` is the same program. With `--json`
a command prints JSON for machines, and an error is `{"error": {"code", "message"}}` there and
one line on stderr.
"""


def render() -> str:
    """The whole page: the help of every command."""
    os.environ["COLUMNS"] = "100"
    parts = [HEAD, _section(build_parser(), 2)]
    for name in GROUPS:
        parts += _sections(children(build_parser(only=name))[name], 2)
    return "\n".join(parts)


def _sections(parser: argparse.ArgumentParser, depth: int) -> Iterator[str]:
    yield _section(parser, depth)
    for child in children(parser).values():
        yield from _sections(child, depth + 1)


def _section(parser: argparse.ArgumentParser, depth: int) -> str:
    return f"{'#' * depth} `{parser.prog}`\n\n```text\n{parser.format_help().rstrip()}\n```\n"


def children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of a command's actions by name, but of those that are gone."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return {name: child for name, child in action.choices.items() if child.add_help}
    return {}


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
