"""One JSON line an event on standard error: what happened, never what was said.

A record's own fields come through ``extra``. Text of users is not logged at any
level; request id and model version are.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, TextIO

HELD_SECONDS = 0.2  # that a request's line may wait for others to be written with
_ROOT = logging.getLogger("csanmt")
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


Line = Callable[[float, str, str, str, Mapping[str, Any]], str]


def json_line(model: str) -> Line:
    """Makes ``{"time", "level", "logger", "event", "model", …extra fields}``."""

    def line(at: float, level: str, logger: str, event: str, fields: Mapping[str, Any]) -> str:
        head = {"time": _utc(at), "level": level, "logger": logger, "event": event}
        return _ENCODER.encode({**head, "model": model, **fields})

    return line


def text_line(at: float, level: str, logger: str, event: str, fields: Mapping[str, Any]) -> str:
    """The same for people: time, level, event and the fields as ``key=value``."""
    said = " ".join(f"{key}={value}" for key, value in fields.items())
    return f"{_utc(at)} {level.upper():<7} {event} {said}".rstrip()


class Lines(logging.StreamHandler[TextIO]):
    """Writes records as they come, and those that are held a few times a second, all in order.

    What is held is written before any other record and by ``write_held_lines`` at the server's
    end; a process that is killed takes at most the lines of its last ``HELD_SECONDS`` with it.
    """

    def __init__(self, stream: TextIO, line: Line) -> None:
        super().__init__(stream)
        self._line = line
        self._held: list[tuple[float, str, str, str, Mapping[str, Any]]] = []

    def hold(self, logger: str, event: str, fields: Mapping[str, Any]) -> None:
        """A record of the level INFO, from the event loop's thread."""
        with self.lock or nullcontext():
            if not self._held:
                import asyncio  # the gateway's alone: a runner starts without it

                asyncio.get_running_loop().call_later(HELD_SECONDS, self.flush)
            self._held.append((time.time(), "info", logger, event, fields))

    def format(self, record: logging.LogRecord) -> str:
        """With the record's own fields: those that it got after logging's own."""
        fields = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            fields["exception"] = logging.Formatter().formatException(record.exc_info)
        level, event = record.levelname.lower(), record.getMessage()
        return self._line(record.created, level, record.name, event, fields)

    def emit(self, record: logging.LogRecord) -> None:
        self._write_held()
        super().emit(record)

    def flush(self) -> None:
        with self.lock or nullcontext():
            self._write_held()
            super().flush()

    def _write_held(self) -> None:
        held, self._held = self._held, []
        if held:
            self.stream.write("".join(self._line(*one) + "\n" for one in held))


def configure_logging(form: str, model: str, stream: TextIO | None = None) -> None:
    """Send everything under the logger ``csanmt`` to ``stream`` (standard error).

    Args:
        form: "json" or "text".
        model: the model version that every JSON line names.
    """
    # What no line of ours shows is not looked up (the manual of logging, "Optimization").
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    line = json_line(model) if form == "json" else text_line
    _ROOT.handlers[:] = [Lines(stream or sys.stderr, line)]
    _ROOT.setLevel(logging.INFO)
    _ROOT.propagate = False
    # Ours names the request's id and the model; uvicorn's makes a line that nobody shows.
    logging.getLogger("uvicorn.access").propagate = False


def write_held_lines() -> None:
    """Write what is held: uvicorn ends its process by a signal, and no exit handler runs."""
    for handler in _ROOT.handlers:
        handler.flush()


def log_event(log: logging.Logger, event: str, **fields: Any) -> None:
    """As ``log.info`` with ``extra``, at a quarter of the price: for what every request does."""
    if isinstance(lines := next(iter(_ROOT.handlers), None), Lines) and not _ROOT.propagate:
        lines.hold(log.name, event, fields)
    else:
        log.info(event, extra=fields)


def log_fault(log: logging.Logger, event: str, error: BaseException, **fields: Any) -> None:
    """Where an unexpected error came from and of what kind it is.

    Not its message, which may quote the user's text.
    """
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error(event, extra={**fields, "error": type(error).__name__, "frames": frames})


def _utc(seconds: float) -> str:
    return f"{_utc_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(maxsize=2)
def _utc_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
