"""Read ``engine.bin`` back into float32 weights: the inverse of ``packing.pack``.

What comes out is what the native engine multiplies by (code times scale), so a torch
model over these weights differs from the engine only by the rounding of activations.
Training goes on from them, and a version without float weights runs in torch.

Needs numpy only.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.engine.container import (
    CHECKSUM_START,
    ENTRY_BYTES,
    FORMAT_VERSION,
    HEADER_BYTES,
    MAGIC,
    NAME_BYTES,
    Fletcher,
)
from csanmt.engine.layout import Entry, Kind, layout
from csanmt.engine.shape import FIELDS, Shape
from csanmt.errors import CheckpointError, NotFoundError

Floats = NDArray[np.float32]
Parameters = Iterator[tuple[str, Floats]]


def unpack(path: str | os.PathLike[str]) -> dict[str, Floats]:
    """Parameter name → float32 array, as ``CsanmtForConditionalGeneration.state_dict`` names them.

    Raises:
        NotFoundError: no such file.
        CheckpointError: not an engine file, of another format version, truncated or damaged.
    """
    return dict(_EngineFile(Path(path)).parameters())


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
        version, _, total, left, right = struct.unpack_from("<IIQQQ", data, 8)
        if version != FORMAT_VERSION:
            raise self._refuse(f"has format version {version}; this reads {FORMAT_VERSION}")
        if total != len(data) or total % 4:
            raise self._refuse(f"is truncated: {len(data)} of {total} bytes")
        checksum = Fletcher((total - CHECKSUM_START) // 4)
        checksum.add(data[CHECKSUM_START:])
        if (checksum.sum, checksum.weighted) != (left, right):
            raise self._refuse("is damaged: its checksum does not match")
        fields = struct.unpack_from(f"<{FIELDS}I", data, CHECKSUM_START)
        count, _, table = struct.unpack_from("<IIQ", data, CHECKSUM_START + 4 * FIELDS)
        return Shape.from_fields(fields), count, table

    def _table(self, count: int, table: int) -> Iterator[tuple[str, tuple[int, int]]]:
        if table + count * ENTRY_BYTES > len(self._data):
            raise self._refuse("is damaged: its table lies outside")
        for place in range(table, table + count * ENTRY_BYTES, ENTRY_BYTES):
            name = self._data[place : place + NAME_BYTES].rstrip(b"\0").decode("ascii", "replace")
            yield name, struct.unpack_from("<QQ", self._data, place + NAME_BYTES)

    def _array(self, name: str, kind: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """A section as an array; ``shape`` may begin with -1."""
        if name not in self._sections:
            raise self._refuse(f"lacks the section {name}")
        offset, size = self._sections[name]
        if offset + size > len(self._data):
            raise self._refuse(f"is damaged: the section {name} lies outside")
        raw = np.frombuffer(self._data, dtype=np.uint8, count=size, offset=offset)
        try:
            return raw.view(kind).reshape(shape)
        except ValueError as error:
            raise self._refuse(f"is damaged: the section {name} has {size} bytes") from error

    def _vector(self, name: str, size: int) -> Floats:
        return self._array(name, np.float32, (-1,))[:size].copy()

    def _matrix(self, name: str, rows: int, inputs: int) -> Floats:
        """(rows, inputs) of a packed ``[rows/64][inputs/4][64][4]`` matrix, scaled."""
        packed = self._array(f"{name}.weight", np.uint8, (-1, inputs // 4, 64, 4))
        codes = packed.transpose(0, 2, 1, 3).reshape(-1, inputs)[:rows]
        signed = codes.astype(np.float32) - np.float32(128)
        return signed * self._vector(f"{name}.scale", rows)[:, None]

    def parameters(self) -> Parameters:
        read = {
            Kind.VECTOR: self._whole,
            Kind.NORM: self._norm,
            Kind.EMBEDDING: self._embedding,
            Kind.PROJECTION: self._projection,
            Kind.LINEAR: self._linear,
            Kind.HEADS_OUT: self._heads_out,
            Kind.HEADS_IN: self._heads_in,
            Kind.RELATIVE: self._relative,
        }
        for entry in layout(self.shape):
            yield from read[entry.kind](entry)

    def _whole(self, e: Entry) -> Parameters:
        yield e.parameter, self._vector(e.section, e.outputs)

    def _norm(self, e: Entry) -> Parameters:
        yield f"{e.parameter}.weight", self._vector(f"{e.section}.gain", self.shape.hidden)
        yield f"{e.parameter}.bias", self._vector(f"{e.section}.bias", self.shape.hidden)

    def _embedding(self, e: Entry) -> Parameters:
        """The packed scale holds the factor sqrt(H) that the model applies itself."""
        hidden = self.shape.hidden
        codes = self._array(f"{e.section}.weight", np.int8, (e.outputs, hidden))
        scale = self._vector(f"{e.section}.scale", e.outputs) / np.float32(math.sqrt(hidden))
        yield f"{e.parameter}.weight", codes.astype(np.float32) * scale[:, None]

    def _projection(self, e: Entry) -> Parameters:
        yield f"{e.parameter}.weight", self._matrix(e.section, e.outputs, e.inputs)

    def _linear(self, e: Entry) -> Parameters:
        yield f"{e.parameter}.weight", self._matrix(e.section, e.outputs, e.inputs)
        yield f"{e.parameter}.bias", self._vector(f"{e.section}.bias", e.outputs)

    def _heads_out(self, e: Entry) -> Parameters:
        """A projection into heads: padding dropped, the query's factor undone."""
        s = self.shape
        rows = e.groups * s.heads * s.padded_head_dim
        weight = self._matrix(e.section, rows, s.hidden)
        both = np.concatenate([weight, self._vector(f"{e.section}.bias", rows)[:, None]], axis=1)
        both = both.reshape(e.groups, s.heads, s.padded_head_dim, s.hidden + 1)
        both = both[:, :, : s.head_dim]
        if e.scaled:
            both = both.copy()
            both[0] *= np.float32(s.head_dim**0.5)
        both = both.reshape(-1, s.hidden + 1)
        yield f"{e.parameter}.weight", np.ascontiguousarray(both[:, :-1])
        yield f"{e.parameter}.bias", np.ascontiguousarray(both[:, -1])

    def _heads_in(self, e: Entry) -> Parameters:
        s = self.shape
        weight = self._matrix(e.section, s.hidden, s.heads * s.padded_head_dim)
        split = weight.reshape(s.hidden, s.heads, s.padded_head_dim)[:, :, : s.head_dim]
        yield f"{e.parameter}.weight", np.ascontiguousarray(split.reshape(s.hidden, s.hidden))
        yield f"{e.parameter}.bias", self._vector(f"{e.section}.bias", s.hidden)

    def _relative(self, e: Entry) -> Parameters:
        s = self.shape
        count = 2 * s.max_distance + 1
        columns = -(-count // 16) * 16
        keys = self._array(f"{e.section}.relative_key", np.float32, (s.padded_head_dim, columns))
        values = self._array(f"{e.section}.relative_value", np.float32, (count, s.padded_head_dim))
        yield f"{e.parameter}.relative_key", keys.T[:count, : s.head_dim].copy()
        yield f"{e.parameter}.relative_value", values[:, : s.head_dim].copy()
