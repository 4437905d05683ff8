"""Settings: from a TOML table to a frozen dataclass, whose fields say what is allowed; what differs
between two tables."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from csanmt.errors import ConfigurationError

Kind = TypeVar("Kind")
_PART = re.compile(r"\(\?&(\w+)\)")
_WORDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file.

    Raises:
        ConfigurationError: it cannot be read, or is not TOML; names the file.
    """
    try:
        return parse_toml(path.read_bytes(), path)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None


def parse_toml(content: bytes, where: str | Path) -> dict[str, Any]:
    """The tables of a file's content. Raises ConfigurationError: names ``where``."""
    try:
        return tomllib.loads(content.decode("utf-8"))
    except ValueError as error:  # not TOML, not UTF-8
        raise ConfigurationError(f"{where}: {error}") from None


def spelt_out(expression: str, parts: Mapping[str, str]) -> str:
    """A regular expression of a table, with the parts that it names: ``(?&name)``."""
    return _PART.sub(lambda part: spelt_out(parts[part[1]], parts), expression)


def build(kind: type[Kind], table: Any, where: str = "") -> Kind:
    """A dataclass of a table; fields that are dataclasses are tables in it.

    Args:
        where: what comes before a key in messages: the file, or the table's name and a dot.

    Raises:
        ConfigurationError: an unknown or missing key, or a value of another type; names the
            key, its value and what is allowed. So do checks in ``__post_init__``.
    """
    if not isinstance(table, Mapping):
        raise ConfigurationError(f"{where.rstrip('.: ')} is {table!r}; allowed is a table")
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind) if f.init}  # type: ignore[arg-type]
    if unknown := sorted(set(table) - set(fields)):
        allowed = ", ".join(sorted(fields))
        raise ConfigurationError(f"{where}{unknown[0]} is an unknown key; allowed is {allowed}")
    nothing = dataclasses.MISSING
    for name, field in fields.items():
        if name not in table and field.default is nothing and field.default_factory is nothing:
            raise ConfigurationError(f"{where}{name} is missing")
    values = {name: _value(hints[name], item, where + name) for name, item in table.items()}
    return kind(**values)


def from_json(kind: type[Kind], text: str | bytes) -> Kind:
    """A dataclass of a JSON object; keys of other versions, which are not known, are passed over.

    Raises:
        ConfigurationError: it is none, or as ``build`` says.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"no JSON: {error}") from None
    if not isinstance(found, Mapping):
        raise ConfigurationError(f"{found!r:.40} is no JSON object")
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return build(kind, {name: value for name, value in found.items() if name in known})


def _value(hint: Any, value: Any, key: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        there = isinstance(value, hint)  # type: ignore[arg-type]
        return value if there else build(hint, value, f"{key}.")  # type: ignore[arg-type]
    if origin in (types.UnionType, typing.Union):  # X | None
        return value if value is None else _value(arguments[0], value, key)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigurationError(f"{key} is {value!r}; allowed is a list")
        if arguments[-1] is not ... and len(value) != len(arguments):
            raise ConfigurationError(f"{key} is {value!r}; allowed are {len(arguments)} values")
        return tuple(_value(arguments[0], item, f"{key}[{n}]") for n, item in enumerate(value))
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigurationError(f"{key} is {value!r}; allowed is a table")
        return {name: _value(arguments[1], item, f"{key}.{name}") for name, item in value.items()}
    if origin is typing.Literal:
        if value not in arguments:
            allowed = ", ".join(map(str, arguments))
            raise ConfigurationError(f"{key} is {value!r}; allowed is {allowed}")
        return value
    if hint is Path and isinstance(value, str):
        return Path(value)
    accepted = (int, float) if hint is float else hint
    if hint is Any:
        return value
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise ConfigurationError(
            f"{key} is {value!r}; allowed is {_WORDS.get(hint, hint.__name__)}"
        )
    return float(value) if hint is float else value


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """``{key: (before, after)}`` of the keys whose values differ, sorted."""
    return {
        key: (before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    }


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys; lists stay whole."""
    flat: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            flat |= flatten(item, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = item
    return flat
