"""Entry point of ``csanmt``: finds the group that was asked for and loads nothing else.

A group is one module ``cli/<group>.py`` with one function::

    def register(parser) -> None:
        parser.description = "…"
        parser.set_defaults(run=run)      # run(args: Namespace) -> int | None (exit status)

``register`` must import nothing heavy: torch, transformers and BentoML belong
inside ``run``. Errors of ``csanmt.errors`` become one line on stderr and their
exit code; with ``--json`` also ``{"error": {"code", "message"}}`` on stdout.
"""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType

from cli.output import note, print_json
from csanmt import __version__
from csanmt.errors import CsanmtError, EngineUnavailableError, NotFoundError, StorageError

# command: (module, one line for `csanmt --help`)
GROUPS: dict[str, tuple[str, str]] = {
    "translate": ("cli.translate", "translate an argument, standard input or a file"),
    "models": ("cli.models", "list, check, compare, move and retire model versions"),
    "import-modelscope": ("cli.import_modelscope", "bring a ModelScope checkpoint into the store"),
    "serve": ("cli.serve", "serve the page and the API on this machine"),
    "keys": ("cli.keys", "make API keys for the server"),
    "memory": ("cli.memory", "import, export, list and forget remembered translations"),
    "suggestions": ("cli.suggestions", "better translations that users offered"),
    "train": ("cli.train", "train a model from a recipe"),
    "bench": ("cli.bench", "measure quality, behaviour and speed; compare; gate a release"),
    "release": ("cli.release", "build, deploy, promote, observe and roll back a release"),
}

EXIT_CODES = """\
exit status:
  0  done                            5  would overwrite or remove what must stay
  1  internal error                  6  disk full, not writable, or failed
  2  wrong option, text or tag       7  a part needed is not installed or cannot run here
  3  damaged checkpoint or file      8  overloaded or not ready; try again later
  4  no such model, file or version  9  not finished within the time allowed
  130 interrupted                  141  the reader of the output went away

`csanmt COMMAND --help` says more about each. Set CSANMT_DEBUG=1 to see tracebacks.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (argparse itself exits with 2 on bad usage)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _speak_utf8()
    logging.basicConfig(format="csanmt: %(message)s")  # warnings of the library
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # transformers': off stderr
    command = next((word for word in arguments if not word.startswith("-")), None)
    as_json = "--json" in arguments
    try:
        parser = build_parser(only=command)
        args = parser.parse_args(arguments)
        status = args.run(args)
        sys.stdout.flush()
        return int(status or 0)
    except CsanmtError as error:
        return _fail(error, as_json)
    except BrokenPipeError:
        # Whatever is still buffered must not raise again while the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        note("interrupted")
        return 128 + signal.SIGINT
    except OSError as error:
        return _fail(_from_os_error(error), as_json)


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of ``csanmt``.

    Args:
        only: load just this group; the others are listed by their one line.
            An unknown name loads none, so that argparse explains the choices.

    Raises:
        EngineUnavailableError: the group's module, or a package it needs, is not installed.
    """
    parser = argparse.ArgumentParser(
        prog="csanmt",
        description="CSANMT translation: translate, keep model versions, train, measure, release.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"csanmt {__version__}")
    parser.set_defaults(run=lambda _args: parser.print_help())
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name, (module, summary) in GROUPS.items():
        group = subparsers.add_parser(
            name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == only:
            group.set_defaults(run=lambda _args, group=group: group.print_help())
            _load(name, module).register(group)
    return parser


def _speak_utf8() -> None:
    """Print UTF-8 whatever the locale says, and what is not text at all as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _load(name: str, module: str) -> ModuleType:
    """Import a group's module, saying in one line what is missing if it cannot be."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise EngineUnavailableError(
            f"'csanmt {name}' needs {error.name!r}, which is not installed"
        ) from error


def _from_os_error(error: OSError) -> CsanmtError:
    place = f": {error.filename!r}" if isinstance(error.filename, str) else ""
    kind = NotFoundError if isinstance(error, FileNotFoundError) else StorageError
    failure = kind(f"{error.strerror or error}{place}")
    failure.__cause__ = error
    return failure


def _fail(error: CsanmtError, as_json: bool) -> int:
    """One line on stderr; with ``as_json`` also the error object on stdout."""
    if os.environ.get("CSANMT_DEBUG"):
        traceback.print_exception(error)
    message = " ".join(str(error).split())
    note(f"error: {message}")
    if as_json:
        print_json({"error": {"code": error.code, "message": message}}, indent=None)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
