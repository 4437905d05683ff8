"""Parquet files: every column stays, the translation becomes one more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bulk.records import Answer, Layout, Record
from csanmt.errors import EngineUnavailableError, InvalidInputError

if TYPE_CHECKING:
    from pyarrow import Schema
    from pyarrow.parquet import ParquetFile

ROWS = 4096  # in memory at once, and of a row group of the output


class ParquetFormat:
    """Rows with a column of strings."""

    def __init__(self, layout: Layout) -> None:
        self._field, self._layout = layout.field or "text", layout
        try:
            import pyarrow.parquet
        except ImportError as error:
            raise EngineUnavailableError(
                "Parquet needs the package 'pyarrow': pip install 'csanmt-bento[bulk]'"
            ) from error
        self._arrow = pyarrow

    def read(self, path: Path) -> Iterator[Record]:
        number = 0
        with self._open(path) as file:
            self._check(file.schema_arrow, path)
            for batch in file.iter_batches(ROWS, columns=[self._field]):
                for value in batch.column(0):
                    number += 1
                    yield _record(number, value)

    def write(self, path: Path, answers: Iterable[Answer | None], sink: IO[bytes]) -> None:
        arrow, rest = self._arrow, iter(answers)
        missing = None if self._layout.policy == "copy" else ""
        added = arrow.field(self._layout.into, arrow.string())
        with self._open(path) as file:
            schema = file.schema_arrow.append(added)
            with arrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
                for batch in file.iter_batches(ROWS):
                    found = [a.text if a else missing for a in islice(rest, batch.num_rows)]
                    column = arrow.array(found, arrow.string())
                    columns = [*batch.columns, column]
                    writer.write_table(arrow.Table.from_arrays(columns, schema=schema))

    def _open(self, path: Path) -> ParquetFile:
        try:
            return self._arrow.parquet.ParquetFile(path)
        except self._arrow.ArrowInvalid as error:
            raise InvalidInputError(f"{str(path)!r} is not Parquet: {error}") from error

    def _check(self, schema: Schema, path: Path) -> None:
        types = self._arrow.types
        if self._field not in schema.names:
            raise InvalidInputError(
                f"{str(path)!r} has no column {self._field!r}; it has " + ", ".join(schema.names)
            )
        if self._layout.into in schema.names:
            raise InvalidInputError(
                f"{str(path)!r} has a column {self._layout.into!r} already; choose another --into"
            )
        kind = schema.field(self._field).type
        if not (types.is_string(kind) or types.is_large_string(kind)):
            raise InvalidInputError(f"{str(path)!r}: column {self._field!r} is {kind}, not strings")


def _record(number: int, value: Any) -> Record:
    try:
        text = value.as_py()
    except UnicodeDecodeError:  # Arrow does not look into its strings
        return Record(number, None, "not UTF-8")
    return Record(number, None, "null") if text is None else Record.of(number, text)
