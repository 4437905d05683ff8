"""Reads a TensorFlow V2 checkpoint (``.index`` and ``.data-…-of-…``) without TensorFlow.

The index is a LevelDB table from variable name to a small protocol buffer that
says type, shape and where the bytes lie (``tensor_bundle.proto``). The table is data
blocks, a block of handles to them, a 48-byte footer; keys within a block share prefixes
with their predecessor, and every block carries a checksum. Nothing here is executed: no
pickle, no graph.
"""

from __future__ import annotations

import math
import shlex
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.errors import CheckpointError, EngineUnavailableError, NotFoundError

_FOOTER_BYTES = 48
_MAGIC = 0xDB4775248B80FB57
_LONGEST_KEY = 1024  # bytes; a variable's name has about 100
_MASK_DELTA = 0xA282EAD8  # how LevelDB and TensorFlow store a checksum of checksummed data

# tensorflow/core/framework/types.proto; the names are for messages.
_TYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string",
    9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one variable lies and what it is."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int  # masked CRC-32C
    sliced: bool


@dataclass(frozen=True)
class Checkpoint:
    """The variables of ``<prefix>.index`` and its data shards.

    Attributes:
        prefix: path without ``.index``.
        entries: by variable name, in name order.
    """

    prefix: Path
    shards: int
    entries: dict[str, Entry]

    @classmethod
    def open(cls, prefix: str | Path) -> Checkpoint:
        """Read and check the index; the data is checked variable by variable.

        Raises:
            NotFoundError: there is no index file.
            CheckpointError: the index is damaged or of a kind this reader does not know.
        """
        place = Path(prefix)
        file = place.with_name(place.name + ".index")
        if not file.is_file():
            raise NotFoundError(f"no checkpoint {str(place)!r}: {file.name} is missing")
        try:
            table = read_table(file.read_bytes(), str(file))
            shards = _header(table.pop(b""))
            entries = [_entry(key, value) for key, value in table.items()]
        except (LookupError, struct.error, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{file} is damaged: it cannot be read ({error}); copy the file again"
            ) from error
        return cls(place, shards, {entry.name: entry for entry in entries})

    def shard_path(self, shard: int) -> Path:
        name = f"{self.prefix.name}.data-{shard:05d}-of-{self.shards:05d}"
        return self.prefix.with_name(name)

    def read(self, name: str) -> NDArray[np.float32]:
        """One variable, its checksum verified.

        Raises:
            CheckpointError: its shard is missing or cut short, its bytes changed, or
                it is not stored as one array of float32.
        """
        entry = self.entries[name]
        expected = 4 * math.prod(entry.shape)
        if entry.sliced or (entry.dtype, entry.size) != ("float32", expected):
            raise CheckpointError(
                f"variable {name!r} is not one array of float32 (it may be in slices, as a "
                "partitioned variable is); save the checkpoint again without partitioning"
            )
        data = self._bytes(entry)
        if masked_crc32c(data) != entry.checksum:
            raise CheckpointError(
                f"variable {name!r} is damaged: its checksum differs from the index "
                f"(bytes {entry.offset} to {entry.offset + entry.size} of "
                f"{self.shard_path(entry.shard)}); copy the file again"
            )
        return data.view("<f4").reshape(entry.shape)

    def _bytes(self, entry: Entry) -> NDArray[np.uint8]:
        """Read, not mapped: no more than one variable is ever in memory."""
        path = self.shard_path(entry.shard)
        if not path.is_file():
            raise CheckpointError(
                f"data shard {path.name} ({entry.shard + 1} of {self.shards}) is missing "
                f"beside {self.prefix.name}.index; variable {entry.name!r} lies in it"
            )
        end, length = entry.offset + entry.size, path.stat().st_size
        if end > length:
            raise CheckpointError(
                f"{path} is cut short: it has {length} bytes, variable {entry.name!r} "
                f"ends at {end}; copy the file again"
            )
        return np.fromfile(path, dtype=np.uint8, count=entry.size, offset=entry.offset)


def _header(message: bytes) -> int:
    """BundleHeaderProto → number of shards; endianness 2 is 0 for little."""
    fields = dict(_fields(message))
    shards = index(fields.get(1, 0))
    if fields.get(2, 0) != 0 or not 0 < shards < 100_000:
        raise ValueError("it has no shards, or was written on a big-endian machine")
    return shards


