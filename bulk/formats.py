"""The formats of corpora: which a file is of, and how it is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from bulk.line_formats import JsonLinesFormat, LineFormat, TabFormat
from bulk.parquet import ParquetFormat
from bulk.records import Layout
from csanmt.errors import InvalidInputError

BY_ENDING = {
    ".txt": "txt",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


Format: TypeAlias = LineFormat | ParquetFormat
_CLASSES: dict[str, Callable[[Layout], Format]] = {
    "txt": LineFormat,
    "tsv": TabFormat,
    "jsonl": JsonLinesFormat,
    "parquet": ParquetFormat,
}


def format_of(name: str, layout: Layout) -> str | None:
    """The format of a file of this name; None if its ending says nothing."""
    plain = name.lower().removesuffix(".gz").removesuffix(".xz")
    return layout.format or BY_ENDING.get(Path(plain).suffix)


def open_format(name: str, layout: Layout) -> Format:
    """How to read and write the file called ``name``.

    Raises:
        InvalidInputError: the name says no format.
        ConfigurationError: the layout lacks what the format needs.
        EngineUnavailableError: the format needs a package that is not installed.
    """
    chosen = format_of(name, layout)
    if chosen is None:
        endings = ", ".join(BY_ENDING)
        raise InvalidInputError(f"{name!r} is none of {endings} (.gz, .xz); give --format")
    return _CLASSES[chosen](layout)
