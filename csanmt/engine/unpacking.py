"""Read ``engine.bin`` back into float32 weights: the inverse of ``packing.pack``.

What comes out is what the native engine multiplies by (code times scale), so a torch
model over these weights differs from the engine only by the rounding of activations.
Training goes on from them, and a version without float weights runs in torch.

Needs numpy only.
"""

from __future__ import annotations

import io
import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.engine.container import (
    CHECKSUM_AT,
    CHECKSUM_START,
    ENTRY_BYTES,
    FORMAT_VERSION,
    HEADER_BYTES,
    MAGIC,
    NAME_BYTES,
    checksum,
)
from csanmt.engine.layout import FIELDS, Entry, Kind, Shape, layout
from csanmt.errors import CheckpointError, NotFoundError

Floats = NDArray[np.float32]
Parameters = Iterator[tuple[str, Floats]]


def unpack(path: str | os.PathLike[str]) -> dict[str, Floats]:
    """Parameter name → float32 array, as ``CsanmtForConditionalGeneration.state_dict`` names them.

    Raises:
        NotFoundError: no such file.
        CheckpointError: not an engine file, of another format version, truncated or damaged.
    """
    try:
        return dict(_EngineFile(Path(path)).parameters())
    except (LookupError, ValueError, ArithmeticError, struct.error) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


class _EngineFile:
    """The sections of one engine file, read as the matrices they were packed from."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._data = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(f"{path} is missing") from error
        except OSError as error:
            raise CheckpointError(f"cannot read {path}: {error.strerror}") from error
        self.shape, count, table = self._header()
        self._sections = dict(self._table(count, table))

    def _refuse(self, why: str) -> CheckpointError:
        return CheckpointError(f"{self._path} {why}")

    def _header(self) -> tuple[Shape, int, int]:
        """Shape, number of sections and place of their table; the checksum is checked."""
        data = self._data
        if not data.startswith(MAGIC) or len(data) < HEADER_BYTES:
            raise self._refuse("is not an engine file")
        version, _, total = struct.unpack_from("<IIQ", data, 8)
        if version != FORMAT_VERSION:
            raise self._refuse(f"has format version {version}; this reads {FORMAT_VERSION}")
        if total != len(data) or total % 4:
            raise self._refuse(f"is truncated: {len(data)} of {total} bytes")
        if checksum(io.BytesIO(data), total) != data[CHECKSUM_AT:CHECKSUM_START]:
            raise self._refuse("is damaged: its checksum does not match")
        fields = struct.unpack_from(f"<{FIELDS}I", data, CHECKSUM_START)
        count, _, table = struct.unpack_from("<IIQ", data, CHECKSUM_START + 4 * FIELDS)
        return Shape.from_fields(fields), count, table

    def _table(self, count: int, table: int) -> Iterator[tuple[str, tuple[int, int]]]:
        for place in range(table, table + count * ENTRY_BYTES, ENTRY_BYTES):
            name = self._data[place : place + NAME_BYTES].rstrip(b"\0").decode("ascii", "replace")
            yield name, struct.unpack_from("<QQ", self._data, place + NAME_BYTES)

    def _array(self, name: str, kind: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """A section as an array; ``shape`` may begin with -1."""
        offset, size = self._sections[name]
        raw = np.frombuffer(self._data, dtype=np.uint8, count=size, offset=offset)
        return raw.view(kind).reshape(shape)

    def _vector(self, name: str, size: int) -> Floats:
        return self._array(name, np.float32, (-1,))[:size].copy()

    def _matrix(self, name: str, rows: int, inputs: int) -> Floats:
        """(rows, inputs) of a packed ``[rows/64][inputs/4][64][4]`` matrix, scaled."""
        packed = self._array(f"{name}.weight", np.uint8, (-1, inputs // 4, 64, 4))
        codes = packed.transpose(0, 2, 1, 3).reshape(-1, inputs)[:rows]
        signed = codes.astype(np.float32) - np.float32(128)
        return signed * self._vector(f"{name}.scale", rows)[:, None]

    def parameters(self) -> Parameters:
        for entry in layout(self.shape):
            yield from zip(entry.parameters(self.shape), self._unpacked(entry), strict=True)

    def _unpacked(self, e: Entry) -> Iterator[Floats]:
        """The parameters of an entry: padding dropped, factors undone."""
        s, rows = self.shape, e.outputs
        if e.kind is Kind.VECTOR:
            yield self._vector(e.section, rows)
        elif e.kind is Kind.NORM:
            yield self._vector(f"{e.section}.gain", rows)
            yield self._vector(f"{e.section}.bias", rows)
        elif e.kind is Kind.EMBEDDING:  # the packed scale holds a factor that the model applies
            codes = self._array(f"{e.section}.weight", np.int8, (rows, e.inputs))
            scale = self._vector(f"{e.section}.scale", rows) / np.float32(math.sqrt(s.hidden))
            yield codes.astype(np.float32) * scale[:, None]
        elif e.kind is Kind.RELATIVE:
            count, columns = 2 * s.max_distance + 1, -(-(2 * s.max_distance + 1) // 16) * 16
            padded = s.padded_head_dim
            keys = self._array(f"{e.section}.relative_key", np.float32, (padded, columns))
            values = self._array(f"{e.section}.relative_value", np.float32, (count, padded))
            yield keys.T[:count, : s.head_dim].copy()
            yield values[:, : s.head_dim].copy()
        elif e.kind is Kind.HEADS_OUT:
            yield from self._heads_out(e)
        elif e.kind is Kind.HEADS_IN:
            weight = self._matrix(e.section, rows, s.heads * s.padded_head_dim)
            split = weight.reshape(rows, s.heads, s.padded_head_dim)[:, :, : s.head_dim]
            yield np.ascontiguousarray(split.reshape(rows, -1))
            yield self._vector(f"{e.section}.bias", rows)
        else:
            yield self._matrix(e.section, rows, e.inputs)
            if e.kind is Kind.LINEAR:
                yield self._vector(f"{e.section}.bias", rows)

    def _heads_out(self, e: Entry) -> Iterator[Floats]:
        """A projection into heads: padding dropped, the query's factor undone."""
        s = self.shape
        rows = e.groups * s.heads * s.padded_head_dim
        weight = self._matrix(e.section, rows, s.hidden)
        both = np.concatenate([weight, self._vector(f"{e.section}.bias", rows)[:, None]], axis=1)
        both = both.reshape(e.groups, s.heads, s.padded_head_dim, s.hidden + 1)
        if e.scaled:
            both[0] *= np.float32(s.head_dim**0.5)
        both = both[:, :, : s.head_dim].reshape(-1, s.hidden + 1)
        yield np.ascontiguousarray(both[:, :-1])
        yield np.ascontiguousarray(both[:, -1])
