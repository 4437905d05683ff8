"""Corrections that became tests: a source, and phrases its answer must or must not hold.

A pin file is TOML that only grows: ``[[pin]]`` tables with ``source``, ``require``,
``forbid``, ``note`` and ``added``. Phrases are plain text; case and spacing are ignored.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import tomli_w

from csanmt.errors import ConfigurationError, ConflictError, InvalidInputError, StorageError
from csanmt.tables import build, read_toml

DEFAULT_PINS = Path(__file__).parent / "pins.toml"


@dataclass(frozen=True, slots=True)
class Pin:
    """One correction. ``added`` is an ISO date."""

    source: str
    require: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    note: str = ""
    added: str = ""

    def judge(self, output: str) -> str | None:
        """What is wrong with an answer, or None."""
        flat = _flat(output)
        problems = [f"lacks {p!r}" for p in self.require if _flat(p) not in flat]
        problems += [f"has {p!r}" for p in self.forbid if _flat(p) in flat]
        return "; ".join(problems) or None


def _flat(text: str) -> str:
    """Words between single blanks, so that "he" is not found in "the"."""
    words = re.findall(r"\w+|[^\w\s]", text.casefold().replace("’", "'"))
    return f" {' '.join(words)} "


def load_pins(path: Path = DEFAULT_PINS) -> tuple[Pin, ...]:
    """Read a pin file; a missing file holds no pins.

    Raises:
        ConfigurationError: the file is damaged.
    """
    if not path.is_file():
        return ()
    rows = read_toml(path).get("pin", [])
    if not isinstance(rows, list):
        raise ConfigurationError(f"{path}: pin is {rows!r}; allowed are tables")
    return tuple(build(Pin, row, f"{path}: pin {n}: ") for n, row in enumerate(rows, 1))


def pins_digest(pins: Sequence[Pin]) -> str:
    """SHA-256 (hex) of what the pins demand."""
    content = [[p.source, p.require, p.forbid] for p in pins]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def add_pin(path: Path, pin: Pin, today: date) -> Pin:
    """Append a pin.

    Raises:
        InvalidInputError: nothing is required or forbidden, or both are the same phrase.
        ConflictError: the very same pin is there.
        StorageError: the file cannot be written.
    """
    if not pin.source.strip():
        raise InvalidInputError("a pin needs a source sentence")
    if not any(p.strip() for p in (*pin.require, *pin.forbid)):
        raise InvalidInputError("a pin needs a required or a forbidden phrase")
    if clash := {_flat(p) for p in pin.require} & {_flat(p) for p in pin.forbid}:
        raise InvalidInputError(f"{clash.pop().strip()!r} is both required and forbidden")
    for other in load_pins(path):
        if (other.source, other.require, other.forbid) == (pin.source, pin.require, pin.forbid):
            raise ConflictError(f"{pin.source!r} is pinned that way already ({other.added})")
    pin = Pin(pin.source, pin.require, pin.forbid, pin.note, pin.added or today.isoformat())
    try:
        with path.open("a", encoding="utf-8") as stream:
            kept = {key: value for key, value in asdict(pin).items() if value}
            stream.write("\n" + tomli_w.dumps({"pin": [kept]}))
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    return pin
