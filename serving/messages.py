"""The messages that the gateway and its child processes exchange, and a child's side of them.

A message is a JSON object on a line of its own, on the child's standard input and output.
JSON and not pickle: neither side can make the other run code.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any, BinaryIO

MOST_BYTES = 64 * 1024 * 1024  # of a message
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def pack(message: dict[str, Any]) -> bytes:
    """The line that says ``message``. Raises ValueError: too long, or half a surrogate pair."""
    line = _ENCODER.encode(message).encode() + b"\n"
    if len(line) > MOST_BYTES:
        raise ValueError(f"message of {len(line)} bytes; allowed is {MOST_BYTES}")
    return line


def become_child() -> BinaryIO:
    """In a child: where to ``tell`` its messages; what a library prints lands on standard error.

    Ctrl-C and a process manager's SIGTERM reach the whole process group. The gateway drains
    and then closes the child's input, so the child must outlive both.
    """
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return outgoing


def tell(outgoing: BinaryIO, message: dict[str, Any]) -> None:
    """Say a message to the gateway."""
    outgoing.write(pack(message))
    outgoing.flush()


def told(incoming: BinaryIO) -> Iterator[dict[str, Any]]:
    """The gateway's messages, until it is gone, however it died."""
    for line in incoming:
        if line.endswith(b"\n"):
            yield json.loads(line)
