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
from csanmt.engine.shape import FIELDS, Shape
from csanmt.errors import CheckpointError, NotFoundError

Floats = NDArray[np.float32]


def unpack(path: str | os.PathLike[str]) -> dict[str, Floats]:
    """Parameter name → float32 array, as ``CsanmtForConditionalGeneration.state_dict`` names them.

    Raises:
        NotFoundError: no such file.
        CheckpointError: not an engine file, of another format version, truncated or damaged.
    """
    return dict(_Reader(Path(path)).parameters())


class _Reader:
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

    def parameters(self) -> Iterator[tuple[str, Floats]]:
        s = self.shape
        target = "source_embedding" if s.shared else "target_embedding"
        projection = self._matrix("projection", s.target_vocabulary, s.hidden)
        yield f"{target}.weight" if s.tied else "softmax.weight", projection
        if not s.tied:
            yield self._embedding("target_embedding", s.target_vocabulary, target)
        if not s.shared:
            yield self._embedding("source_embedding", s.source_vocabulary)
        if s.augmentation:
            yield self._embedding("semantic_embedding", s.source_vocabulary)
            for i in range(s.semantic_layers):
                layer = f"semantic_encoder.layers.{i}"
                yield from self._encoder_layer(f"semantic.{i}", layer, relative=True)
            yield from self._linear("semantic.pooling", "semantic_encoder.pooling")
            if not s.post_norm:
                yield from self._norm("semantic.norm", "semantic_encoder.norm")
        yield "encoder.input_bias", self._vector("encoder.input_bias", s.hidden)
        for i in range(s.encoder_layers):
            yield from self._encoder_layer(f"encoder.{i}", f"encoder.layers.{i}", s.relative)
        for i in range(s.decoder_layers):
            yield from self._decoder_layer(f"decoder.{i}", f"decoder.layers.{i}")
        if not s.post_norm:
            yield from self._norm("encoder.norm", "encoder.norm")
            yield from self._norm("decoder.norm", "decoder.norm")

    def _embedding(self, name: str, rows: int, parameter: str | None = None) -> tuple[str, Floats]:
        """The packed scale holds the factor sqrt(H) that the model applies itself."""
        codes = self._array(f"{name}.weight", np.int8, (rows, self.shape.hidden))
        scale = self._vector(f"{name}.scale", rows) / np.float32(math.sqrt(self.shape.hidden))
        return f"{parameter or name}.weight", codes.astype(np.float32) * scale[:, None]

    def _linear(
        self, name: str, parameter: str, outputs: int | None = None, inputs: int | None = None
    ) -> Iterator[tuple[str, Floats]]:
        rows, columns = outputs or self.shape.hidden, inputs or self.shape.hidden
        yield f"{parameter}.weight", self._matrix(name, rows, columns)
        yield f"{parameter}.bias", self._vector(f"{name}.bias", rows)

    def _heads_out(
        self, name: str, parameter: str, groups: int, scaled: bool
    ) -> Iterator[tuple[str, Floats]]:
        """A projection into heads: padding dropped, the query's factor undone."""
        s = self.shape
        rows = groups * s.heads * s.padded_head_dim
        weight = self._matrix(name, rows, s.hidden)
        both = np.concatenate([weight, self._vector(f"{name}.bias", rows)[:, None]], axis=1)
        both = both.reshape(groups, s.heads, s.padded_head_dim, s.hidden + 1)[:, :, : s.head_dim]
        if scaled:
            both = both.copy()
            both[0] *= np.float32(s.head_dim**0.5)
        both = both.reshape(-1, s.hidden + 1)
        yield f"{parameter}.weight", np.ascontiguousarray(both[:, :-1])
        yield f"{parameter}.bias", np.ascontiguousarray(both[:, -1])

    def _heads_in(self, name: str, parameter: str) -> Iterator[tuple[str, Floats]]:
        s = self.shape
        weight = self._matrix(name, s.hidden, s.heads * s.padded_head_dim)
        split = weight.reshape(s.hidden, s.heads, s.padded_head_dim)[:, :, : s.head_dim]
        yield f"{parameter}.weight", np.ascontiguousarray(split.reshape(s.hidden, s.hidden))
        yield f"{parameter}.bias", self._vector(f"{name}.bias", s.hidden)

    def _norm(self, name: str, parameter: str) -> Iterator[tuple[str, Floats]]:
        yield f"{parameter}.weight", self._vector(f"{name}.gain", self.shape.hidden)
        yield f"{parameter}.bias", self._vector(f"{name}.bias", self.shape.hidden)

    def _feed_forward(self, name: str, parameter: str, inner: int) -> Iterator[tuple[str, Floats]]:
        yield from self._linear(f"{name}.input", f"{parameter}.input", outputs=inner)
        yield from self._linear(f"{name}.output", f"{parameter}.output", inputs=inner)

    def _self_attention(
        self, name: str, parameter: str, relative: bool
    ) -> Iterator[tuple[str, Floats]]:
        own = f"{parameter}.self_attention"
        yield from self._heads_out(f"{name}.qkv", f"{own}.qkv", 3, scaled=True)
        if relative:
            s = self.shape
            count = 2 * s.max_distance + 1
            keys = self._array(
                f"{name}.relative_key", np.float32, (s.padded_head_dim, -(-count // 16) * 16)
            )
            values = self._array(f"{name}.relative_value", np.float32, (count, s.padded_head_dim))
            yield f"{own}.relative_key", keys.T[:count, : s.head_dim].copy()
            yield f"{own}.relative_value", values[:, : s.head_dim].copy()
        yield from self._heads_in(f"{name}.output", f"{own}.output")
        yield from self._norm(f"{name}.attention_norm", f"{parameter}.self_attention_norm")

    def _encoder_layer(
        self, name: str, parameter: str, relative: bool
    ) -> Iterator[tuple[str, Floats]]:
        yield from self._self_attention(name, parameter, relative)
        yield from self._feed_forward(
            f"{name}.inner", f"{parameter}.feed_forward", self.shape.inner
        )
        yield from self._norm(f"{name}.inner_norm", f"{parameter}.feed_forward_norm")

    def _decoder_layer(self, name: str, parameter: str) -> Iterator[tuple[str, Floats]]:
        s = self.shape
        if s.augmentation:
            own = f"{parameter}.augmentation"
            yield from self._feed_forward(f"{name}.augmentation", own, s.hidden)
            yield from self._norm(f"{name}.augmentation_norm", f"{parameter}.augmentation_norm")
        yield from self._self_attention(name, parameter, s.relative)
        cross = f"{parameter}.cross_attention"
        yield from self._heads_out(f"{name}.cross_query", f"{cross}.query", 1, scaled=True)
        yield from self._heads_out(f"{name}.cross_key_value", f"{cross}.key_value", 2, scaled=False)
        yield from self._heads_in(f"{name}.cross_output", f"{cross}.output")
        yield from self._norm(f"{name}.cross_norm", f"{parameter}.cross_attention_norm")
        yield from self._feed_forward(f"{name}.inner", f"{parameter}.feed_forward", s.inner)
        yield from self._norm(f"{name}.inner_norm", f"{parameter}.feed_forward_norm")