def _entry(key: bytes, message: bytes) -> Entry:
    """BundleEntryProto: dtype 1, shape 2, shard_id 3, offset 4, size 5, crc32c 6, slices 7."""
    fields = dict(_fields(message))
    kind, shard, offset, size, checksum = (index(fields.get(i, 0)) for i in (1, 3, 4, 5, 6))
    dtype = _TYPES.get(kind % 100, f"number {kind}")  # above 100: reference types
    shape = _shape(fields.get(2, b""))
    return Entry(key.decode("utf-8"), dtype, shape, shard, offset, size, checksum, 7 in fields)


def _shape(message: bytes) -> tuple[int, ...]:
    """TensorShapeProto → dimensions."""
    dimensions = (value for number, value in _fields(message) if number == 2)
    sizes = [index(dict(_fields(dimension)).get(1, 0)) for dimension in dimensions]
    if any(size >= 1 << 48 for size in sizes):
        raise ValueError("dimension")
    return tuple(sizes)


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protocol buffer, in order."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = varint(message, at)
            yield number, value
        elif kind == 2:
            size, at = varint(message, at)
            if at + size > len(message):
                raise ValueError("a field reaches beyond its message")
            yield number, message[at : at + size]
            at += size
        elif kind == 5:
            yield number, int.from_bytes(message[at : at + 4], "little")
            at += 4
        else:
            raise ValueError(f"field kind {kind}")


# --- the index -----------------------------------------------------------------------------------


def read_table(data: bytes, name: str) -> dict[bytes, bytes]:
    """All entries of the table ``data`` in key order.

    Args:
        name: the file, for messages.

    Raises:
        CheckpointError: not a table, or truncated.
        IndexError, ValueError, struct.error: damaged, or compressed.
    """
    footer = data[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise CheckpointError(
            f"{name} is not the index of a TensorFlow V2 checkpoint, or is cut short: "
            "its closing mark is missing; copy the file again"
        )
    _, at = _handle(footer, 0)  # the meta index holds nothing for us
    (offset, size), _ = _handle(footer, at)
    table: dict[bytes, bytes] = {}
    for _, value in _block(data, offset, size):
        (block_offset, block_size), _ = _handle(value, 0)
        table.update(_block(data, block_offset, block_size))
    return table


def _block(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    end = offset + size
    (stored,) = struct.unpack_from("<I", data, end + 1)
    if masked_crc32c(data[offset : end + 1]) != stored:
        raise ValueError(f"the checksum of the block at byte {offset} differs")
    if data[end] != 0:
        raise ValueError("a block is compressed, as TensorFlow's Saver writes none")
    contents = data[offset:end]
    (restarts,) = struct.unpack_from("<I", contents, size - 4)
    stop = size - 4 - 4 * restarts
    return _block_entries(contents, stop)


def _block_entries(contents: bytes, stop: int) -> Iterator[tuple[bytes, bytes]]:
    at, key = 0, b""
    while at < stop:
        shared, at = varint(contents, at)
        fresh, at = varint(contents, at)
        length, at = varint(contents, at)
        if shared + fresh > _LONGEST_KEY:  # a small file could unfold to gigabytes
            raise ValueError(f"a variable's name has {shared + fresh} bytes")
        key = key[:shared] + contents[at : at + fresh]
        at += fresh
        if at + length > stop:
            raise ValueError("an entry reaches beyond its block")
        yield key, contents[at : at + length]
        at += length


def masked_crc32c(data: bytes | NDArray[np.uint8]) -> int:
    """CRC-32C (Castagnoli) as LevelDB tables and TensorFlow bundles store it.

    Raises:
        EngineUnavailableError: the package that computes it is not installed.
    """
    try:
        import google_crc32c
    except ImportError as error:
        raise EngineUnavailableError(
            "checksums of a TensorFlow checkpoint need the package google-crc32c: "
            f"{shlex.quote(sys.executable)} -m pip install google-crc32c"
        ) from error
    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    offset, at = varint(data, at)
    size, at = varint(data, at)
    return (offset, size), at


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A base-128 number at ``at`` and the offset behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is longer than 64 bits")
