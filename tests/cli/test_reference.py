from __future__ import annotations

import argparse
import re
import sys

import pytest

from cli import reference
from cli.main import GROUPS, build_parser
from csanmt.errors import EngineUnavailableError

PAGE = reference.PAGE


def _leaves() -> list[argparse.ArgumentParser]:
    """The parsers of all commands that do something, of the groups that are installed."""
    found, waiting = [], []
    for name in GROUPS:
        try:
            waiting.append(reference.children(build_parser(only=name))[name])
        except EngineUnavailableError:
            continue
    while waiting:
        parser = waiting.pop()
        children = reference.children(parser)
        waiting += children.values()
        found += [] if children else [parser]
    return found


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse words options otherwise there")
def test_the_page_is_current() -> None:
    current = PAGE.read_text(encoding="utf-8") == reference.render()
    assert current, "run: python -m cli.reference"


def test_every_command_is_on_the_page() -> None:
    page = reference.render()
    for parser in _leaves():
        assert re.search(rf"^#+ `{re.escape(parser.prog)}`$", page, re.M), parser.prog


@pytest.mark.parametrize("parser", _leaves(), ids=lambda parser: parser.prog)
def test_every_command_describes_itself_and_speaks_json(parser: argparse.ArgumentParser) -> None:
    assert parser.description, "no description"
    options = {flag for action in parser._actions for flag in action.option_strings}
    assert "--json" in options
    assert parser.format_help()  # a stray % in a help text fails here


@pytest.mark.parametrize("group", ["translate", "models", "import-modelscope"])
def test_every_option_says_what_it_is_for(group: str) -> None:
    for parser in _leaves():
        if parser.prog.split()[1] == group:
            for action in parser._actions:
                assert action.help, f"{parser.prog}: {action.dest} has no help"
