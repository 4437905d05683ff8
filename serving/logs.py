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
from functools import lru_cache
from typing import Any, TextIO

ROOT_LOGGER = "csanmt"
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """``{"time", "level", "logger", "event", …extra fields}``."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **self._fields,
            **_extra(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


class TextFormatter(logging.Formatter):
    """The same for people: time, level, event and the fields as ``key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{key}={value}" for key, value in _extra(record).items())
        line = f"{_utc(record.created)} {record.levelname:<7} {record.getMessage()} {fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line.rstrip()


def configure_logging(form: str, model: str, stream: TextIO | None = None) -> None:
    """Send everything under the logger ``csanmt`` to ``stream`` (standard error).

    Args:
        form: "json" or "text".
        model: the model version that every JSON line names.
    """
    # What no line of ours shows is not looked up (the manual of logging, "Optimization").
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter({"model": model}) if form == "json" else TextFormatter())
    logger = logging.getLogger(ROOT_LOGGER)
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    # Ours names the request's id and the model; uvicorn's makes a line that nobody shows.
    logging.getLogger("uvicorn.access").propagate = False


def log_event(log: logging.Logger, event: str, **fields: Any) -> None:
    """As ``log.info`` with ``extra``, at half the price: for what happens at every request."""
    if log.isEnabledFor(logging.INFO):
        record = logging.LogRecord(log.name, logging.INFO, "", 0, event, None, None)
        vars(record).update(fields)
        log.handle(record)


def log_fault(log: logging.Logger, event: str, error: BaseException, **fields: Any) -> None:
    """Where an unexpected error came from and of what kind it is.

    Not its message, which may quote the user's text.
    """
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error(event, extra={**fields, "error": type(error).__name__, "frames": frames})


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    """The record's own fields: those that it got after logging's own, in the order given."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _utc(seconds: float) -> str:
    return f"{_utc_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(maxsize=2)
def _utc_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
